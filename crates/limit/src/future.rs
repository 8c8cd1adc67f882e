use crate::{Asking, Flight, Reservation, ResponseBody, Tally, rests::Rests};
use headworks_core::{
    Answer, BoxError, Classify, End, Guard, GuardedBody, NotAdmitted, Outcome, Refusal, Returned,
    Verdict,
};
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_service::Service;

/// The response future of [`RateLimit`](crate::RateLimit).
///
/// Dropped before the head of the answer, it settles the request as cancelled; dropped before it is known whether
/// the request is admitted, it leaves no trace.
#[pin_project]
pub struct ResponseFuture<S, B, T: Tally, K>
where
    S: Service<Request<B>>,
{
    #[pin]
    stage: Stage<S, B, T, K>,
}

#[pin_project(project = StageProj)]
enum Stage<S, B, T: Tally, K>
where
    S: Service<Request<B>>,
{
    TurnedAway(Option<BoxError>),
    /// Behind a pointer, so that the futures of those that wait for nobody are no larger for it.
    Asking(Option<Box<Asked<S, B, T, K>>>),
    Admitted {
        #[pin]
        inner: S::Future,
        guard: Guard<Flight<T>>,
        classifier: K,
    },
}

/// A request that is asked for, and the service that is ready to take it.
pub(crate) struct Asked<S, B, T, K> {
    pub(crate) asking: Asking,
    pub(crate) service: S,
    pub(crate) request: Request<B>,
    pub(crate) terms: Terms<T, K>,
}

/// By what a request is accounted for once it is admitted.
pub(crate) struct Terms<T, K> {
    pub(crate) tally: T,
    pub(crate) rests: Rests,
    pub(crate) anyway: bool,
    pub(crate) classifier: K,
}

const DONE: &str = "polled after it was done";

// ===== impl ResponseFuture =====

impl<S, B, T: Tally, K> ResponseFuture<S, B, T, K>
where
    S: Service<Request<B>>,
{
    pub(crate) fn admitted(inner: S::Future, reservation: Reservation, terms: Terms<T, K>) -> Self {
        Self {
            stage: Stage::admitted(inner, reservation, terms),
        }
    }

    pub(crate) fn asking(asked: Asked<S, B, T, K>) -> Self {
        Self {
            stage: Stage::Asking(Some(Box::new(asked))),
        }
    }

    pub(crate) const fn turned_away(error: BoxError) -> Self {
        Self {
            stage: Stage::TurnedAway(Some(error)),
        }
    }
}

impl<S, B, T, K, R> Future for ResponseFuture<S, B, T, K>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    T: Tally,
    K: Classify,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R, T>>, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            match stage.as_mut().project() {
                StageProj::TurnedAway(error) => {
                    return Poll::Ready(Err(error.take().expect(DONE)));
                }
                StageProj::Asking(asked) => {
                    let waiting = asked.as_mut().expect(DONE);
                    let admitted = ready!(Pin::new(&mut waiting.asking).poll(cx));
                    let asked = *asked.take().expect(DONE);
                    let next = asked.decided(admitted)?;
                    stage.set(next);
                }
                StageProj::Admitted {
                    inner,
                    guard,
                    classifier,
                } => {
                    return Poll::Ready(match ready!(inner.poll(cx)) {
                        Ok(response) => {
                            let head = Answer::from(&response);
                            let verdict = classifier.classify(head);
                            if let Some(flight) = guard.get_mut() {
                                flight.head(head, verdict);
                            }
                            Ok(GuardedBody::of(response, guard.hand_on()))
                        }
                        Err(error) => {
                            let error = error.into();
                            has_failed(guard, classifier, &*error);
                            Err(error)
                        }
                    });
                }
            }
        }
    }
}

impl<S, B, T: Tally, K> fmt::Debug for ResponseFuture<S, B, T, K>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// ===== impl Asked =====

impl<S, B, T: Tally, K> Asked<S, B, T, K>
where
    S: Service<Request<B>>,
    B: Send + 'static,
{
    /// What becomes of it. Apart from the poll of those that wait for nobody, which is the shorter for it.
    #[cold]
    fn decided(
        self,
        admitted: Result<Reservation, NotAdmitted>,
    ) -> Result<Stage<S, B, T, K>, BoxError> {
        let Self {
            mut service,
            request,
            terms,
            ..
        } = self;
        match admitted {
            Ok(reservation) => {
                let inner = service.call(request);
                Ok(Stage::admitted(inner, reservation, terms))
            }
            Err(why) => Err(Returned::new(request, why).into()),
        }
    }
}

// ===== impl Stage =====

impl<S, B, T: Tally, K> Stage<S, B, T, K>
where
    S: Service<Request<B>>,
{
    fn admitted(inner: S::Future, reservation: Reservation, terms: Terms<T, K>) -> Self {
        let flight = Flight::new(reservation, terms.tally, terms.rests, terms.anyway);
        Self::Admitted {
            inner,
            guard: Guard::new(flight),
            classifier: terms.classifier,
        }
    }
}

/// There is no answer, but an error.
fn has_failed<T: Tally>(
    guard: &mut Guard<Flight<T>>,
    classifier: &impl Classify,
    error: &(dyn Error + 'static),
) {
    if was_not_sent(error) {
        if let Some(flight) = guard.take() {
            flight.refund();
        }
    } else if let Some(flight) = guard.get_mut() {
        let answer = Answer::Error(error);
        flight.head(answer, failed(classifier.classify(answer)));
    }
    guard.finish(End::Failed);
}

/// An error is no success, whatever a classifier makes of it: there is no answer that could say its cost.
fn failed(verdict: Verdict) -> Verdict {
    match verdict.outcome {
        Outcome::Success => Outcome::Transport.into(),
        _ => verdict,
    }
}

/// True if somebody further in did not admit it.
fn was_not_sent(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<NotAdmitted>() || error.is::<Refusal>() {
            return true;
        }
        cause = error.source();
    }
    false
}
