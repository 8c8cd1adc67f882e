use super::{
    CommitBody, StreamError, StreamErrorKind,
    beginning::Beginning,
    holder::{Held, Holder},
    in_band::InBand,
    layer::Until,
    plain::{self, Look, MAX_LOOK},
    protocol::Protocol,
    whole::Whole,
};
use crate::finish;
use bytes::Bytes;
use headworks_core::{BoxError, Clock, Elapsed, HideUsage, Outcome, Verdict};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, response::Parts};
use http_body::{Body, Frame};
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Response future of [`Commit`](super::Commit).
#[pin_project]
pub struct ResponseFuture<F, R> {
    #[pin]
    state: State<F, R>,
    asked: Asked,
    until: Until,
    began: Instant,
    /// The clock of the first token, once it is waited for.
    #[pin]
    sleep: Option<Sleep>,
}

/// What is to be known of a request when its answer comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) protocol: Option<Protocol>,
    /// It asks for content: an answer without any has failed.
    pub(super) content: bool,
    /// Somebody else is left to be asked for what is withheld.
    pub(super) content_fallback: bool,
}

#[pin_project(project = StateProj)]
enum State<F, R> {
    Asking(#[pin] F),
    /// Boxed so that the body, once looked into, can still be handed on.
    Waiting(Option<Box<Waiting<R>>>),
}

/// An answer that is not handed on yet.
struct Waiting<R> {
    head: Parts,
    body: Pin<Box<R>>,
    awaits: Awaits,
}

enum Awaits {
    /// The first byte of a plain answer, and what it takes to tell that it is no error if it is JSON.
    Content(Beginning),
    /// The end of a plain answer, which may say that it was withheld.
    Whole(Whole),
    /// The commit point of a stream.
    Commit(Box<Holder>),
}

/// What a wait has come to.
enum Step {
    /// The first bytes of a plain answer, and what it ended with if it has ended.
    Content {
        first: Bytes,
        trailers: Option<HeaderMap>,
        ended: bool,
        withheld: bool,
    },
    Commit {
        /// What the stream ended with, if it has ended.
        trailers: Option<HeaderMap>,
        ended: bool,
    },
    Refused(InBand),
    Failed(StreamError),
}

type Answer<R> = Result<Response<CommitBody<R>>, BoxError>;

// ===== impl ResponseFuture =====

impl<F, R> ResponseFuture<F, R> {
    pub(super) fn new(inner: F, asked: Asked, until: Until) -> Self {
        Self {
            state: State::Asking(inner),
            asked,
            until,
            began: Instant::now(),
            sleep: None,
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Output = Answer<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = self.as_mut().poll_answer(cx) {
            return Poll::Ready(answer);
        }
        let elapsed = ready!(self.as_mut().poll_first_token(cx));
        // The attempt is over, and with it what it holds of the deployment.
        self.project().state.set(State::Waiting(None));
        Poll::Ready(Err(elapsed.into()))
    }
}

impl<F, R, E> ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll_answer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<R>> {
        let mut this = self.project();
        if let StateProj::Asking(inner) = this.state.as_mut().project() {
            let response = ready!(inner.poll(cx)).map_err(Into::into)?;
            let Some(awaits) = this.asked.awaits(&response, *this.until) else {
                return Poll::Ready(Ok(response.map(CommitBody::passed)));
            };
            let (head, body) = response.into_parts();
            let body = Box::pin(body);
            let waiting = Box::new(Waiting { head, body, awaits });
            this.state.set(State::Waiting(Some(waiting)));
        }
        let StateProj::Waiting(slot) = this.state.project() else {
            unreachable!("set above");
        };
        let waiting = slot.as_mut();
        let waiting = waiting.expect("a future is not polled once it is ready");
        let step = ready!(waiting.poll(cx));
        let waiting = *slot.take().expect("seen above");
        Poll::Ready(waiting.finish(step, this.asked.content_fallback))
    }

