use crate::{FallbackBody, Fallbacks, ResponseFuture, future::Spare, session::Session};
use headworks_core::{BoxError, Classify, StatusClassifier};
use http::{Request, Response};
use http_body::Body;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// Sends a request to another group when one has failed. See the [crate docs](crate).
#[derive(Debug)]
pub struct Fallback<S, C = StatusClassifier> {
    inner: S,
    fallbacks: Fallbacks,
    classifier: Arc<C>,
}

// ===== impl Fallback =====

impl<S, C> Fallback<S, C> {
    /// Leads requests to `inner` from group to group by `fallbacks`, and judges answers by `classifier`.
    pub fn new(inner: S, fallbacks: Fallbacks, classifier: impl Into<Arc<C>>) -> Self {
        Self {
            inner,
            fallbacks,
            classifier: classifier.into(),
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

impl<S: Clone, C> Clone for Fallback<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            fallbacks: self.fallbacks.clone(),
            classifier: self.classifier.clone(),
        }
    }
}

impl<S, C, B, R> Service<Request<B>> for Fallback<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    C: Classify,
    B: Clone + Send + Sync + 'static,
    R: Body,
{
    type Response = Response<FallbackBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, C, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(session) = Session::begin(&self.fallbacks, request.extensions_mut()) else {
            return ResponseFuture::only(self.inner.call(request));
        };
        // The instance that was polled ready is the one to call; a clone of it stays for the next request.
        let clone = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, clone);
        let mut first = request.clone();
        session.address(&mut first);
        let answer = service.call(first);
        ResponseFuture::first(
            answer,
            session,
            self.classifier.clone(),
            Spare { service, request },
        )
    }
}
