//! What a client may make up for its own tests, by `LiteLLM`'s parameters: an answer (`mock_response`), or
//! a failure of the first attempt (`mock_testing_rate_limit_error`).

use super::stack::Reach;
use headworks_core::BoxError;
use headworks_openai::SplicedBody;
use headworks_provider::{
    TransportFuture,
    simulated::{Params, Simulated},
};
use http::Request;
use pin_project::pin_project;
use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// An extension of the request: the answer to give in place of the deployment's.
#[derive(Clone, Debug)]
pub(super) struct MockResponse(pub(super) Arc<str>);

/// An extension of the request: its first attempt is to fail, as if rate-limited, before it is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct MockRateLimit {
    raised: Arc<AtomicBool>,
}

/// The failure that was asked for.
#[derive(Debug)]
pub(super) struct MockedRateLimit;

/// Reaches a deployment, or answers in its place where the request brings the answer along.
#[derive(Clone, Debug)]
pub(super) struct Mocked(Reach);

/// Applies [`MockFaults`].
#[derive(Clone, Copy, Debug)]
pub(super) struct MockFaultsLayer;

/// Fails what asks to be failed. Stands between retry, which is to try again, and balance, which is not to
/// hold it against a deployment.
#[derive(Clone, Debug)]
pub(super) struct MockFaults<S>(S);

/// The future of [`MockFaults`].
#[pin_project(project = FaultsProj)]
pub(super) enum MockFaultsFuture<F> {
    Fails,
    Goes(#[pin] F),
}

// ===== impl Mocked =====

impl Mocked {
    pub(super) const fn new(reach: Reach) -> Self {
        Self(reach)
    }
}

impl Service<Request<SplicedBody>> for Mocked {
    type Response = <Reach as Service<Request<SplicedBody>>>::Response;
    type Error = BoxError;
    type Future = TransportFuture<SplicedBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<SplicedBody>) -> Self::Future {
        match request.extensions().get() {
            Some(MockResponse(answer)) => {
                let params = Params::mock_response(answer);
                Reach::from(Simulated::new(params)).call(request)
            }
            None => self.0.call(request),
        }
    }
}

// ===== impl MockFaults =====

impl<S> Layer<S> for MockFaultsLayer {
    type Service = MockFaults<S>;

    fn layer(&self, inner: S) -> MockFaults<S> {
        MockFaults(inner)
    }
}

impl<S, B> Service<Request<B>> for MockFaults<S>
where
    S: Service<Request<B>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = MockFaultsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match request.extensions().get::<MockRateLimit>() {
            Some(mock) if !mock.raised.swap(true, Ordering::Relaxed) => MockFaultsFuture::Fails,
            _ => MockFaultsFuture::Goes(self.0.call(request)),
        }
    }
}

impl<F, R> Future for MockFaultsFuture<F>
where
    F: Future<Output = Result<R, BoxError>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            FaultsProj::Fails => Poll::Ready(Err(MockedRateLimit.into())),
            FaultsProj::Goes(inner) => inner.poll(cx),
        }
    }
}

// ===== impl MockedRateLimit =====

impl fmt::Display for MockedRateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rate-limit error that mock_testing_rate_limit_error asked for")
    }
}

impl Error for MockedRateLimit {}
