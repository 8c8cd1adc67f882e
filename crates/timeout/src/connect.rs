use headworks_core::{BoxError, Clock, Elapsed};
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};
use tower_layer::Layer;
use tower_service::Service;

/// Limits the time to get a connection.
///
/// Goes around a connector, TLS included, before the client is built of it; the client then keeps its pool
/// and this layer sees new connections only.
///
/// ```
/// use headworks_timeout::ConnectTimeoutLayer;
/// use hyper_util::client::legacy::{Client, connect::HttpConnector};
/// use std::time::Duration;
/// use tower::Layer;
///
/// let connector = ConnectTimeoutLayer::new(Duration::from_secs(5)).layer(HttpConnector::new());
/// let client: Client<_, String> =
///     Client::builder(hyper_util::rt::TokioExecutor::new()).build(connector);
/// # drop(client);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConnectTimeoutLayer {
    connect: Duration,
}

/// Ends the making of a connection with [`Elapsed`] of [`Clock::Connect`] when its time is up.
///
/// Works on any service; a connector is one from a `Uri` to a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectTimeout<C> {
    inner: C,
    connect: Duration,
}

/// Future of [`ConnectTimeout`]: `Unpin` if the connector's is, which hyper-util asks of connectors.
#[pin_project]
#[derive(Debug)]
pub struct ConnectFuture<F> {
    #[pin]
    inner: F,
    began: Instant,
    connect: Duration,
    /// Boxed for the sake of `Unpin`; made when there is something to wait for.
    sleep: Option<Pin<Box<Sleep>>>,
}

// ===== impl ConnectTimeoutLayer =====

impl ConnectTimeoutLayer {
    /// A layer that gives `connect` to each new connection.
    #[must_use]
    pub const fn new(connect: Duration) -> Self {
        Self { connect }
    }
}

impl<C> Layer<C> for ConnectTimeoutLayer {
    type Service = ConnectTimeout<C>;

    fn layer(&self, inner: C) -> Self::Service {
        ConnectTimeout::new(inner, self.connect)
    }
}

// ===== impl ConnectTimeout =====

impl<C> ConnectTimeout<C> {
    /// Gives `connect` to each connection that `inner` makes.
    pub const fn new(inner: C, connect: Duration) -> Self {
        Self { inner, connect }
    }

    /// The connector within.
    pub const fn get_ref(&self) -> &C {
        &self.inner
    }

    /// The connector within, to be changed.
    pub const fn get_mut(&mut self) -> &mut C {
        &mut self.inner
    }

    /// The connector within, without this layer.
    pub fn into_inner(self) -> C {
        self.inner
    }
}

impl<C, Target> Service<Target> for ConnectTimeout<C>
where
    C: Service<Target>,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = ConnectFuture<C::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        ConnectFuture {
            began: Instant::now(),
            inner: self.inner.call(target),
            connect: self.connect,
            sleep: None,
        }
    }
}

// ===== impl ConnectFuture =====

impl<F, T, E> Future for ConnectFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(connection) = this.inner.poll(cx) {
            return Poll::Ready(connection.map_err(Into::into));
        }
        let Some(at) = this.began.checked_add(*this.connect) else {
            return Poll::Pending;
        };
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        let elapsed = Elapsed::new(Clock::Connect, *this.connect);
        std::pin::pin!(unconstrained(sleep))
            .poll(cx)
            .map(|()| Err(elapsed.into()))
    }
}