    /// Nothing can be handed on yet. Ready if a first token should have come by now.
    fn poll_first_token(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let mut this = self.project();
        let waits = match this.state.project() {
            StateProj::Asking(_) => true,
            StateProj::Waiting(waiting) => waiting.as_ref().is_some_and(|waiting| {
                matches!(&waiting.awaits, Awaits::Commit(holder) if !holder.saw_content())
            }),
        };
        let Some(time) = this.until.first_token.filter(|_| waits) else {
            return Poll::Pending;
        };
        // Beyond what the clock can show is never.
        let Some(at) = this.began.checked_add(time) else {
            return Poll::Pending;
        };
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(at)));
        }
        match this.sleep.as_pin_mut() {
            Some(sleep) => sleep
                .poll(cx)
                .map(|()| Elapsed::new(Clock::FirstToken, time)),
            None => Poll::Pending,
        }
    }
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// ===== impl Asked =====

impl Asked {
    /// What is awaited before an answer is handed on, if anything is.
    fn awaits<R: Body>(self, response: &Response<R>, until: Until) -> Option<Awaits> {
        let headers = response.headers();
        if response.status().is_success() && is(headers, "text/event-stream") {
            let protocol = self.protocol.filter(|_| is_plain(headers))?;
            let hides_usage = response.extensions().get::<HideUsage>().is_some();
            let holder = Holder::new(protocol, until.point, until.at_most, hides_usage);
            return Some(Awaits::Commit(Box::new(holder)));
        }
        // gRPC says in its trailers, alone perhaps, how it went.
        let promised =
            self.content && response.status() == StatusCode::OK && !is(headers, "application/grpc");
        let least = response.body().size_hint().lower();
        let json = is(headers, "application/json") && is_plain(headers);
        if !promised {
            return None;
        }
        let tells = self.protocol.is_some_and(Protocol::tells_its_finish);
        if self.content_fallback && tells && json && least <= Whole::MOST as u64 {
            return Some(Awaits::Whole(Whole::default()));
        }
        let may_be_error = json && least <= MAX_LOOK as u64;
        Some(Awaits::Content(Beginning::new(may_be_error)))
    }
}

/// True if the content is of a type that begins so.
fn is(headers: &HeaderMap, kind: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    value
        .and_then(|value| value.get(..kind.len()))
        .is_some_and(|value| value.eq_ignore_ascii_case(kind.as_bytes()))
}

/// True if the content can be read as it is.
fn is_plain(headers: &HeaderMap) -> bool {
    let coding = headers.get(header::CONTENT_ENCODING);
    coding.is_none_or(|coding| coding == "identity")
}

// ===== impl Waiting =====

impl<R> Waiting<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            let frame = ready!(self.body.as_mut().poll_frame(cx));
            let step = match &mut self.awaits {
                Awaits::Content(held) => {
                    content(held, frame.map(|frame| frame.map_err(Into::into)))
                }
                Awaits::Whole(held) => whole(held, frame.map(|frame| frame.map_err(Into::into))),
                Awaits::Commit(holder) => {
                    commit(holder, frame.map(|frame| frame.map_err(Into::into)))
                }
            };
            if let Some(step) = step {
                return Poll::Ready(step);
            }
        }
    }

    /// The answer as it is handed on. One that was withheld is marked as that if it `may` go elsewhere.
    fn finish(self, step: Step, may: bool) -> Answer<R> {
        let Self {
            mut head,
            body,
            awaits,
        } = self;
        match (step, awaits) {
            (
                Step::Content {
                    first,
                    trailers,
                    ended,
                    withheld,
                },
                _,
            ) => {
                if withheld {
                    mark_withheld(&mut head);
                }
                let rest = (!ended).then_some(body);
                let body = CommitBody::begun(first, rest, trailers);
                Ok(Response::from_parts(head, body))
            }
            (Step::Commit { trailers, ended }, Awaits::Commit(holder)) => {
                // An end may be added to it.
                head.headers.remove(header::CONTENT_LENGTH);
                head.extensions.insert(holder.reading().clone());
                head.extensions.insert(holder.reading().foretold().clone());
                if may && holder.is_withheld() {
                    mark_withheld(&mut head);
                }
                let follower = Box::new(holder.into_follower());
                let rest = (!ended).then_some(body);
                let body = CommitBody::followed(follower, rest, trailers);
                Ok(Response::from_parts(head, body))
            }
            (Step::Refused(error), _) => {
                head.status = error.status();
                head.headers.remove(header::CONTENT_LENGTH);
                let kind = HeaderValue::from_static("application/json");
                head.headers.insert(header::CONTENT_TYPE, kind);
                // Whoever left it has judged by the 200.
                head.extensions.remove::<Verdict>();
                Ok(Response::from_parts(head, CommitBody::own(error.json)))
            }
            (Step::Failed(error), _) => Err(error.into()),
            (Step::Commit { .. }, Awaits::Content(_) | Awaits::Whole(_)) => {
                unreachable!("a plain answer is no stream")
            }
        }
    }
}

