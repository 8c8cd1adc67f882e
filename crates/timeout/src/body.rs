use crate::timer::{Limit, Pauses, Timer};
use headworks_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::Instant;

/// A body that is covered by a clock.
///
/// When the clock runs out the next frame is an [`Elapsed`](headworks_core::Elapsed) error, and the body is
/// over. The natural end of the body is never held back. `size_hint` and `is_end_stream` are the inner body's.
///
/// The clock of the whole request ([`Clock::Total`](headworks_core::Clock::Total)) goes on whatever the reader
/// does: one that is slower meets it, even if data was there for it all the time. That of an
/// [attempt](headworks_core::Clock::Attempt) is about the deployment: from a frame until the next is asked for
/// it stands still, since nothing is waited for then but the reader.
#[pin_project]
#[derive(Debug)]
pub struct TimeoutBody<B> {
    #[pin]
    inner: B,
    #[pin]
    timer: Timer,
    pauses: Pauses,
    /// Since when nobody has asked for a frame, where that is not counted.
    paused: Option<Instant>,
    over: bool,
}

// ===== impl TimeoutBody =====

impl<B> TimeoutBody<B> {
    pub(crate) fn new(inner: B, limit: Option<Limit>, pauses: Pauses) -> Self {
        let timer = Timer::new(limit);
        Self {
            inner,
            paused: paused(&timer, pauses),
            timer,
            pauses,
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
        let mut this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        if let Some(since) = this.paused.take() {
            resume(this.timer.as_mut(), this.pauses, since);
        }
        let elapsed = match this.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match this.timer.passed() {
                None => {
                    *this.paused = paused(&this.timer, *this.pauses);
                    return Poll::Ready(Some(Ok(frame)));
                }
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

/// From now on nobody asks.
fn paused(timer: &Timer, pauses: Pauses) -> Option<Instant> {
    let stands_still = timer.limit().is_some() && matches!(pauses, Pauses::DoNotCount { .. });
    stands_still.then(Instant::now)
}

/// Somebody asks again, after nobody has `since` then.
fn resume(timer: Pin<&mut Timer>, pauses: &mut Pauses, since: Instant) {
    let (Some(limit), Pauses::DoNotCount { until }) = (timer.limit(), *pauses) else {
        return;
    };
    let later = limit.put_off(since.elapsed());
    match until.filter(|until| until.at() <= later.at()) {
        Some(until) => {
            *pauses = Pauses::Count;
            timer.set(until);
        }
        None => timer.set(later),
    }
}
