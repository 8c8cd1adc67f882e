use crate::{Flight, ResponseBody, Tally};
use headworks_core::{
    Answer, BoxError, Classify, End, Guard, GuardedBody, NotAdmitted, Outcome, Refusal, Verdict,
};
use http::Response;
use http_body::Body;
use pin_project::pin_project;
use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The response future of [`RateLimit`](crate::RateLimit).
///
/// Dropped before the head of the answer, it settles the request as cancelled.
#[pin_project]
pub struct ResponseFuture<F, T: Tally, K> {
    #[pin]
    stage: Stage<F, T, K>,
}

#[pin_project(project = StageProj, project_replace = StageOwned)]
enum Stage<F, T: Tally, K> {
    TurnedAway(Option<BoxError>),
    Admitted {
        #[pin]
        inner: F,
        guard: Guard<Flight<T>>,
        classifier: K,
    },
    Done,
}

const DONE: &str = "polled after it was done";

// ===== impl ResponseFuture =====

impl<F, T: Tally, K> ResponseFuture<F, T, K> {
    pub(crate) const fn admitted(inner: F, guard: Guard<Flight<T>>, classifier: K) -> Self {
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

impl<F, T, K, B, E> Future for ResponseFuture<F, T, K>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    T: Tally,
    K: Classify,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B, T>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        let answer = match stage.as_mut().project() {
            StageProj::TurnedAway(error) => match error.take() {
                Some(error) => return Poll::Ready(Err(error)),
                None => panic!("{DONE}"),
            },
            StageProj::Admitted { inner, .. } => ready!(inner.poll(cx)).map_err(Into::into),
            StageProj::Done => panic!("{DONE}"),
        };
        let StageOwned::Admitted {
            mut guard,
            classifier,
            ..
        } = stage.project_replace(Stage::Done)
        else {
            unreachable!("the stage has just been looked at");
        };
        Poll::Ready(match answer {
            Ok(response) => {
                let head = Answer::from(&response);
                let verdict = classifier.classify(head);
                if let Some(flight) = guard.get_mut() {
                    flight.head(head, verdict);
                }
                Ok(GuardedBody::of(response, guard))
            }
            Err(error) => {
                if was_not_sent(&*error) {
                    if let Some(flight) = guard.take() {
                        flight.refund();
                    }
                } else if let Some(flight) = guard.get_mut() {
                    let answer = Answer::Error(&*error);
                    flight.head(answer, failed(classifier.classify(answer)));
                }
                guard.finish(End::Failed);
                Err(error)
            }
        })
    }
}

impl<F, T: Tally, K> fmt::Debug for ResponseFuture<F, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
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
