//! An upstream that answers by a script, and insists on being called rightly.

use bytes::Bytes;
use headworks_core::{
    AttemptNumber, Attempts, BoxError, End, Finish, Group, Guard, GuardedBody, NotAdmitted, Reason,
    Refusal, Verdict, Watch, Why,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
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
use tower::Service;

pub(crate) type Call = Request<&'static str>;
pub(crate) type Answer = Response<GuardedBody<ScriptedBody, Running>>;

/// What the upstream does when it is called.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Answers.
    Answer(Reply),
    /// Fails to answer.
    Error(&'static str),
    /// Nobody would take the request.
    Refusal,
    /// The one that was chosen did not take it.
    NotAdmitted,
    /// Never answers.
    Silence,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// How long after the call the head comes, and how long after the head the body.
    pub(crate) after: Duration,
    pub(crate) body_after: Duration,
    pub(crate) body: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
    Error(&'static str),
}

/// Answers by its script, then with 200. As a balance would, it keeps the ledger.
pub(crate) struct Upstream {
    seen: Arc<Seen>,
    ready: bool,
    lenient: bool,
}

/// What the upstream has seen, and what it will do.
pub(crate) struct Seen {
    script: Mutex<VecDeque<Step>>,
    /// How many other candidates each attempt had; then none.
    others: Mutex<VecDeque<usize>>,
    began: Instant,
    calls: Mutex<Vec<(Duration, Call)>>,
    running: AtomicUsize,
}

/// Counts an attempt as running until its answer is over.
pub(crate) struct Running {
    seen: Arc<Seen>,
    ledger: Attempts,
    number: AttemptNumber,
    verdict: Verdict,
}

pub(crate) struct ScriptedBody {
    wait: Pin<Box<Sleep>>,
    parts: VecDeque<Part>,
}

/// An answer with this status and a body that is there with the head.
pub(crate) fn status(status: u16) -> Step {
    reply(status, |_| {})
}

pub(crate) fn reply(status: u16, change: impl FnOnce(&mut Reply)) -> Step {
    let mut reply = Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        after: Duration::ZERO,
        body_after: Duration::ZERO,
        body: vec![Part::Data("what ".into()), Part::Data("happened".into())],
    };
    change(&mut reply);
    Step::Answer(reply)
}

// ===== impl Upstream =====

impl Upstream {
    /// An upstream where no attempt has other candidates.
    pub(crate) fn alone(script: impl IntoIterator<Item = Step>) -> (Self, Arc<Seen>) {
        Self::among([], script)
    }

    pub(crate) fn among(
        others: impl IntoIterator<Item = usize>,
        script: impl IntoIterator<Item = Step>,
    ) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen {
            script: Mutex::new(script.into_iter().collect()),
            others: Mutex::new(others.into_iter().collect()),
            began: Instant::now(),
            calls: Mutex::default(),
            running: AtomicUsize::new(0),
        });
        let upstream = Self {
            seen: seen.clone(),
            ready: false,
            lenient: false,
        };
        (upstream, seen)
    }

    /// Does not insist that an answer is over before the next attempt, which tower's layer does not see to.
    #[cfg(feature = "tower")]
    pub(crate) const fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }
}

impl Clone for Upstream {
    fn clone(&self) -> Self {
        Self {
            seen: self.seen.clone(),
            ready: false,
            lenient: self.lenient,
        }
    }
}

impl Service<Call> for Upstream {
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
        assert!(
            self.lenient || seen.running() == 0,
            "the last answer is not over"
        );
        let ledger: Attempts = request.extensions().get().cloned().unwrap();
        seen.calls.lock().push((seen.began.elapsed(), request));
        let step = seen.script.lock().pop_front().unwrap_or(status(200));
        if matches!(step, Step::Refusal) {
            let refusal = Refusal::new("group".into(), Vec::new());
            return Box::pin(async { Err(refusal.into()) });
        }
        let others = seen.others.lock().pop_front().unwrap_or(0);
        let number = ledger.begin(
            &Group::from("group"),
            &"deployment".into(),
            Why::new("script"),
            others,
        );
        seen.running.fetch_add(1, Ordering::Relaxed);
        let mut guard = Guard::new(Running {
            seen,
            ledger,
            number,
            verdict: headworks_core::Outcome::Success.into(),
        });
        Box::pin(async move {
            match step {
                Step::Answer(reply) => {
                    sleep(reply.after).await;
                    let body = ScriptedBody {
                        wait: Box::pin(sleep(reply.body_after)),
                        parts: reply.body.into(),
                    };
                    let mut response = Response::new(GuardedBody::new(body, guard));
                    *response.status_mut() = reply.status;
                    *response.headers_mut() = reply.headers;
                    Ok(response)
                }
                Step::NotAdmitted => {
                    let full = NotAdmitted::new(Reason::Full);
                    guard.finish(End::Failed);
                    Err(full.into())
                }
                Step::Error(error) => {
                    guard.finish(End::Failed);
                    Err(error.into())
                }
                Step::Silence | Step::Refusal => pending().await,
            }
        })
    }
}

// ===== impl Seen =====

impl Seen {
    /// How many attempts have been made.
    pub(crate) fn count(&self) -> usize {
        self.calls.lock().len()
    }

    /// When each attempt was made.
    pub(crate) fn times(&self) -> Vec<Duration> {
        self.calls.lock().iter().map(|(time, _)| *time).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Call> {
        let calls = self.calls.lock();
        calls.iter().map(|(_, request)| request.clone()).collect()
    }

    /// How many attempts are not over.
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

// ===== impl ScriptedBody =====

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        ready!(self.wait.as_mut().poll(cx));
        Poll::Ready(self.parts.pop_front().map(|part| match part {
            Part::Data(data) => Ok(Frame::data(data)),
            Part::Trailers(trailers) => Ok(Frame::trailers(trailers)),
            Part::Error(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
