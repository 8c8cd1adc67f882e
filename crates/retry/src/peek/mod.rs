//! The head of an answer, once it is known whether anything follows it.
//!
//! A gRPC server that fails after it has sent its head says so in the trailers, and retry, balance and breaker
//! decide at the head. [`PeekLayer`] holds the head back until the first frame of the body is there. A message
//! is handed on with its head. Trailers that come before any message are judged by the classifier, and
//! unless they are a success the verdict is left in the response's extensions, where every classifier of ours
//! takes it over; a body that breaks before its first frame is the error of the service. Nothing that
//! passes is changed, and once a message has come there is nothing left to decide.
//!
//! An answer whose head is a failure already, or has no body, is handed on at once.
//!
//! # Where it belongs in the stack
//!
//! Innermost of what belongs to a deployment, so that everything outside has one verdict. What it costs is that
//! the caller sees the head no sooner than the first message.
//!
//! # How it differs from `headworks_openai`'s commit
//!
//! That one reads the event streams of LLMs, to their first token. This one reads nothing but trailers.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use headworks_core::{GrpcClassifier, Outcome, Verdict};
//! use headworks_retry::PeekLayer;
//! use http::{HeaderMap, HeaderValue, Request, Response};
//! use http_body_util::{BodyExt, Empty};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), headworks_core::BoxError> {
//! let stack = ServiceBuilder::new()
//!     .layer(PeekLayer::new(GrpcClassifier::default()))
//!     .service(service_fn(async |_: Request<()>| {
//!         let unavailable = [("grpc-status", HeaderValue::from(14))];
//!         let unavailable = unavailable.map(|(name, value)| (name.parse().unwrap(), value));
//!         let trailers = std::future::ready(Some(Ok(HeaderMap::from_iter(unavailable))));
//!         Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new().with_trailers(trailers)))
//!     }));
//!
//! let response = stack.oneshot(Request::new(())).await?;
//! assert_eq!(response.extensions().get(), Some(&Verdict::from(Outcome::Capacity)));
//! # Ok(())
//! # }
//! ```

mod body;
mod future;

pub use body::PeekBody;
pub use future::PeekFuture;

use headworks_core::{BoxError, Classify};
use http::{Request, Response};
use http_body::Body;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Lets a verdict on trailers be one on the head. See the [module docs](self).
#[derive(Clone, Copy, Debug, Default)]
pub struct PeekLayer<C> {
    classifier: C,
}

/// The service of [`PeekLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Peek<S, C> {
    inner: S,
    classifier: C,
}

// ===== impl PeekLayer =====

impl<C> PeekLayer<C> {
    /// Judges heads, and trailers without a message, by `classifier`.
    pub const fn new(classifier: C) -> Self {
        Self { classifier }
    }
}

impl<C: Clone, S> Layer<S> for PeekLayer<C> {
    type Service = Peek<S, C>;

    fn layer(&self, inner: S) -> Peek<S, C> {
        Peek::new(inner, self.classifier.clone())
    }
}

// ===== impl Peek =====

impl<S, C> Peek<S, C> {
    /// Peeks into the answers of `inner`.
    pub const fn new(inner: S, classifier: C) -> Self {
        Self { inner, classifier }
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

impl<S, C, B, R> Service<Request<B>> for Peek<S, C>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    C: Classify + Clone,
    R: Body,
    R::Error: Into<BoxError>,
{
    type Response = Response<PeekBody<R>>;
    type Error = BoxError;
    type Future = PeekFuture<S::Future, C, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        PeekFuture::new(self.inner.call(request), self.classifier.clone())
    }
}
