use crate::{
    IdleBody,
    timer::{Limit, Timer},
};
use headworks_core::{BoxError, Clock, Timeouts};
use http::{Request, Response};
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

/// Bounds the silence of whoever answers with a stream. See the [crate docs](crate) for its place.
///
/// The default has no bounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamTimeoutLayer {
    times: Times,
}

/// Ends an answer with [`Elapsed`](headworks_core::Elapsed) when whoever gives it is silent for too long: of
/// [`Clock::Head`] before its head, of [`Clock::Idle`] between two pieces of its body.
///
/// A request that asks for a plain answer (its [`Timeouts::attempt_body`] is true) passes as it is: the head
/// of one comes when all of it has been thought of, and its attempt's clock covers every pause. Neither time
/// is the request's to change.
#[derive(Clone, Copy, Debug)]
pub struct StreamTimeout<S> {
    inner: S,
    times: Times,
}

/// Response future of [`StreamTimeout`].
#[pin_project]
#[derive(Debug)]
pub struct StreamFuture<F> {
    #[pin]
    inner: F,
    #[pin]
    head: Timer,
    idle: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    head: Option<Duration>,
    idle: Option<Duration>,
}

// ===== impl StreamTimeoutLayer =====

impl StreamTimeoutLayer {
    /// A layer without bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From `call` to the head of the answer, connecting included. Default: none.
    #[must_use]
    pub fn head(mut self, head: impl Into<Option<Duration>>) -> Self {
        self.times.head = head.into();
        self
    }

    /// Between two frames of the body. Default: none. See [`IdleBody`] for what counts.
    #[must_use]
    pub fn idle(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.times.idle = idle.into();
        self
    }
}

impl<S> Layer<S> for StreamTimeoutLayer {
    type Service = StreamTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StreamTimeout {
            inner,
            times: self.times,
        }
    }
}

// ===== impl StreamTimeout =====

impl<S> StreamTimeout<S> {
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

impl<S, B, R> Service<Request<B>> for StreamTimeout<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<IdleBody<R>>;
    type Error = BoxError;
    type Future = StreamFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let own = request.extensions().get::<Timeouts>();
        let is_plain = own.and_then(|own| own.attempt_body) == Some(true);
        let times = if is_plain {
            Times::default()
        } else {
            self.times
        };
        let head = times.head;
        let head = head.and_then(|head| Limit::new(Clock::Head, Instant::now(), head));
        StreamFuture {
            inner: self.inner.call(request),
            head: Timer::new(head),
            idle: times.idle,
        }
    }
}

// ===== impl StreamFuture =====

impl<F, B, E> Future for StreamFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<IdleBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.inner.poll(cx) {
            Poll::Ready(Ok(response)) => {
                Poll::Ready(Ok(response.map(|body| IdleBody::new(body, *this.idle))))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending => this.head.poll(cx).map(|elapsed| Err(elapsed.into())),
        }
    }
}
