use crate::{Endpoint, SignInLayer, Target, future::ResponseFuture, headers};
use headworks_core::{AskUsage, WithModel};
use http::{HeaderName, HeaderValue, Request, Response, Version, header};
use std::task::{Context, Poll};
use tower_service::Service;

/// Sends what comes in to one deployment: its URL, its credentials, its name for the model.
#[derive(Clone, Debug)]
pub struct SignIn<S> {
    inner: S,
    target: Target,
}

pub(crate) const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// The only version of Anthropic's protocol that requests may name today; the header is required.
/// Source: docs.anthropic.com, "Versions".
pub(crate) const DEFAULT_ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

pub(crate) const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

// ===== impl SignIn =====

impl<S> SignIn<S> {
    /// Requests to `inner` go to `target`.
    pub const fn new(inner: S, target: Target) -> Self {
        Self { inner, target }
    }

    /// A layer that does the same.
    #[must_use]
    pub const fn layer(target: Target) -> SignInLayer {
        SignInLayer::new(target)
    }

    /// Where requests go.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service within.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service within.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The request as it goes out, and whether we ask in it for what the client has not.
    fn sign_in<B: WithModel>(&self, request: Request<B>) -> (Request<B::Body>, bool) {
        let (mut head, mut body) = request.into_parts();
        let endpoint = Endpoint::from_path(head.uri.path());
        let asks_usage = head.extensions.get::<AskUsage>().is_some()
            && endpoint.is_some_and(|endpoint| self.target.reports_stream_usage(endpoint))
            && body.ask_usage();
        head.uri = self.target.uri_for(head.uri.path(), head.uri.query());
        // What the client spoke with us says nothing about the next hop; the HTTP client decides there.
        head.version = Version::HTTP_11;

        headers::strip_request(&mut head.headers);
        head.headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        if endpoint.is_some_and(Endpoint::is_anthropic) {
            let version = head.headers.entry(ANTHROPIC_VERSION);
            version.or_insert(DEFAULT_ANTHROPIC_VERSION);
        }
        let credential = self.target.credential(endpoint);
        for (name, value) in credential.into_iter().chain(self.target.headers()) {
            head.headers.insert(name, value.clone());
        }
        let body = body.with_model(self.target.model());
        (Request::from_parts(head, body), asks_usage)
    }
}

impl<S, B, ResBody> Service<Request<B>> for SignIn<S>
where
    B: WithModel,
    S: Service<Request<B::Body>, Response = Response<ResBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (request, asks_usage) = self.sign_in(request);
        ResponseFuture::new(self.inner.call(request), asks_usage)
    }
}
