//! Waiting for a deployment when none takes the request.

mod bells;
mod line;
mod place;
mod policy;
mod wants;

pub(crate) use bells::Bells;
pub(crate) use place::Place;
pub use policy::WaitPolicy;
pub(crate) use wants::{Places, Wants};

use crate::{Members, Registry};
use futures_util::task::AtomicWaker;
use line::{Line, Ticket};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering, fence},
    },
    task::Waker,
};

/// The requests of one group that wait.
///
/// The first in line keeps watch: whatever may have changed wakes it and nobody else. It takes what it wants,
/// calls those behind it to whom something else is due, and sleeps until the next rest is over. Whoever
/// leaves wakes the first, which looks whether there is more. So each deployment that takes a request again
/// wakes one who can be served, and the one who then keeps watch.
pub(crate) struct Queue {
    policy: WaitPolicy,
    line: Mutex<Line<Option<Waker>>>,
    /// How many stand in line.
    len: AtomicUsize,
    /// Wakes the first when the group changes.
    changes: Arc<AtomicWaker>,
    /// The version of the group whose members ring here.
    version: AtomicU64,
}

// ===== impl Queue =====

impl Queue {
    pub(crate) fn new<S>(policy: WaitPolicy, registry: &Registry<S>) -> Self {
        Self {
            policy,
            line: Mutex::new(Line::new()),
            len: AtomicUsize::new(0),
            changes: registry.follow(),
            version: AtomicU64::new(0),
        }
    }

    pub(crate) const fn policy(&self) -> &WaitPolicy {
        &self.policy
    }

    /// Whom those who wait want: whoever comes now may not have them. `None` if nobody waits.
    pub(crate) fn wanted(&self, version: u64) -> Option<Wants> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(self.line.lock().wanted_before(None, version))
    }

    /// Something may have changed.
    pub(crate) fn ring(&self) {
        // Pairs with the fence of whoever stands in line and looks again: one of the two sees the other.
        if self.len.load(Ordering::SeqCst) > 0 {
            self.wake_first();
        }
    }

    fn wake_first(&self) {
        let first = self
            .line
            .lock()
            .first()
            .and_then(|(_, waker)| waker.clone());
        if let Some(waker) = first {
            waker.wake();
        }
    }

    /// The members of this group ring from now on when they have room again.
    fn hear(self: &Arc<Self>, members: &Members) {
        if self.version.swap(members.version(), Ordering::Relaxed) != members.version() {
            for member in members {
                member.state().bells().add(self);
            }
        }
    }

    /// Stands at the end; `None` if as many do as may.
    fn stand_last(&self, wants: Wants) -> Option<Ticket> {
        let mut line = self.line.lock();
        if line.len() >= self.policy.most() {
            return None;
        }
        let ticket = line.draw();
        line.stand(ticket, wants, None);
        self.len.store(line.len(), Ordering::SeqCst);
        drop(line);
        fence(Ordering::SeqCst);
        Some(ticket)
    }

    /// Stands where it stood before, and wants these. True if it had not left.
    fn stand_again(&self, ticket: Ticket, wants: &Wants) -> bool {
        let mut line = self.line.lock();
        if let Some(before) = line.wants_mut(ticket) {
            before.clone_from(wants);
            return true;
        }
        line.stand(ticket, wants.clone(), None);
        self.len.store(line.len(), Ordering::SeqCst);
        drop(line);
        fence(Ordering::SeqCst);
        false
    }

    fn leave(&self, ticket: Ticket) {
        let left = {
            let mut line = self.line.lock();
            let left = line.leave(ticket);
            self.len.store(line.len(), Ordering::SeqCst);
            left
        };
        if left.is_some() {
            self.wake_first();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("policy", &self.policy)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
