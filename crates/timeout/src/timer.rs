use headworks_core::{Clock, Elapsed};
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

/// When a clock runs out, and what is then said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    at: Instant,
    elapsed: Elapsed,
}

/// Whose time passes while the reader of a body does not ask for more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pauses {
    /// The clock's all the same.
    Count,
    /// The reader's: the clock stands still, and runs out as much later, though not after this.
    DoNotCount { until: Option<Limit> },
}

/// Waits for a [`Limit`], if there is one. The runtime's timer is made when it is first waited for, and put off
/// when it fires too early.
#[pin_project]
#[derive(Debug)]
pub(crate) struct Timer {
    limit: Option<Limit>,
    #[pin]
    sleep: Option<Sleep>,
}

// ===== impl Limit =====

impl Limit {
    /// `given` from `now`. `None` if that is beyond what the clock can show, which is no limit at all.
    pub(crate) fn new(clock: Clock, now: Instant, given: Duration) -> Option<Self> {
        let at = now.checked_add(given)?;
        Some(Self {
            at,
            elapsed: Elapsed::new(clock, given),
        })
    }

    /// From `now`, the time that the request brings as its `own`, else the `usual` one.
    pub(crate) fn of(
        clock: Clock,
        now: Instant,
        own: Option<Duration>,
        usual: Option<Duration>,
    ) -> Option<Self> {
        let mut limit = Self::new(clock, now, own.or(usual)?)?;
        if own.is_some_and(|own| usual.is_none_or(|usual| own < usual)) {
            limit.elapsed = limit.elapsed.shortened();
        }
        Some(limit)
    }

    pub(crate) const fn at(&self) -> Instant {
        self.at
    }

    /// So much later. Beyond what the clock can show it stays where it is.
    pub(crate) fn put_off(self, by: Duration) -> Self {
        Self {
            at: self.at.checked_add(by).unwrap_or(self.at),
            ..self
        }
    }
}

// ===== impl Timer =====

impl Timer {
    pub(crate) const fn new(limit: Option<Limit>) -> Self {
        Self { limit, sleep: None }
    }

    pub(crate) const fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Waits for `limit` instead, which is no earlier.
    pub(crate) fn set(self: Pin<&mut Self>, limit: Limit) {
        *self.project().limit = Some(limit);
    }

    /// Ready once the limit has been reached; never, if there is none.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let mut this = self.project();
        let Some(limit) = *this.limit else {
            return Poll::Pending;
        };
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(limit.at)));
        }
        while let Some(mut sleep) = this.sleep.as_mut().as_pin_mut() {
            // A task that has used up its turn would find every timer pending, this one too.
            if pin!(unconstrained(sleep.as_mut())).poll(cx).is_pending() {
                return Poll::Pending;
            }
            if limit.at <= sleep.deadline() {
                return Poll::Ready(limit.elapsed);
            }
            sleep.reset(limit.at);
        }
        Poll::Pending
    }

    /// What is said if the limit has passed, without waiting for it.
    pub(crate) fn passed(&self) -> Option<Elapsed> {
        let limit = self.limit.as_ref()?;
        (Instant::now() > limit.at).then_some(limit.elapsed)
    }
}
