use super::{InFlight, Limits, ResponseBody, ResponseFuture};
use crate::State;
use http::Response;
use http_body::Body;
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower::load::Load;
use tower_layer::Layer;
use tower_service::Service;

/// Makes [`Usage`] services of one endpoint: they all count into one state.
#[derive(Clone, Debug, Default)]
pub struct UsageLayer {
    state: Arc<State>,
    limits: Limits,
}

/// Counts the requests and, as it is told them, the tokens of the running minute, and has as its [`Load`] the
/// share of its limits that is used.
///
/// Clones count together. Tokens are told by [`State::used_tokens`], what the provider says is left by
/// [`State::told_left`]. See the [module](crate::load) for an example of a load.
#[derive(Clone, Debug)]
pub struct Usage<S> {
    inner: InFlight<S>,
    limits: Limits,
}

// ===== impl UsageLayer =====

impl UsageLayer {
    /// Counts from zero what is good for so much in a minute.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let state = Arc::default();
        Self { state, limits }
    }

    /// Where it is counted, and told.
    #[must_use]
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }
}

impl<S> Layer<S> for UsageLayer {
    type Service = Usage<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Usage::with_state(inner, self.limits, self.state.clone())
    }
}

// ===== impl Usage =====

impl<S> Usage<S> {
    /// Counts from zero what goes to `inner` and to clones of this.
    pub fn new(inner: S, limits: Limits) -> Self {
        Self::with_state(inner, limits, Arc::default())
    }

    /// Counts into `state`, which others may share.
    pub fn with_state(inner: S, limits: Limits, state: Arc<State>) -> Self {
        state.follow_usage();
        Self {
            inner: InFlight::with_state(inner, state),
            limits,
        }
    }

    /// Where it is counted, and told.
    pub const fn state(&self) -> &Arc<State> {
        self.inner.state()
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }
}

impl<S, R, B> Service<R> for Usage<S>
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
        self.inner.call(request)
    }
}

impl<S> Load for Usage<S> {
    type Metric = f64;

    fn load(&self) -> f64 {
        self.state().used(self.limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio_test::{assert_ready_ok, task};
    use tower_test::mock;

    #[tokio::test]
    async fn a_request_is_used_when_it_is_sent_and_tokens_when_they_are_told() {
        let limits = Limits::new(Some(10), Some(1_000));
        let layer = UsageLayer::new(limits);
        let (mock, mut handle) = mock::pair::<(), Response<Full<Bytes>>>();
        let mut service = mock::Spawn::new(layer.layer(mock));
        handle.allow(1);
        assert_ready_ok!(service.poll_ready());
        let load = || layer.state().used(limits);
        assert_eq!(load(), 0.1);
        let future = task::spawn(service.call(()));
        assert_eq!(load(), 0.2);
        drop(future);
        assert_eq!(load(), 0.2, "it was sent");
        layer.state().used_tokens(400);
        assert_eq!(load(), 0.8, "and another like it would take as many");
    }

    #[test]
    fn two_services_of_a_layer_count_together() {
        let limits = Limits::new(Some(10), None);
        let layer = UsageLayer::new(limits);
        let (one, two) = (layer.layer(()), layer.layer(()));
        one.state().try_begin(None);
        assert_eq!(two.load(), 0.2);
        assert_eq!(Usage::new((), limits).load(), 0.1);
    }
}
