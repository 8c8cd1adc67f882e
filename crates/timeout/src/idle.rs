use headworks_core::{BoxError, Clock, Elapsed};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

/// A body that may not be silent for too long between two frames.
///
/// When it is, the next frame is an [`Elapsed`] error of [`Clock::Idle`], the body within is dropped, which
/// ends the connection it comes from, and this one is over.
///
/// What counts is the time somebody has waited for a frame and none was there: the clock begins with the
/// poll that finds none, and each frame ends it. A reader that takes its time between two frames is not held
/// against the sender. The wait for the first frame is not counted; until then the answer has not begun, and
/// other clocks run.
///
/// `size_hint` and `is_end_stream` are the inner body's.
#[pin_project]
#[derive(Debug)]
pub struct IdleBody<B> {
    /// `None` once it has been given up.
    #[pin]
    inner: Option<B>,
    idle: Option<Duration>,
    begun: bool,
    waiting_since: Option<Instant>,
    /// Made at the first wait, and put off when it fires too early rather than with each frame.
    #[pin]
    sleep: Option<Sleep>,
}

// ===== impl IdleBody =====

impl<B> IdleBody<B> {
    /// Lets `inner` be silent for `idle`, or for ever.
    pub fn new(inner: B, idle: impl Into<Option<Duration>>) -> Self {
        Self {
            inner: Some(inner),
            idle: idle.into(),
            begun: false,
            waiting_since: None,
            sleep: None,
        }
    }

    /// The body within, or `None` once it has been given up.
    pub const fn get_ref(&self) -> Option<&B> {
        self.inner.as_ref()
    }

    /// Nothing has come. Ready once that has lasted for too long.
    fn poll_silence(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let mut this = self.project();
        let Some(idle) = this.idle.filter(|_| *this.begun) else {
            return Poll::Pending;
        };
        let now = Instant::now();
        let since = *this.waiting_since.get_or_insert(now);
        // Beyond what the clock can show is never.
        let Some(at) = since.checked_add(idle) else {
            return Poll::Pending;
        };
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(at)));
        }
        while let Some(mut sleep) = this.sleep.as_mut().as_pin_mut() {
            // A task that has used up its turn would find every timer pending, this one too.
            if pin!(unconstrained(sleep.as_mut())).poll(cx).is_pending() {
                return Poll::Pending;
            }
            if at <= now {
                return Poll::Ready(Elapsed::new(Clock::Idle, idle));
            }
            sleep.reset(at);
        }
        Poll::Pending
    }
}

impl<B> Body for IdleBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.as_mut().project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = inner.poll_frame(cx) {
            *this.begun = true;
            *this.waiting_since = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.as_mut().poll_silence(cx).map(|elapsed| {
            self.project().inner.set(None);
            Some(Err(elapsed.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
