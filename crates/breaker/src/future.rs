use crate::{BreakerBody, fault, flight::Flight};
use headworks_core::{Answer, BoxError, Classify, End, Guard, GuardedBody, Outcome};
use http::Response;
use http_body::Body;
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Response future of [`Breaker`](crate::Breaker).
///
/// Dropped before the head of the answer, it ends the attempt without a verdict.
#[pin_project]
pub struct ResponseFuture<F, C> {
    #[pin]
    stage: Stage<F, C>,
}

#[pin_project(project = StageProj)]
enum Stage<F, C> {
    TurnedAway(Option<BoxError>),
    Admitted {
        #[pin]
        inner: F,
        guard: Guard<Flight>,
        classifier: C,
    },
}

// ===== impl ResponseFuture =====

impl<F, C> ResponseFuture<F, C> {
    pub(crate) const fn admitted(inner: F, guard: Guard<Flight>, classifier: C) -> Self {
        Self {
            stage: Stage::Admitted {
                inner,
                guard,
                classifier,
            },
        }
    }

    pub(crate) const fn turned_away(error: BoxError) -> Self {
        Self {
            stage: Stage::TurnedAway(Some(error)),
        }
    }
}

impl<F, C, B, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    C: Classify,
    B: Body,
{
    type Output = Result<Response<BreakerBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (inner, guard, classifier) = match self.project().stage.project() {
            StageProj::TurnedAway(error) => match error.take() {
                Some(error) => return Poll::Ready(Err(error)),
                None => panic!("polled after it was done"),
            },
            StageProj::Admitted {
                inner,
                guard,
                classifier,
            } => (inner, guard, classifier),
        };
        let answer = ready!(inner.poll(cx)).map_err(Into::into);
        let verdict = match &answer {
            Ok(response) => classifier.classify(response.into()),
            Err(error) if fault::is_nobodys(&**error) => Outcome::Cancelled.into(),
            Err(error) => classifier.classify(Answer::Error(&**error)),
        };
        if let Some(flight) = guard.get_mut() {
            flight.head(verdict);
        }
        Poll::Ready(match answer {
            Ok(response) => Ok(GuardedBody::of(response, guard.hand_on())),
            Err(error) => {
                guard.finish(End::Failed);
                Err(error)
            }
        })
    }
}

impl<F, C> fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
