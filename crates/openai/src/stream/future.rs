use super::{
    CommitBody,
    beginning::Beginning,
    holder::Holder,
    layer::Until,
    plain::MAX_LOOK,
    protocol::Protocol,
    rule::ErrorRule,
    waiting::{Answer, Awaits, Waiting},
    whole::Whole,
};
use bytes::Bytes;
use headworks_core::{BoxError, Clock, Elapsed, HideUsage};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body;
use pin_project::pin_project;
use std::{
    fmt, mem,
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
    rule: ErrorRule,
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

// ===== impl ResponseFuture =====

impl<F, R> ResponseFuture<F, R> {
    pub(super) fn new(inner: F, asked: Asked, until: Until, rule: ErrorRule) -> Self {
        Self {
            state: State::Asking(inner),
            asked,
            until,
            rule,
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
            let waiting = Waiting::new(response, awaits);
            this.state.set(State::Waiting(Some(Box::new(waiting))));
        }
        let StateProj::Waiting(slot) = this.state.project() else {
            unreachable!("set above");
        };
        let waiting = slot.as_mut();
        let waiting = waiting.expect("a future is not polled once it is ready");
        let step = ready!(waiting.poll(cx));
        let waiting = *slot.take().expect("seen above");
        let rule = mem::take(this.rule);
        Poll::Ready(waiting.finish(step, this.asked.content_fallback, rule))
    }

    /// Nothing can be handed on yet. Ready if a first token should have come by now.
    fn poll_first_token(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let mut this = self.project();
        let waits = match this.state.project() {
            StateProj::Asking(_) => true,
            StateProj::Waiting(waiting) => waiting
                .as_ref()
                .is_some_and(|waiting| waiting.awaits_content()),
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
