use crate::{Flight, ResponseBody, load::Form, service::Inner};
use headworks_core::{Answer, BoxError, Classify, DeploymentId, End, Guard, GuardedBody, Refusal};
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower::util::Oneshot;
use tower_service::Service;

/// The response future of [`Balance`](crate::Balance).
///
/// Dropped before the head of the answer, it ends the attempt as cancelled.
#[pin_project]
pub struct ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    #[pin]
    stage: Stage<Oneshot<S, Request<B>>, Sent<S, C>>,
}

#[pin_project(project = StageProj)]
enum Stage<F, T> {
    Refused {
        error: Option<Refusal>,
    },
    Sent {
        /// Polls the clone of the endpoint's service ready and calls that very clone.
        #[pin]
        answer: F,
        sent: Option<T>,
    },
}

struct Sent<S, C> {
    deployment: DeploymentId,
    flight: Guard<Flight>,
    inner: Arc<Inner<S, C>>,
}

// ===== impl ResponseFuture =====

impl<S, B, C> ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    pub(crate) const fn refused(refusal: Refusal) -> Self {
        let stage = Stage::Refused {
            error: Some(refusal),
        };
        Self { stage }
    }

    pub(crate) fn sent(
        service: S,
        request: Request<B>,
        deployment: DeploymentId,
        flight: Guard<Flight>,
        inner: Arc<Inner<S, C>>,
    ) -> Self {
        let stage = Stage::Sent {
            answer: Oneshot::new(service, request),
            sent: Some(Sent {
                deployment,
                flight,
                inner,
            }),
        };
        Self { stage }
    }
}

impl<S, B, C, ResBody> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
    ResBody: Body,
    C: Classify,
{
    type Output = Result<Response<ResponseBody<ResBody>>, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const DONE: &str = "a response future is not polled after it is done";
        Poll::Ready(match self.project().stage.project() {
            StageProj::Refused { error } => Err(error.take().expect(DONE).into()),
            StageProj::Sent { answer, sent } => {
                let answer = ready!(answer.poll(cx));
                let sent = sent.take().expect(DONE);
                match answer {
                    Ok(response) => Ok(sent.answered(response)),
                    Err(error) => Err(sent.failed(error.into())),
                }
            }
        })
    }
}

impl<S, B, C> fmt::Debug for ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// ===== impl Sent =====

impl<S, C: Classify> Sent<S, C> {
    fn answered<B: Body>(mut self, mut response: Response<B>) -> Response<ResponseBody<B>> {
        let verdict = self.inner.classifier.classify(Answer::from(&response));
        if let Some(flight) = self.flight.get_mut() {
            flight.head(verdict, Form::of(&response));
        }
        response.extensions_mut().insert(self.deployment);
        response.map(|body| GuardedBody::new(body, self.flight))
    }

    fn failed(mut self, error: BoxError) -> BoxError {
        let verdict = self.inner.classifier.classify(Answer::Error(&*error));
        if let Some(flight) = self.flight.get_mut() {
            flight.error(verdict);
        }
        self.flight.finish(End::Failed);
        error
    }
}