/// What the next frame means to a plain answer of which the beginning is held.
fn content(held: &mut Beginning, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Option<Step> {
    let (look, trailers, ended) = match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => (held.push(data), None, false),
        Some(Ok(Err(last))) => (held.look(), last.into_trailers().ok(), true),
        Some(Err(error)) => {
            let error = StreamError::broken(StreamErrorKind::Cut, error);
            return Some(Step::Failed(error));
        }
        None => (held.look(), None, true),
    };
    if look == Look::More && !ended {
        return None;
    }
    let first = held.take();
    Some(if first.is_empty() {
        // Nothing at all, or nothing but trailers.
        Step::Failed(StreamError::new(StreamErrorKind::Empty))
    } else if look == Look::Error {
        // Its protocol is told by its own words, or does not matter.
        Step::Refused(InBand::of(&first, Protocol::Completions))
    } else {
        Step::Content {
            first,
            trailers,
            ended,
            withheld: false,
        }
    })
}

/// What the next frame means to a plain answer that is held until it is whole.
fn whole(held: &mut Whole, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Option<Step> {
    let trailers = match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => {
            let first = held.push(data)?;
            return Some(Step::Content {
                first,
                trailers: None,
                ended: false,
                withheld: false,
            });
        }
        Some(Ok(Err(last))) => last.into_trailers().ok(),
        Some(Err(error)) => {
            let error = StreamError::broken(StreamErrorKind::Cut, error);
            return Some(Step::Failed(error));
        }
        None => None,
    };
    let all = held.take();
    Some(if all.is_empty() {
        Step::Failed(StreamError::new(StreamErrorKind::Empty))
    } else if plain::look(&all) == Look::Error {
        Step::Refused(InBand::of(&all, Protocol::Completions))
    } else {
        Step::Content {
            withheld: finish::is_withheld(&all),
            first: all,
            trailers,
            ended: true,
        }
    })
}

/// Whoever goes by verdicts takes it for what it is, and not for its 200.
fn mark_withheld(head: &mut Parts) {
    let verdict = Verdict::from(Outcome::ContentRefused);
    head.extensions.insert(verdict);
}

/// What the next frame means to a stream that is held.
fn commit(holder: &mut Holder, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Option<Step> {
    let (mut trailers, mut source, mut ended) = (None, None, true);
    let held = match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => {
            ended = false;
            holder.push(data)
        }
        Some(Ok(Err(last))) => {
            trailers = last.into_trailers().ok();
            holder.end()
        }
        Some(Err(error)) => {
            source = Some(error);
            holder.break_off()
        }
        None => holder.end(),
    };
    Some(match held {
        Held::More => return None,
        Held::Commit => Step::Commit { trailers, ended },
        Held::Refused(error) => Step::Refused(error),
        Held::Failed(kind) => Step::Failed(match source {
            Some(source) => StreamError::broken(kind, source),
            None => StreamError::new(kind),
        }),
    })
}
