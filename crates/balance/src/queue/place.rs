use super::{Queue, Ticket, Wants, wants::Places};
use crate::Members;
use smallvec::SmallVec;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    task::Waker,
    time::Duration,
};
use tokio::time::Instant;

/// A request's place in line. It leaves when this is dropped.
pub(crate) struct Place {
    queue: Arc<Queue>,
    ticket: Ticket,
    wants: Wants,
    since: Instant,
    until: Instant,
}

// ===== impl Place =====

impl Place {
    /// Takes a place at the end and stands there; `None` if as many wait as may.
    pub(crate) fn take(
        queue: &Arc<Queue>,
        members: &Members,
        wants: Wants,
        since: Instant,
        until: Instant,
    ) -> Option<Self> {
        queue.hear(members);
        let ticket = queue.stand_last(wants.clone())?;
        Some(Self {
            queue: queue.clone(),
            ticket,
            wants,
            since,
            until,
        })
    }

    /// By when the wait is over.
    pub(crate) const fn until(&self) -> Instant {
        self.until
    }

    /// How long it has lasted.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Stands where it stood before, and wants these.
    pub(crate) fn stand(&mut self, wants: Wants) {
        if self.queue.stand_again(self.ticket, &wants) && wants != self.wants {
            // What it wants no more is due to another.
            self.queue.wake_first();
        }
        self.wants = wants;
    }

    /// Leaves, and may come back.
    pub(crate) fn step_out(&self) {
        self.queue.leave(self.ticket);
    }

    /// Whom those before it want.
    pub(crate) fn wanted_before(&self, version: u64) -> Wants {
        let line = self.queue.line.lock();
        line.wanted_before(Some(self.ticket), version)
    }

    /// To be called before each look at who takes requests: what changes after it wakes `waker`. True if this
    /// is the first in line, who is told of changes.
    pub(crate) fn watch(&self, waker: &Waker) -> bool {
        // What a waker holds may be anything: it is dropped outside of the lock.
        let (is_first, before) = {
            let mut line = self.queue.line.lock();
            let before = match line.waker_mut(self.ticket) {
                Some(known) if known.as_ref().is_some_and(|known| known.will_wake(waker)) => None,
                Some(known) => known.replace(waker.clone()),
                None => None,
            };
            let first = line.first().map(|(ticket, _)| ticket);
            (first == Some(self.ticket), before)
        };
        drop(before);
        if is_first {
            self.queue.changes.register(waker);
        }
        fence(Ordering::SeqCst);
        is_first
    }

    /// The same for the members of the group: theirs are the bells it listens to.
    pub(crate) fn hear(&self, members: &Members) {
        self.queue.hear(members);
        fence(Ordering::SeqCst);
    }

    /// Wakes those behind to whom one of these members is due.
    pub(crate) fn call(&self, open: Places) {
        let wakers: SmallVec<[Waker; 4]> = {
            let line = self.queue.line.lock();
            let due = line.due(open).filter(|(ticket, _)| *ticket != self.ticket);
            due.filter_map(|(_, waker)| waker.clone()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.step_out();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("ticket", &self.ticket)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
