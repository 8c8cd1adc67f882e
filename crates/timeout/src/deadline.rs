use crate::{
    ResponseFuture,
    timer::{Limit, Pauses},
};
use headworks_core::{Attempts, BoxError, Clock, Timeouts};
use http::{Request, Response};
use std::{
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

/// Gives each request one deadline for everything. See the [crate docs](crate) for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeadlineLayer {
    total: Option<Duration>,
}

/// Ends a request with [`Elapsed`](headworks_core::Elapsed) of [`Clock::Total`] when its time is up.
///
/// The time counts from `call`, and runs until the end of the body, however slowly that is read, or only until the head of the answer
/// where the request's [`Timeouts::total_body`] is false.
#[derive(Clone, Copy, Debug)]
pub struct Deadline<S> {
    inner: S,
    total: Option<Duration>,
}

// ===== impl DeadlineLayer =====

impl DeadlineLayer {
    /// A layer that gives `total` to each request that does not bring its own ([`Timeouts::total`]); `None`
    /// gives those no limit.
    #[must_use]
    pub fn new(total: impl Into<Option<Duration>>) -> Self {
        Self {
            total: total.into(),
        }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline::new(inner, self.total)
    }
}

// ===== impl Deadline =====

impl<S> Deadline<S> {
    /// Gives `total` to each request to `inner` that does not bring its own.
    pub fn new(inner: S, total: impl Into<Option<Duration>>) -> Self {
        Self {
            inner,
            total: total.into(),
        }
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

impl<S, B, R> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<crate::TimeoutBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let own = request.extensions().get::<Timeouts>();
        let covers_body = own.and_then(|own| own.total_body).unwrap_or(true);
        let own = own.and_then(|own| own.total);
        let limit = Limit::of(Clock::Total, Instant::now(), own, self.total);
        if let (Some(limit), Some(ledger)) = (&limit, request.extensions().get::<Attempts>()) {
            ledger.shorten_deadline(limit.at());
        }
        ResponseFuture::new(self.inner.call(request), limit, covers_body, Pauses::Count)
    }
}
