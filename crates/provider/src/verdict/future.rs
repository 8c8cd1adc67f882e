use super::{JudgedBody, Overrule, layer::Params, reading::Reading};
use headworks_core::{Outcome, Verdict};
use http::{Response, response::Parts};
use http_body::Body;
use pin_project::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The future of [`Judge`](super::Judge).
///
/// Dropping it in any state drops the request or the answer that is being read, and nothing else is held.
#[pin_project]
pub struct ResponseFuture<F, B: Body, O> {
    #[pin]
    state: State<F, B>,
    params: Params<O>,
}

#[pin_project(project = StateProj)]
enum State<F, B: Body> {
    Asking {
        #[pin]
        inner: F,
    },
    Reading {
        /// Taken when it is handed on. Boxed, so that the future of an answer that is no error stays small.
        answer: Option<Box<(Parts, Reading<B>)>>,
    },
}

// ===== impl ResponseFuture =====

impl<F, B: Body, O> ResponseFuture<F, B, O> {
    pub(super) const fn new(inner: F, params: Params<O>) -> Self {
        Self {
            state: State::Asking { inner },
            params,
        }
    }
}

impl<F, B, E, O> Future for ResponseFuture<F, B, O>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    O: Overrule,
{
    type Output = Result<Response<JudgedBody<B>>, E>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const DONE: &str = "a response future is not polled after it is done";
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Asking { inner } => {
                    let response = ready!(inner.poll(cx))?;
                    if !is_to_be_judged(&response) {
                        return Poll::Ready(Ok(response.map(JudgedBody::passed)));
                    }
                    let (head, body) = response.into_parts();
                    this.state.set(State::Reading {
                        answer: Some(Box::new((head, Reading::new(body)))),
                    });
                }
                StateProj::Reading { answer } => {
                    let (_, reading) = &mut **answer.as_mut().expect(DONE);
                    ready!(reading.poll_read(cx));
                    let (mut head, reading) = *answer.take().expect(DONE);
                    let verdict = this.params.verdict(&head, &reading.read());
                    head.extensions.insert(verdict);
                    let response = Response::from_parts(head, JudgedBody::judged(reading));
                    return Poll::Ready(Ok(response));
                }
            }
        }
    }
}

/// An error that nobody further in has judged.
fn is_to_be_judged<B>(response: &Response<B>) -> bool {
    Outcome::of_status(response.status()) != Outcome::Success
        && response.extensions().get::<Verdict>().is_none()
}

impl<F, B: Body, O> fmt::Debug for ResponseFuture<F, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Asking { .. } => "Asking",
            State::Reading { .. } => "Reading",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
