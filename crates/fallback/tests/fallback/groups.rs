//! Groups that answer by a script, and insist on being called rightly.

use bytes::Bytes;
use headworks_core::{
    AttemptNumber, Attempts, BoxError, End, Finish, Group, Guard, GuardedBody, Outcome, Refusal,
    Retries, UnknownGroup, Verdict, Watch, Why,
};
use headworks_fallback::{Fallback, FallbackLayer, Fallbacks, FallbacksBuilder};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use parking_lot::Mutex;
use std::{
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};
use tower::{Layer, Service};

pub(crate) type Call = Request<&'static str>;
pub(crate) type Answer = Response<GuardedBody<LateBody, Running>>;

/// What a group does when it is asked.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Answers with this status, and this outcome where it is not the status's own.
    Answer(Reply),
    /// Fails to answer.
    Error,
    /// Nobody in it would take the request.
    Refusal,
    /// There is no such group.
    Unknown,
    /// Never answers.
    Silence,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) outcome: Option<Outcome>,
    /// How long after the call the head comes, and how long after the head the body.
    pub(crate) after: Duration,
    pub(crate) body_after: Duration,
    pub(crate) body: Bytes,
}

/// Each group answers by its rule. As a balance would, they keep the ledger.
pub(crate) struct Groups {
    seen: Arc<Seen>,
    ready: bool,
}

type Rule = Box<dyn Fn(&Group) -> Step + Send + Sync>;

/// What the groups have seen.
pub(crate) struct Seen {
    rule: Rule,
    /// How many other candidates each attempt had.
    others: Box<dyn Fn() -> usize + Send + Sync>,
    began: Instant,
    calls: Mutex<Vec<(Group, Duration, Call)>>,
    running: AtomicUsize,
}

/// Counts an attempt as running until its answer is over.
pub(crate) struct Running {
    seen: Arc<Seen>,
    ledger: Attempts,
    number: AttemptNumber,
    verdict: Verdict,
}

pub(crate) struct LateBody {
    wait: Pin<Box<Sleep>>,
    data: Bytes,
}

/// An answer with this status, and a body that says which group it is from.
pub(crate) fn status(status: u16) -> Step {
    reply(status, |_| {})
}

/// A 400 that somebody further in has understood.
pub(crate) fn understood(outcome: Outcome) -> Step {
    reply(400, |reply| reply.outcome = Some(outcome))
}

pub(crate) fn reply(status: u16, change: impl FnOnce(&mut Reply)) -> Step {
    let mut reply = Reply {
        status,
        outcome: None,
        after: Duration::ZERO,
        body_after: Duration::ZERO,
        body: Bytes::new(),
    };
    change(&mut reply);
    Step::Answer(reply)
}

/// The groups behind the layer.
pub(crate) fn stack(
    fallbacks: FallbacksBuilder,
    rule: impl Fn(&str) -> Step + Send + Sync + 'static,
) -> (Fallback<Groups>, Arc<Seen>) {
    let (groups, seen) = Groups::new(move |group| rule(group), || 0);
    let fallbacks: Fallbacks = fallbacks.build(|name| Some(name.into())).unwrap();
    (FallbackLayer::new(fallbacks).layer(groups), seen)
}

/// A request for `group`, and its ledger.
pub(crate) fn request(group: &str) -> (Call, Attempts) {
    let ledger = Attempts::new(9);
    let mut request = Request::new("hi");
    request.extensions_mut().insert(Group::from(group));
    request.extensions_mut().insert(ledger.clone());
    (request, ledger)
}

// ===== impl Groups =====

impl Groups {
    pub(crate) fn new(
        rule: impl Fn(&Group) -> Step + Send + Sync + 'static,
        others: impl Fn() -> usize + Send + Sync + 'static,
    ) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen {
            rule: Box::new(rule),
            others: Box::new(others),
            began: Instant::now(),
            calls: Mutex::default(),
            running: AtomicUsize::new(0),
        });
        let groups = Self {
            seen: seen.clone(),
            ready: false,
        };
        (groups, seen)
    }
}

impl Clone for Groups {
    fn clone(&self) -> Self {
        Self {
            seen: self.seen.clone(),
            ready: false,
        }
    }
}

impl Service<Call> for Groups {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Call) -> Self::Future {
        assert!(self.ready, "called without having been polled ready");
        self.ready = false;
        let seen = self.seen.clone();
        assert_eq!(seen.running(), 0, "the last answer is not over");
        let group: Group = request.extensions().get().cloned().unwrap();
        let ledger: Attempts = request.extensions().get().cloned().unwrap();
        let call = (group.clone(), seen.began.elapsed(), request);
        seen.calls.lock().push(call);
        let step = (seen.rule)(&group);
        let verdict = match &step {
            Step::Refusal => return failed(Refusal::new(group, Vec::new())),
            Step::Unknown => return failed(UnknownGroup::new(group)),
            Step::Answer(Reply { outcome, .. }) => outcome.unwrap_or(Outcome::Success),
            Step::Error | Step::Silence => Outcome::Transport,
        };
        let others = (seen.others)();
        let number = ledger.begin(&group, &"deployment".into(), Why::new("script"), others);
        seen.running.fetch_add(1, Ordering::Relaxed);
        let mut guard = Guard::new(Running {
            seen,
            ledger,
            number,
            verdict: verdict.into(),
        });
        Box::pin(async move {
            let Step::Answer(reply) = step else {
                if matches!(step, Step::Silence) {
                    pending::<()>().await;
                }
                guard.finish(End::Failed);
                return Err(format!("{group} was reset").into());
            };
            sleep(reply.after).await;
            let data = match reply.body.is_empty() {
                true => Bytes::from(group.to_string()),
                false => reply.body,
            };
            let wait = Box::pin(sleep(reply.body_after));
            let mut response = Response::new(GuardedBody::new(LateBody { wait, data }, guard));
            *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
            if let Some(outcome) = reply.outcome {
                response.extensions_mut().insert(Verdict::from(outcome));
            }
            Ok(response)
        })
    }
}

fn failed(
    error: impl Into<BoxError>,
) -> Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>> {
    Box::pin(std::future::ready(Err(error.into())))
}

// ===== impl Seen =====

impl Seen {
    /// Which groups have been asked, in this order.
    pub(crate) fn groups(&self) -> Vec<String> {
        let calls = self.calls.lock();
        calls.iter().map(|(group, ..)| group.to_string()).collect()
    }

    /// When each was.
    pub(crate) fn times(&self) -> Vec<Duration> {
        self.calls.lock().iter().map(|(_, time, _)| *time).collect()
    }

    /// What each was sent.
    pub(crate) fn bodies(&self) -> Vec<&'static str> {
        let calls = self.calls.lock();
        calls.iter().map(|(.., call)| *call.body()).collect()
    }

    /// How long each was allowed to wait at a time.
    pub(crate) fn longest_waits(&self) -> Vec<Option<Duration>> {
        let calls = self.calls.lock();
        let retries = calls.iter().map(|(.., call)| call.extensions().get());
        retries
            .map(|r| r.and_then(|r: &Retries| r.longest_wait))
            .collect()
    }

    /// How many answers are not over.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

// ===== impl Running =====

impl Finish for Running {
    fn finish(self, end: End) {
        self.seen.running.fetch_sub(1, Ordering::Relaxed);
        self.ledger.end(self.number, self.verdict.at_end(end));
    }
}

impl Watch<Bytes> for Running {}

// ===== impl LateBody =====

impl Body for LateBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        ready!(self.wait.as_mut().poll(cx));
        let data = std::mem::take(&mut self.data);
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty()
    }
}
