use super::{
    CommitBody, CommitPoint, ResponseFuture, future::Asked, layer::Until, protocol::Protocol,
    rule::ErrorRule,
};
use bytes::Bytes;
use headworks_core::{BoxError, ContentFallback, Timeouts};
use http::{Method, Request, Response};
use http_body::Body;
use std::task::{Context, Poll};
use tower_service::Service;

/// Hands an event stream on at its commit point, and sees to its end; see the [module](super).
///
/// The endpoint is known by how the path of the request ends, so this belongs where the path is still the
/// client's: `/chat/completions`, `/completions`, `/responses`, `/messages`, `/images/generations`,
/// `/images/edits`, `/audio/speech`, `/audio/transcriptions`, `/audio/translations`, whatever stands before.
///
/// # Cancel
///
/// Dropping the future, or the body, drops what is within at once. After a failure the body lets go of what is
/// within before it tells of it.
#[derive(Clone, Debug)]
pub struct Commit<S> {
    inner: S,
    until: Until,
    rule: ErrorRule,
}

// ===== impl Commit =====

impl<S> Commit<S> {
    /// Holds answers of `inner` up to `point`.
    pub const fn new(inner: S, point: CommitPoint) -> Self {
        Self::with(inner, Until::new(point), ErrorRule::none())
    }

    pub(super) const fn with(inner: S, until: Until, rule: ErrorRule) -> Self {
        Self { inner, until, rule }
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

impl<S, B, R> Service<Request<B>> for Commit<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = Response<CommitBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = Asked {
            protocol: Protocol::of_path(request.uri().path()),
            content: request.method() == Method::POST,
            content_fallback: request.extensions().get::<ContentFallback>().is_some(),
        };
        let own = request.extensions().get::<Timeouts>();
        let is_plain = own.and_then(|own| own.attempt_body) == Some(true);
        let mut until = self.until;
        until.first_token = until.first_token.filter(|_| !is_plain);
        ResponseFuture::new(self.inner.call(request), asked, until, self.rule.clone())
    }
}
