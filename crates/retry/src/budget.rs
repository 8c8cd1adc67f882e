use parking_lot::Mutex;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a request, and a retry, is remembered.
const MEMORY: Duration = Duration::from_secs(60);
const SLOTS: usize = 12;
const SLOT: Duration = MEMORY.checked_div(SLOTS as u32).expect("SLOTS is not zero");

/// A bound on the retries of a whole process: in any minute, a share of its requests, or a floor where that
/// is more.
///
/// Retries help while a few requests fail and do harm when all of them do: in an outage each would multiply
/// the traffic to what has failed already. A budget makes them a share of the traffic instead. The floor
/// keeps a process with few requests from having none at all.
///
/// A clone shares the budget. Requests and retries are counted in slots of five seconds, so that "a minute"
/// is between 55 and 60 seconds. A request counts once, when it begins, whatever becomes of it and however many
/// groups it falls back to. After Finagle's `RetryBudget`, with a longer memory because a completion takes
/// longer than an RPC.
#[derive(Clone)]
pub struct Budget(Arc<State>);

struct State {
    share: f64,
    floor: u32,
    began: Instant,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: Window,
    retries: Window,
}

/// What happened in the last [`SLOTS`] slots.
#[derive(Default)]
struct Window {
    slots: [u64; SLOTS],
    /// The slot that is being counted into, as a number since the beginning.
    current: u64,
}

// ===== impl Budget =====

impl Budget {
    /// Allows retries for `share` of the requests (0.2 is one for every five), or `floor` a minute where
    /// that is more. Finagle and linkerd take 0.2 and 10 a second. A share below zero counts as zero.
    #[must_use]
    pub fn new(share: f64, floor: u32) -> Self {
        Self(Arc::new(State {
            share,
            floor,
            began: Instant::now(),
            counts: Mutex::default(),
        }))
    }

    /// Counts a request.
    pub(crate) fn deposit(&self) {
        self.0.counts.lock().requests.add(self.slot());
    }

    /// Takes a retry out of the budget; false if there is none in it.
    pub(crate) fn withdraw(&self) -> bool {
        let slot = self.slot();
        let mut counts = self.0.counts.lock();
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact below 2^53 requests a minute"
        )]
        let earned = counts.requests.sum(slot) as f64 * self.0.share;
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact below 2^53 retries a minute"
        )]
        let after = (counts.retries.sum(slot) + 1) as f64;
        let allowed = after <= earned.max(self.0.floor.into());
        if allowed {
            counts.retries.add(slot);
        }
        allowed
    }

    fn slot(&self) -> u64 {
        self.0.began.elapsed().as_secs() / SLOT.as_secs()
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("share", &self.0.share)
            .field("floor", &self.0.floor)
            .finish_non_exhaustive()
    }
}

// ===== impl Window =====

impl Window {
    fn add(&mut self, slot: u64) {
        self.turn_to(slot);
        self.slots[Self::index(self.current)] += 1;
    }

    fn sum(&mut self, slot: u64) -> u64 {
        self.turn_to(slot);
        self.slots.iter().sum()
    }

    /// Empties the slots that were passed. A slot that lies behind, as another thread may have read it,
    /// counts as the current one.
    fn turn_to(&mut self, slot: u64) {
        for passed in (self.current + 1..=slot).take(SLOTS) {
            self.slots[Self::index(passed)] = 0;
        }
        self.current = self.current.max(slot);
    }

    const fn index(slot: u64) -> usize {
        (slot % SLOTS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::iter::repeat_with;
    use tokio::time::advance;

    /// How many retries the budget gives at once.
    fn spend(budget: &Budget) -> usize {
        repeat_with(|| budget.withdraw())
            .take(1000)
            .take_while(|&ok| ok)
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_a_share_of_the_requests_and_shared_by_clones() {
        let budget = Budget::new(0.7, 0);
        let clone = budget.clone();
        (0..100).for_each(|_| clone.deposit());
        assert_eq!(spend(&budget), 70);
        assert!(!clone.withdraw());
    }

    #[tokio::test(start_paused = true)]
    async fn the_floor_is_there_without_any_request_and_does_not_add_up() {
        let budget = Budget::new(0.5, 3);
        assert_eq!(spend(&budget), 3);
        (0..10).for_each(|_| budget.deposit());
        assert_eq!(spend(&budget), 2, "five in all");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_and_retries_are_forgotten_after_a_minute() {
        let budget = Budget::new(0.5, 3);
        (0..100).for_each(|_| budget.deposit());
        advance(Duration::from_secs(50)).await;
        assert_eq!(spend(&budget), 50);
        advance(Duration::from_secs(10)).await;
        assert_eq!(
            spend(&budget),
            0,
            "the requests are forgotten, the retries are not"
        );
        advance(Duration::from_secs(50)).await;
        assert_eq!(spend(&budget), 3);
    }

    proptest! {
        #[test]
        fn a_window_sums_what_the_last_slots_counted(
            steps in prop::collection::vec((0_u64..20, 0_u64..4), 0..50)
        ) {
            let (mut window, mut slot, mut counted) = (Window::default(), 0, Vec::new());
            for (passed, times) in steps {
                slot += passed;
                for _ in 0..times {
                    window.add(slot);
                    counted.push(slot);
                }
                let recent = counted.iter().filter(|&&at| at + SLOTS as u64 > slot).count();
                prop_assert_eq!(window.sum(slot), recent as u64);
            }
        }
    }
}
