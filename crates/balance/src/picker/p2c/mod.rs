mod metric;
mod seat;
mod tier;

pub use metric::{LeastBusy, LeastLatency, LeastUsed, Metric};

use crate::{Candidates, Picker, picker::Dice};
use headworks_core::Why;
use parking_lot::Mutex;
use std::{
    fmt,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tier::{TierBalance, between_two};

/// A `Balance` costs about a hundred bytes for each member, and more threads than this rarely choose at the
/// very same moment.
const MOST_SHARDS: usize = 8;

/// Looks at two at random and chooses the one with the lesser load: tower's own
/// [`Balance`](tower::balance::p2c::Balance), made shareable and aware of the request.
///
/// The members of a tier are the endpoints of one `Balance`, behind a lock that is held for the choice and
/// never while anything is awaited; since all it knows is read from the members, each thread may have one of
/// its own, and threads do not wait for each other. What an endpoint is asked there is only whether it takes requests and
/// what its load is: the request itself goes to a clone of its service, outside the lock. So a choice never
/// waits: where `Balance` says `Pending`, nobody takes requests and the answer is that at once.
///
/// A `Balance` chooses before it sees the request. A request that excludes members of its tier, as one that
/// failed there does, therefore gets a `Balance` of its own, over two candidates drawn at random: the same
/// two that a `Balance` over all its candidates would have compared.
///
/// An endpoint that takes no requests for now leaves the ready set and is back with the next choice after it
/// does: whoever chooses looks at those that are out and wakes them, so that nothing depends on a gate
/// remembering a waker, and no endpoint ever fails, which would remove it for good.
///
/// Weights have no part in it: of three endpoints the heaviest is in only two of three pairs, whatever its
/// load. Whoever wants shares wants [`WeightedShuffle`](crate::WeightedShuffle).
pub struct P2c {
    metric: Arc<dyn Metric>,
    dice: Dice,
    /// Each thread has its own, or shares it with few others. By tier.
    shards: Box<[Mutex<Vec<TierBalance>>]>,
}

// ===== impl P2c =====

impl P2c {
    /// Compares by this load.
    #[must_use]
    pub fn new(metric: impl Metric + 'static) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Self::with(metric, Dice::thread(), threads.min(MOST_SHARDS))
    }

    /// Makes the same choices in the same order each time, for tests and simulations.
    #[must_use]
    pub fn seeded(metric: impl Metric + 'static, seed: u64) -> Self {
        Self::with(metric, Dice::seeded(seed), 1)
    }

    fn with(metric: impl Metric + 'static, dice: Dice, shards: usize) -> Self {
        Self {
            metric: Arc::new(metric),
            dice,
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    fn of_whole_tier(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let mut tiers = self.shards[thread_number() % self.shards.len()].lock();
        while tiers.len() <= candidates.tier() {
            tiers.push(TierBalance::new(self.metric.clone(), self.dice.fork()));
        }
        let tier = &mut tiers[candidates.tier()];
        tier.follow(candidates.members(), candidates.places());
        tier.pick()
    }

    fn of_some(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let (first, second) = candidates.two(&self.dice)?;
        let Some(second) = second else {
            return Some(first);
        };
        between_two(
            candidates.members(),
            [first, second],
            &self.metric,
            &self.dice,
        )
    }
}

impl Picker for P2c {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        if candidates.whole_tier() {
            self.of_whole_tier(candidates)
        } else {
            self.of_some(candidates)
        }
    }

    fn why(&self) -> Why {
        self.metric.why()
    }
}

impl fmt::Debug for P2c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("P2c")
            .field("why", &self.why())
            .finish_non_exhaustive()
    }
}

/// Tells threads apart.
fn thread_number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests;
