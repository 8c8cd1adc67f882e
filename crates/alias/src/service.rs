use crate::Aliases;
use headworks_core::RequestedModel;
use http::Request;
use std::task::{Context, Poll};
use tower_service::Service;

/// Inserts the [`Group`](headworks_core::Group) that a request's [`RequestedModel`] stands for. A request
/// without a [`RequestedModel`] passes untouched.
#[derive(Clone, Debug)]
pub struct Alias<S> {
    inner: S,
    aliases: Aliases,
}

// ===== impl Alias =====

impl<S> Alias<S> {
    /// Resolves by `aliases` in front of `inner`.
    pub const fn new(inner: S, aliases: Aliases) -> Self {
        Self { inner, aliases }
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

impl<S, B> Service<Request<B>> for Alias<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let requested = request.extensions().get::<RequestedModel>();
        if let Some(group) = requested.map(|requested| self.aliases.resolve(requested)) {
            request.extensions_mut().insert(group);
        }
        self.inner.call(request)
    }
}
