use crate::{BreakerBody, Circuit, ResponseFuture, flight::Flight};
use headworks_core::{BoxError, Classify, Guard, LastResort, Returned, StatusClassifier};
use http::{Request, Response};
use http_body::Body;
use std::task::{Context, Poll};
use tokio::time::Instant;
use tower_service::Service;

/// Admits requests while its [`Circuit`] does, and tells it how they end. See the [crate docs](crate).
#[derive(Clone, Debug)]
pub struct Breaker<S, C = StatusClassifier> {
    inner: S,
    circuit: Circuit,
    classifier: C,
}

// ===== impl Breaker =====

impl<S, C> Breaker<S, C> {
    /// Goes by `circuit` in front of `inner`, whose answers are judged by `classifier`.
    pub const fn new(inner: S, circuit: Circuit, classifier: C) -> Self {
        Self {
            inner,
            circuit,
            classifier,
        }
    }

    /// The circuit it goes by.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service within, to be changed.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service within, without this layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, B, R> Service<Request<B>> for Breaker<S, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    C: Classify + Clone,
    B: Send + 'static,
    R: Body,
{
    type Response = Response<BreakerBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let now = Instant::now();
        let admitted = match request.extensions().get::<LastResort>() {
            None => self.circuit.acquire(now),
            Some(_) => self.circuit.acquire_anyway(now),
        };
        match admitted {
            Ok(permit) => {
                let guard = Guard::new(Flight::new(permit));
                ResponseFuture::admitted(self.inner.call(request), guard, self.classifier.clone())
            }
            Err(why) => ResponseFuture::turned_away(Returned::new(request, why).into()),
        }
    }
}
