//! The future of [`SignIn`](crate::SignIn).

use crate::headers;
use headworks_core::HideUsage;
use http::Response;
use pin_project::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Answers with what the deployment said, without what was only meant for us.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    /// What the client did not ask for is not for it.
    hides_usage: bool,
}

impl<F> ResponseFuture<F> {
    pub(crate) const fn new(inner: F, hides_usage: bool) -> Self {
        Self { inner, hides_usage }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result {
            headers::strip_response(response.headers_mut());
            if *this.hides_usage {
                response.extensions_mut().insert(HideUsage);
            }
        }
        Poll::Ready(result)
    }
}
