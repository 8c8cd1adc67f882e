use super::{InFlight, ResponseBody, ResponseFuture};
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

/// Makes [`Cost`] services of one endpoint: they all have its price and count into one state.
#[derive(Clone, Debug)]
pub struct CostLayer {
    state: Arc<State>,
    cost: f64,
}

/// Has as its [`Load`] what it costs, and the requests in flight where two cost the same.
///
/// tower's `Balance` compares two at a time: among two endpoints the cheaper takes all; among more, the
/// cheapest takes the pairs it is in. [`Cheapest`](crate::Cheapest) is for who wants all of them there.
#[derive(Clone, Debug)]
pub struct Cost<S> {
    inner: InFlight<S>,
    cost: f64,
}

/// A price, and how busy it is that has it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Price {
    cost: f64,
    in_flight: usize,
}

// ===== impl CostLayer =====

impl CostLayer {
    /// It costs this much, in whatever unit.
    #[must_use]
    pub fn new(cost: f64) -> Self {
        let state = Arc::default();
        Self { state, cost }
    }
}

impl<S> Layer<S> for CostLayer {
    type Service = Cost<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Cost::with_state(inner, self.cost, self.state.clone())
    }
}

// ===== impl Cost =====

impl<S> Cost<S> {
    /// `inner` costs this much, in whatever unit.
    pub fn new(inner: S, cost: f64) -> Self {
        Self::with_state(inner, cost, Arc::default())
    }

    /// Counts into `state`, which others may share.
    pub const fn with_state(inner: S, cost: f64, state: Arc<State>) -> Self {
        let inner = InFlight::with_state(inner, state);
        Self { inner, cost }
    }

    /// Where it is counted.
    pub const fn state(&self) -> &Arc<State> {
        self.inner.state()
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }
}

impl<S, R, B> Service<R> for Cost<S>
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

impl<S> Load for Cost<S> {
    type Metric = Price;

    fn load(&self) -> Price {
        Price {
            cost: self.cost,
            in_flight: self.state().in_flight(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheaper_is_less_and_of_equal_ones_the_less_busy() {
        let busy = Cost::new((), 1.0);
        busy.state().try_begin(None);
        assert!(busy.load() < Cost::new((), 2.0).load());
        assert!(busy.load() > Cost::new((), 1.0).load());
        let layer = CostLayer::new(1.0);
        layer.layer(()).state().try_begin(None);
        assert_eq!(layer.layer(()).load(), busy.load());
    }
}
