use crate::{
    Flight, ResponseBody,
    decide::{Bound, Decision},
    load::Form,
    service::Inner,
    trip::Trip,
};
use headworks_core::{
    Answer, BoxError, Classify, DeploymentId, End, Guard, GuardedBody, LastResort, NotAdmitted,
    Refusal, Returned,
};
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::time::{Sleep, sleep_until};
use tower::util::Oneshot;
use tower_service::Service;

/// The response future of [`Balance`](crate::Balance).
///
/// Whether the request is admitted or refused is decided in `call`, when it is known how the group stands. One that
/// is to wait joins the line when this is first polled, as a future does nothing until then: in line it would
/// keep those behind it from what it does not come to take.
///
/// Dropped before the head of the answer, it ends the attempt as cancelled, or leaves the line it waits in.
#[pin_project]
pub struct ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    #[pin]
    stage: Stage<S, B>,
    trip: Trip,
    inner: Arc<Inner<S, C>>,
}

#[pin_project(project = StageProj)]
enum Stage<S, B>
where
    S: Service<Request<B>>,
{
    Refused {
        error: Option<Refusal>,
    },
    Waiting {
        request: Option<Request<B>>,
        #[pin]
        sleep: Option<Sleep>,
    },
    Sent {
        /// Polls the clone of the endpoint's service ready and calls that very clone.
        #[pin]
        answer: Oneshot<S, Request<B>>,
        sent: Option<Sent>,
    },
}

struct Sent {
    deployment: DeploymentId,
    flight: Guard<Flight>,
}

const DONE: &str = "a response future is not polled after it is done";

// ===== impl ResponseFuture =====

impl<S, B, C> ResponseFuture<S, B, C>
where
    S: Service<Request<B>> + Clone,
{
    pub(crate) fn new(inner: Arc<Inner<S, C>>, request: Request<B>) -> Self {
        let mut trip = Trip::default();
        let stage = match inner.admit_or_refuse(&request, &mut trip) {
            Decision::Send(bound) => Stage::sent(bound, request),
            Decision::Wait(_) => Stage::waiting(request),
            Decision::Refuse(refusal) => Stage::refused(refusal),
        };
        Self { stage, trip, inner }
    }
}

impl<S, B, C, ResBody> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    ResBody: Body,
    C: Classify,
{
    type Output = Result<Response<ResponseBody<ResBody>>, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let (decision, request) = match this.stage.as_mut().project() {
                StageProj::Refused { error } => {
                    return Poll::Ready(Err(error.take().expect(DONE).into()));
                }
                StageProj::Waiting { request, mut sleep } => {
                    let waits = request.as_ref().expect(DONE);
                    let decision = this.inner.look(waits, this.trip, cx.waker());
                    if let Decision::Wait(until) = decision {
                        sleep.set(Some(sleep_until(until)));
                        ready!(sleep.as_pin_mut().expect("it was just set").poll(cx));
                        continue;
                    }
                    (decision, request.take().expect(DONE))
                }
                StageProj::Sent { answer, sent } => {
                    let answer = ready!(answer.poll(cx));
                    let sent = sent.take().expect(DONE);
                    let classifier = &this.inner.classifier;
                    let error = match answer {
                        Ok(response) => {
                            return Poll::Ready(Ok(sent.answered(response, classifier)));
                        }
                        Err(error) => error.into(),
                    };
                    match Returned::take(error) {
                        Ok((request, why)) => {
                            let request = sent.returned(request, why, this.trip);
                            (this.inner.decide(&request, this.trip), request)
                        }
                        Err(error) => return Poll::Ready(Err(sent.failed(error, classifier))),
                    }
                }
            };
            this.stage.set(match decision {
                Decision::Send(bound) => Stage::sent(bound, request),
                Decision::Wait(_) => Stage::waiting(request),
                Decision::Refuse(refusal) => Stage::refused(refusal),
            });
        }
    }
}

impl<S, B, C> fmt::Debug for ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("trip", &self.trip)
            .finish_non_exhaustive()
    }
}

// ===== impl Stage =====

impl<S, B> Stage<S, B>
where
    S: Service<Request<B>>,
{
    fn sent(bound: Bound<S>, mut request: Request<B>) -> Self {
        if bound.last_resort {
            request.extensions_mut().insert(LastResort::new());
        }
        Self::Sent {
            answer: Oneshot::new(bound.service, request),
            sent: Some(Sent {
                deployment: bound.deployment,
                flight: bound.flight,
            }),
        }
    }

    const fn waiting(request: Request<B>) -> Self {
        Self::Waiting {
            request: Some(request),
            sleep: None,
        }
    }

    const fn refused(refusal: Refusal) -> Self {
        Self::Refused {
            error: Some(refusal),
        }
    }
}

// ===== impl Sent =====

impl Sent {
    fn answered<B: Body>(
        mut self,
        mut response: Response<B>,
        classifier: &impl Classify,
    ) -> Response<ResponseBody<B>> {
        let verdict = classifier.classify(Answer::from(&response));
        if let Some(flight) = self.flight.get_mut() {
            flight.head(verdict, Form::of(&response));
        }
        response.extensions_mut().insert(self.deployment);
        GuardedBody::of(response, self.flight)
    }

    fn failed(mut self, error: BoxError, classifier: &impl Classify) -> BoxError {
        let verdict = classifier.classify(Answer::Error(&*error));
        if let Some(flight) = self.flight.get_mut() {
            flight.error(verdict);
        }
        self.flight.finish(End::Failed);
        error
    }

    /// The deployment has not admitted the request: there was no attempt, and it counts there no more.
    fn returned<B>(
        mut self,
        mut request: Request<B>,
        why: NotAdmitted,
        trip: &mut Trip,
    ) -> Request<B> {
        request.extensions_mut().remove::<LastResort>();
        if let Some(flight) = self.flight.get_mut() {
            flight.withdraw(why);
        }
        trip.lose(self.deployment, why);
        request
    }
}
