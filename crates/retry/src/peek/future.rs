use super::PeekBody;
use headworks_core::{Answer, BoxError, Classify, Outcome};
use http::{Response, response::Parts};
use http_body::{Body, Frame};
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Response future of [`Peek`](super::Peek).
#[pin_project]
pub struct PeekFuture<F, C, R> {
    #[pin]
    state: State<F, R>,
    classifier: C,
}

#[pin_project(project = StateProj)]
enum State<F, R> {
    Asking(#[pin] F),
    /// Boxed so that the body, once polled, can still be handed on.
    Peeking(Option<(Parts, Pin<Box<R>>)>),
}

// ===== impl PeekFuture =====

impl<F, C, R> PeekFuture<F, C, R> {
    pub(super) const fn new(inner: F, classifier: C) -> Self {
        Self {
            state: State::Asking(inner),
            classifier,
        }
    }
}

impl<F, C, R, E> Future for PeekFuture<F, C, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    C: Classify,
    R: Body,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<PeekBody<R>>, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StateProj::Asking(inner) = this.state.as_mut().project() {
            let response = ready!(inner.poll(cx)).map_err(Into::into)?;
            let verdict = this.classifier.classify((&response).into());
            if verdict.outcome != Outcome::Success || response.body().is_end_stream() {
                let response = response.map(|body| PeekBody::new(None, Box::pin(body)));
                return Poll::Ready(Ok(response));
            }
            let (head, body) = response.into_parts();
            let peeking = Some((head, Box::pin(body)));
            this.state.set(State::Peeking(peeking));
        }
        let StateProj::Peeking(slot) = this.state.project() else {
            unreachable!("set above");
        };
        let peeking = slot.as_mut();
        let (_, body) = peeking.expect("a response future is not polled after it is done");
        let first = ready!(body.as_mut().poll_frame(cx))
            .transpose()
            .map_err(Into::into)?;
        let (mut head, body) = slot.take().expect("seen above");
        if let Some(trailers) = first.as_ref().and_then(Frame::trailers_ref) {
            let verdict = this.classifier.classify(Answer::Trailers(trailers));
            if verdict.outcome != Outcome::Success {
                head.extensions.insert(verdict);
            }
        }
        let body = PeekBody::new(first, body);
        Poll::Ready(Ok(Response::from_parts(head, body)))
    }
}

impl<F, C, R> fmt::Debug for PeekFuture<F, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekFuture").finish_non_exhaustive()
    }
}
