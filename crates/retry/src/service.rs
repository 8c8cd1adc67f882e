use crate::{ResponseFuture, RetryBody, RetryPolicy, future::Spare, session::Session};
use headworks_core::{Attempts, BoxError, Classify, StatusClassifier};
use http::{Request, Response};
use http_body::Body;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// Sends a request again when that may help. See the [crate docs](crate).
#[derive(Debug)]
pub struct Retry<S, C = StatusClassifier> {
    inner: S,
    policy: Arc<RetryPolicy<C>>,
}

// ===== impl Retry =====

impl<S, C> Retry<S, C> {
    /// Retries requests to `inner` by `policy`.
    pub fn new(inner: S, policy: impl Into<Arc<RetryPolicy<C>>>) -> Self {
        Self {
            inner,
            policy: policy.into(),
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

impl<S: Clone, C> Clone for Retry<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            policy: self.policy.clone(),
        }
    }
}

impl<S, C, B, R> Service<Request<B>> for Retry<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    C: Classify,
    B: Clone,
    R: Body,
{
    type Response = Response<RetryBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, C, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let session = Session::new(&self.policy, request.extensions());
        self.policy.count(session.ledger());
        if request.extensions().get::<Attempts>().is_none() {
            request.extensions_mut().insert(session.ledger().clone());
        }
        let policy = self.policy.clone();
        if !session.may_continue() {
            return ResponseFuture::new(self.inner.call(request), None, session, policy);
        }
        // The instance that was polled ready is the one to call; a clone of it stays for the next request.
        let clone = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, clone);
        let attempt = service.call(request.clone());
        let spare = Some(Spare { service, request });
        ResponseFuture::new(attempt, spare, session, policy)
    }
}
