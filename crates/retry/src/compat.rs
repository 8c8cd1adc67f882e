use crate::{
    RetryPolicy,
    future::is_caused_by,
    session::{Next, Session},
};
use headworks_core::{Answer, BoxError, Classify, Refusal, StatusClassifier};
use http::{Request, Response};
use pin_project::pin_project;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

/// A [`RetryPolicy`] for the layer of `tower::retry`: the same decisions, in its way of carrying them out.
///
/// What only our own layer does is left out: the answer is not read to its end before the next attempt and
/// not kept, and a request is not given a ledger. Without one in its extensions every attempt is taken to
/// have nowhere else to go.
///
/// ```
/// use headworks_core::BoxError;
/// use headworks_retry::{RetryPolicy, TowerPolicy};
/// use http::{Request, Response, StatusCode};
/// use tower::{ServiceBuilder, ServiceExt, retry::RetryLayer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), BoxError> {
/// let stack = ServiceBuilder::new()
///     .layer(RetryLayer::new(TowerPolicy::from(RetryPolicy::new(2))))
///     .service(service_fn(async |_: Request<()>| {
///         let mut busy = Response::new(());
///         *busy.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
///         Ok::<_, BoxError>(busy)
///     }));
/// let response = stack.oneshot(Request::new(())).await?;
/// assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TowerPolicy<C = StatusClassifier> {
    policy: Arc<RetryPolicy<C>>,
    /// Of the request that this copy of the policy goes with; the policy in the service has none.
    session: Option<Session>,
}

/// Future of [`TowerPolicy`]: the wait before the next attempt.
#[pin_project]
#[derive(Debug)]
pub struct TowerWait(#[pin] Option<Sleep>);

// ===== impl TowerPolicy =====

impl<C> From<RetryPolicy<C>> for TowerPolicy<C> {
    fn from(policy: RetryPolicy<C>) -> Self {
        Self {
            policy: Arc::new(policy),
            session: None,
        }
    }
}

impl<C> Clone for TowerPolicy<C> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            session: self.session.clone(),
        }
    }
}

impl<C, B, R> tower::retry::Policy<Request<B>, Response<R>, BoxError> for TowerPolicy<C>
where
    C: Classify,
    B: Clone,
{
    type Future = TowerWait;

    fn retry(
        &mut self,
        request: &mut Request<B>,
        answer: &mut Result<Response<R>, BoxError>,
    ) -> Option<Self::Future> {
        let answer = match answer {
            Ok(response) => Answer::from(&*response),
            Err(error) if is_caused_by::<Refusal>(error) => return None,
            Err(error) => Answer::Error(&**error),
        };
        let now = Instant::now();
        let verdict = self.policy.classifier.classify(answer);
        let session = self
            .session
            .get_or_insert_with(|| Session::new(&self.policy, request.extensions()));
        match session.next(&self.policy, verdict, now) {
            Next::HandOn => None,
            Next::Again(then) => Some(TowerWait((then > now).then(|| sleep_until(then)))),
        }
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        // Asked of the service's own policy when a request begins, and of the request's copy after that.
        let may_continue = match &self.session {
            Some(session) => session.may_continue(),
            None => {
                let session = Session::new(&self.policy, request.extensions());
                self.policy.count(session.ledger());
                session.may_continue()
            }
        };
        may_continue.then(|| request.clone())
    }
}

// ===== impl TowerWait =====

impl Future for TowerWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().0.as_pin_mut() {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Ready(()),
        }
    }
}
