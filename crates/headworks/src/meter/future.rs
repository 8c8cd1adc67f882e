use super::{Measure, ResponseBody};
use headworks_core::{BoxError, End, Guard, GuardedBody};
use http::Response;
use http_body::Body;
use pin_project::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The future of [`Meter`](super::Meter).
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    /// `None` once it rides in the body.
    guard: Option<Guard<Measure>>,
}

// ===== impl ResponseFuture =====

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, measure: Measure) -> Self {
        Self {
            inner,
            guard: Some(Guard::new(measure)),
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: Body<Data: AsRef<[u8]>>,
{
    type Output = Result<Response<ResponseBody<R>>, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx)).map_err(Into::into);
        let mut guard = this
            .guard
            .take()
            .expect("a future is not polled once it is ready");
        Poll::Ready(match answer {
            Ok(mut response) => {
                if let Some(measure) = guard.get_mut() {
                    measure.head(&mut response);
                }
                Ok(GuardedBody::of(response, guard))
            }
            Err(error) => {
                if let Some(measure) = guard.get_mut() {
                    measure.error(&error);
                }
                guard.finish(End::Failed);
                Err(error)
            }
        })
    }
}
