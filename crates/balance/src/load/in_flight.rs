use crate::State;
use headworks_core::{End, Finish, Guard, GuardedBody, Watch};
use http::Response;
use http_body::Body;
use pin_project::pin_project;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower::load::Load;
use tower_layer::Layer;
use tower_service::Service;

/// Makes [`InFlight`] services of one endpoint: they all count into one state.
#[derive(Clone, Debug, Default)]
pub struct InFlightLayer {
    state: Arc<State>,
}

/// Counts the requests in flight, each from `call` to the end of the body of its answer, and has their
/// number as its [`Load`].
///
/// Clones count together. See the [module](crate::load) for an example.
#[derive(Clone, Debug)]
pub struct InFlight<S> {
    inner: S,
    state: Arc<State>,
}

/// The response future of [`InFlight`].
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    guard: Option<Guard<Counted>>,
}

/// The body of an answer that is counted until its end.
pub type ResponseBody<B> = GuardedBody<B, Counted>;

/// One request in flight.
#[derive(Debug)]
pub struct Counted(Arc<State>);

// ===== impl InFlightLayer =====

impl InFlightLayer {
    /// Counts from zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it is counted.
    #[must_use]
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlight<S>;

    fn layer(&self, inner: S) -> Self::Service {
        InFlight::with_state(inner, self.state.clone())
    }
}

// ===== impl InFlight =====

impl<S> InFlight<S> {
    /// Counts from zero what goes to `inner` and to clones of this.
    pub fn new(inner: S) -> Self {
        Self::with_state(inner, Arc::default())
    }

    /// Counts into `state`, which others may share.
    pub const fn with_state(inner: S, state: Arc<State>) -> Self {
        Self { inner, state }
    }

    /// Where it is counted.
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, R, B> Service<R> for InFlight<S>
where
    S: Service<R, Response = Response<B>>,
    B: Body,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let guard = Guard::new(Counted::begin(self.state.clone()));
        ResponseFuture {
            inner: self.inner.call(request),
            guard: Some(guard),
        }
    }
}

impl<S> Load for InFlight<S> {
    type Metric = usize;

    fn load(&self) -> usize {
        self.state.in_flight()
    }
}

// ===== impl ResponseFuture =====

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let guard = this
            .guard
            .take()
            .expect("a response future is not polled after it is done");
        Poll::Ready(result.map(|response| GuardedBody::of(response, guard)))
    }
}

// ===== impl Counted =====

impl Counted {
    fn begin(state: Arc<State>) -> Self {
        // Without a limit it cannot fail.
        state.try_begin(None);
        Self(state)
    }
}

impl Finish for Counted {
    fn finish(self, _: End) {
        self.0.end();
    }
}

impl<D> Watch<D> for Counted {}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use tokio_test::{assert_pending, assert_ready_ok, task};
    use tower_test::mock;

    #[tokio::test]
    async fn a_request_counts_from_call_to_the_end_of_its_body() {
        let layer = InFlightLayer::new();
        let (mock, mut handle) = mock::pair::<(), Response<Full<Bytes>>>();
        let mut service = mock::Spawn::new(layer.layer(mock));
        let load = || layer.state().in_flight();
        handle.allow(2);
        assert_ready_ok!(service.poll_ready());
        assert_eq!(load(), 0);

        let mut future = task::spawn(service.call(()));
        assert_eq!(load(), 1);
        assert_pending!(future.poll());
        let ((), answer) = handle.next_request().await.unwrap();
        answer.send_response(Response::new(Full::from("abc")));
        let response = assert_ready_ok!(future.poll());
        assert_eq!(load(), 1);
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "abc"
        );
        assert_eq!(load(), 0);

        assert_ready_ok!(service.poll_ready());
        let future = service.call(());
        assert_eq!(load(), 1);
        drop(future);
        assert_eq!(load(), 0, "dropped before its head");
    }

    #[test]
    fn two_services_of_a_layer_count_together() {
        let layer = InFlightLayer::new();
        let (one, two) = (layer.layer(()), layer.layer(()));
        one.state().try_begin(None);
        assert_eq!(two.load(), 1);
        assert_eq!(InFlightLayer::new().layer(()).load(), 0);
    }
}
