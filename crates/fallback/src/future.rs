use crate::{
    FallbackBody,
    session::Session,
    walk::{FallbackAnswer, Walk},
};
use headworks_core::{BoxError, Classify, Drain};
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower_service::Service;

/// Response future of [`Fallback`](crate::Fallback).
///
/// Dropping it in any state drops the answer that is waited for or read, and nothing else is held.
#[pin_project]
pub struct ResponseFuture<S, C, B, R>
where
    S: Service<Request<B>>,
    R: Body,
{
    /// `None` where there is but one group to ask.
    walk: Option<Walk<C, B, R>>,
    /// What a request to another group is made of; `None` where none may follow.
    spare: Option<Spare<S, B>>,
    #[pin]
    state: State<S::Future, R>,
}

pub(crate) struct Spare<S, B> {
    pub(crate) service: S,
    pub(crate) request: Request<B>,
}

#[pin_project(project = StateProj)]
#[expect(
    clippy::large_enum_variant,
    reason = "the future of a group's answer is larger, and neither is boxed"
)]
enum State<F, R: Body> {
    /// A group is asked.
    Asking(#[pin] F),
    /// Its answer is read to the end before the next is asked.
    Draining(#[pin] Drain<R>),
    /// The service is about to take the request for the next.
    Readying,
}

// ===== impl ResponseFuture =====

impl<S, C, B, R> ResponseFuture<S, C, B, R>
where
    S: Service<Request<B>>,
    R: Body,
{
    /// No other group follows.
    pub(crate) const fn only(answer: S::Future) -> Self {
        Self {
            walk: None,
            spare: None,
            state: State::Asking(answer),
        }
    }

    pub(crate) const fn first(
        answer: S::Future,
        session: Session<B>,
        classifier: Arc<C>,
        spare: Spare<S, B>,
    ) -> Self {
        Self {
            walk: Some(Walk::new(session, classifier)),
            spare: Some(spare),
            state: State::Asking(answer),
        }
    }
}

impl<S, C, B, R> Future for ResponseFuture<S, C, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    C: Classify,
    B: Clone,
    R: Body,
{
    type Output = Result<Response<FallbackBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Asking(answer) => {
                    let answer = ready!(answer.poll(cx)).map_err(Into::into);
                    let Some(walk) = this.walk else {
                        return Poll::Ready(live(answer));
                    };
                    let Err(failure) = walk.judge(&answer) else {
                        return Poll::Ready(walk.hand_on(live(answer)));
                    };
                    if !walk.go_on(failure) {
                        return Poll::Ready(walk.give_up(live(answer)));
                    }
                    match answer {
                        Ok(response) => {
                            let drain = Drain::new(response).within(walk.deadline());
                            this.state.set(State::Draining(drain));
                        }
                        Err(error) => {
                            walk.keep(Err(error));
                            this.state.set(State::Readying);
                        }
                    }
                }
                StateProj::Draining(drain) => {
                    if let (Some(whole), Some(walk)) = (ready!(drain.poll(cx)), this.walk.as_mut())
                    {
                        walk.keep(Ok(whole));
                    }
                    // Ends the answer and what rides in its body before the next group is asked.
                    this.state.set(State::Readying);
                }
                StateProj::Readying => {
                    let (Some(walk), Some(mut spare)) = (this.walk.as_mut(), this.spare.take())
                    else {
                        unreachable!("a group is next that no request was kept for");
                    };
                    match spare.service.poll_ready(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => {
                            return Poll::Ready(walk.give_up(Err(error.into())));
                        }
                        Poll::Pending => {
                            *this.spare = Some(spare);
                            return Poll::Pending;
                        }
                    }
                    let answer = if walk.may_continue() {
                        let answer = spare.service.call(walk.address(spare.request.clone()));
                        *this.spare = Some(spare);
                        answer
                    } else {
                        spare.service.call(walk.address(spare.request))
                    };
                    this.state.set(State::Asking(answer));
                }
            }
        }
    }
}

impl<S, C, B, R> fmt::Debug for ResponseFuture<S, C, B, R>
where
    S: Service<Request<B>>,
    R: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

fn live<R: Body>(answer: Result<Response<R>, BoxError>) -> FallbackAnswer<R> {
    answer.map(|response| response.map(FallbackBody::live))
}
