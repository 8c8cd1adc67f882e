//! A layer that numbers the attempts of a request on the wire and prints how each went.

use headworks_core::{Attempts, DeploymentId};
use http::{HeaderName, Request, Response};
use pin_project::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::time::Instant;
use tower::{Layer, Service};

/// Stamps attempts. It has no state; a layer that has some makes it once and shares it by `Arc`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StampLayer;

/// Tells the upstream, and the terminal, which attempt this is.
#[derive(Clone, Debug)]
pub(crate) struct Stamp<S> {
    inner: S,
}

/// The answer to come, and what to say of it.
#[pin_project]
#[derive(Debug)]
pub(crate) struct ResponseFuture<F> {
    #[pin]
    inner: F,
    attempt: u32,
    began: Instant,
}

const ATTEMPT: HeaderName = HeaderName::from_static("x-attempt");

// ===== impl StampLayer =====

impl<S> Layer<S> for StampLayer {
    type Service = Stamp<S>;

    fn layer(&self, inner: S) -> Stamp<S> {
        Stamp { inner }
    }
}

// ===== impl Stamp =====

impl<S, B, R> Service<Request<B>> for Stamp<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The ledger of the request: retry keeps it, whoever is inside may read it.
        let attempts = request.extensions().get::<Attempts>();
        let attempt = attempts.map_or(0, Attempts::begun) + 1;
        request.headers_mut().insert(ATTEMPT, attempt.into());
        ResponseFuture {
            inner: self.inner.call(request),
            attempt,
            began: Instant::now(),
        }
    }
}

// ===== impl ResponseFuture =====

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: fmt::Display,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let (attempt, took) = (this.attempt, this.began.elapsed());
        match &result {
            Ok(response) => {
                let by = response.extensions().get::<DeploymentId>();
                let by = by.map_or("nobody", DeploymentId::as_str);
                println!(
                    "attempt {attempt}: {} by {by} in {took:?}",
                    response.status()
                );
            }
            Err(error) => println!("attempt {attempt}: {error} in {took:?}"),
        }
        Poll::Ready(result)
    }
}
