use crate::{
    TimeoutBody,
    timer::{Limit, Pauses, Timer},
};
use headworks_core::BoxError;
use http::Response;
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Response future of [`Deadline`](crate::Deadline) and [`AttemptTimeout`](crate::AttemptTimeout).
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    #[pin]
    timer: Timer,
    covers_body: bool,
    pauses: Pauses,
}

// ===== impl ResponseFuture =====

impl<F> ResponseFuture<F> {
    pub(crate) const fn new(
        inner: F,
        limit: Option<Limit>,
        covers_body: bool,
        pauses: Pauses,
    ) -> Self {
        Self {
            inner,
            timer: Timer::new(limit),
            covers_body,
            pauses,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<TimeoutBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // The answer first: one that is ready when the clock runs out is not thrown away.
        match this.inner.poll(cx) {
            Poll::Ready(Ok(response)) => {
                let limit = this.timer.limit().filter(|_| *this.covers_body);
                let pauses = *this.pauses;
                Poll::Ready(Ok(
                    response.map(|body| TimeoutBody::new(body, limit, pauses))
                ))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending => this.timer.poll(cx).map(|elapsed| Err(elapsed.into())),
        }
    }
}
