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
    /// The version of the group whose members all ring here.
    heard: AtomicU64,
    /// Held by whoever sees to it that they do.
    hearing: Mutex<()>,
}

// ===== impl Queue =====

impl Queue {
    pub(crate) fn new<S>(policy: WaitPolicy, registry: &Registry<S>) -> Self {
        Self {
            policy,
            line: Mutex::new(Line::new()),
            len: AtomicUsize::new(0),
            changes: registry.follow(),
            heard: AtomicU64::new(0),
            hearing: Mutex::new(()),
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
    ///
    /// All of them do when this returns, also for who comes while another sees to it: were the version noted
    /// before the last bell is hung, the second would wait for a ring that nobody hears.
    fn hear(self: &Arc<Self>, members: &Members) {
        let version = members.version();
        if self.heard.load(Ordering::Acquire) == version {
            return;
        }
        let _hearing = self.hearing.lock();
        if self.heard.load(Ordering::Relaxed) == version {
            return;
        }
        for member in members {
            member.state().bells().add(self);
        }
        self.heard.store(version, Ordering::Release);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;
    use std::{sync::Barrier, thread, time::Duration};

    /// Many, so that hanging their bells takes a while.
    const MEMBERS: usize = 2000;
    const THREADS: usize = 3;
    const ROUNDS: usize = 50;

    #[test]
    fn all_members_ring_for_who_comes_while_another_sees_to_it() {
        let endpoints = (0..MEMBERS).map(|n| Endpoint::new(n.to_string(), ()));
        let registry: Registry<()> = endpoints.collect();
        let snapshot = registry.load();
        let members = snapshot.members();
        let last = members.list()[MEMBERS - 1].state().bells();
        for _ in 0..ROUNDS {
            let queue = Arc::new(Queue::new(
                WaitPolicy::new(Duration::from_secs(1)),
                &registry,
            ));
            let together = Barrier::new(THREADS);
            let come = || {
                together.wait();
                queue.hear(members);
                last.are_heard_by(&queue)
            };
            let heard: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(come)).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect()
            });
            assert_eq!(heard, [true; THREADS]);
        }
    }
}
