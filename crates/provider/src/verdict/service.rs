use super::{JudgedBody, Overrule, ResponseFuture, layer::Params};
use http::{Request, Response};
use http_body::Body;
use std::{
    fmt,
    task::{Context, Poll},
};
use tower_service::Service;

/// Leaves a verdict in each error that the service within answers with.
pub struct Judge<S, O = ()> {
    inner: S,
    params: Params<O>,
}

// ===== impl Judge =====

impl<S, O> Judge<S, O> {
    pub(super) const fn new(inner: S, params: Params<O>) -> Self {
        Self { inner, params }
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
}

impl<S, O, ReqBody, ResBody> Service<Request<ReqBody>> for Judge<S, O>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
    O: Overrule,
{
    type Response = Response<JudgedBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, O>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture::new(self.inner.call(request), self.params.clone())
    }
}

impl<S: Clone, O> Clone for Judge<S, O> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            params: self.params.clone(),
        }
    }
}

impl<S: fmt::Debug, O> fmt::Debug for Judge<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("inner", &self.inner)
            .field("params", &self.params)
            .finish()
    }
}
