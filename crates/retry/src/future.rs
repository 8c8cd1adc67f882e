use crate::{
    RetryBody, RetryPolicy,
    session::{Next, Session},
};
use headworks_core::{Answer, BoxError, Classify, Drain, NotAdmitted, Refusal, UnknownGroup};
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use std::{
    error::Error,
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};
use tower_service::Service;

/// Response future of [`Retry`](crate::Retry).
///
/// Dropping it in any state drops the attempt that runs or the answer that is being read, and nothing else
/// is held.
#[pin_project]
pub struct ResponseFuture<S, C, B, R>
where
    S: Service<Request<B>>,
    R: Body,
{
    policy: Arc<RetryPolicy<C>>,
    session: Session,
    /// What a further attempt is made of; `None` where none may follow.
    spare: Option<Spare<S, B>>,
    /// The last answer that was not handed on, in case nobody takes the next attempt.
    kept: Option<Result<Response<RetryBody<R>>, BoxError>>,
    #[pin]
    state: State<S::Future, R>,
    #[pin]
    sleep: Option<Sleep>,
}

pub(crate) struct Spare<S, B> {
    pub(crate) service: S,
    pub(crate) request: Request<B>,
}

#[pin_project(project = StateProj)]
#[expect(
    clippy::large_enum_variant,
    reason = "the future of an attempt is larger, and neither is boxed"
)]
enum State<F, R: Body> {
    /// An attempt runs.
    Asking(#[pin] F),
    /// Its answer is read to the end; the next attempt begins at `then`.
    Draining {
        #[pin]
        drain: Drain<R>,
        then: Instant,
    },
    /// Nothing runs until the moment has come.
    Waiting(Instant),
    /// The service is about to take the next attempt.
    Readying,
}

// ===== impl ResponseFuture =====

impl<S, C, B, R> ResponseFuture<S, C, B, R>
where
    S: Service<Request<B>>,
    R: Body,
{
    pub(crate) const fn new(
        attempt: S::Future,
        spare: Option<Spare<S, B>>,
        session: Session,
        policy: Arc<RetryPolicy<C>>,
    ) -> Self {
        Self {
            policy,
            session,
            spare,
            kept: None,
            state: State::Asking(attempt),
            sleep: None,
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
    type Output = Result<Response<RetryBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Asking(attempt) => {
                    let answer = ready!(attempt.poll(cx)).map_err(Into::into);
                    let unasked = answer.as_ref().is_err_and(is_unasked);
                    let then = match judge(this.session, this.policy, &answer) {
                        Next::Again(then) => then,
                        Next::HandOn => {
                            // Whoever was asked has more to say than that nobody was.
                            let kept = this.kept.take().filter(|_| unasked);
                            return Poll::Ready(kept.unwrap_or_else(|| hand_on(answer)));
                        }
                    };
                    match answer {
                        Ok(response) => {
                            let drain = Drain::new(response).within(this.session.deadline());
                            this.state.set(State::Draining { drain, then });
                        }
                        Err(error) => {
                            if !unasked {
                                *this.kept = Some(Err(error));
                            }
                            this.state.set(State::Waiting(then));
                        }
                    }
                }
                StateProj::Draining { drain, then } => {
                    let then = *then;
                    if let Some(whole) = ready!(drain.poll(cx)) {
                        *this.kept = Some(Ok(whole));
                    }
                    // Ends the answer and what rides in its body before the next attempt is asked for.
                    this.state.set(State::Waiting(then));
                }
                StateProj::Waiting(then) => {
                    let then = *then;
                    if then > Instant::now() {
                        ready!(poll_sleep(this.sleep.as_mut(), cx, then));
                    }
                    this.sleep.set(None);
                    this.state.set(State::Readying);
                }
                StateProj::Readying => {
                    let Some(mut spare) = this.spare.take() else {
                        unreachable!("an attempt was decided on that nothing was kept for");
                    };
                    match spare.service.poll_ready(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => {
                            let kept = this.kept.take();
                            return Poll::Ready(kept.unwrap_or_else(|| Err(error.into())));
                        }
                        Poll::Pending => {
                            *this.spare = Some(spare);
                            return Poll::Pending;
                        }
                    }
                    let attempt = if this.session.may_continue() {
                        let attempt = spare.service.call(spare.request.clone());
                        *this.spare = Some(spare);
                        attempt
                    } else {
                        spare.service.call(spare.request)
                    };
                    this.state.set(State::Asking(attempt));
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
        f.debug_struct("ResponseFuture")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

fn hand_on<R: Body>(
    answer: Result<Response<R>, BoxError>,
) -> Result<Response<RetryBody<R>>, BoxError> {
    answer.map(|response| response.map(RetryBody::live))
}

/// What is to become of `answer`. Without a plan to go on, nobody asks what it means.
fn judge<C: Classify, R>(
    session: &mut Session,
    policy: &RetryPolicy<C>,
    answer: &Result<Response<R>, BoxError>,
) -> Next {
    if !session.may_continue() {
        return Next::HandOn;
    }
    let answer = match answer {
        Ok(response) => response.into(),
        // Nobody would take it, and whoever says so has looked for another already.
        Err(error) if is_caused_by::<Refusal>(error) => return Next::HandOn,
        // Nor is a group found by asking again, whatever is given for a caller's fault.
        Err(error) if is_caused_by::<UnknownGroup>(error) => return Next::HandOn,
        Err(error) => Answer::Error(&**error),
    };
    let verdict = policy.classifier.classify(answer);
    session.next(policy, verdict, Instant::now())
}

/// True if the request was not sent to any deployment.
fn is_unasked(error: &BoxError) -> bool {
    is_caused_by::<Refusal>(error) || is_caused_by::<NotAdmitted>(error)
}

pub(crate) fn is_caused_by<E: Error + 'static>(error: &BoxError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&**error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Polls the timer in `sleep`, which is made for the moment `at` if there is none.
fn poll_sleep(mut sleep: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
    if sleep.is_none() {
        sleep.set(Some(sleep_until(at)));
    }
    match sleep.as_pin_mut() {
        // A task that has used up its turn would find every timer pending, this one too.
        Some(sleep) => pin!(unconstrained(sleep)).poll(cx),
        None => Poll::Ready(()),
    }
}
