use crate::timer::{Limit, Timer};
use headworks_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A body that is covered by a clock.
///
/// When the clock runs out the next frame is an [`Elapsed`](headworks_core::Elapsed) error, and the body is
/// over. A reader that is slower than the clock meets it too, even if data was there for it all the time;
/// the natural end of the body is never held back. `size_hint` and `is_end_stream` are the inner body's.
#[pin_project]
#[derive(Debug)]
pub struct TimeoutBody<B> {
    #[pin]
    inner: B,
    #[pin]
    timer: Timer,
    over: bool,
}

// ===== impl TimeoutBody =====

impl<B> TimeoutBody<B> {
    pub(crate) const fn new(inner: B, limit: Option<Limit>) -> Self {
        Self {
            inner,
            timer: Timer::new(limit),
            over: false,
        }
    }

    /// The body within.
    pub const fn get_ref(&self) -> &B {
        &self.inner
    }
}

impl<B> Body for TimeoutBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        let elapsed = match this.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match this.timer.passed() {
                None => return Poll::Ready(Some(Ok(frame))),
                Some(elapsed) => elapsed,
            },
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => match this.timer.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(elapsed) => elapsed,
            },
        };
        *this.over = true;
        Poll::Ready(Some(Err(elapsed.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
