use std::time::Duration;
use tokio::time::Instant;

const SLOTS: usize = 10;

/// How many attempts succeeded and failed lately: exact counts in a ring of slots.
///
/// Counts and not a decaying average, because to an average a burst of failures is hardly there, and because
/// "more than 3 in a minute" is something a person can check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    slots: [Counts; SLOTS],
    /// When the first slot began, and the slot that is being counted into, as a number since then.
    began: Option<Instant>,
    current: u64,
}

/// How attempts ended within the window of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counts {
    /// How many were answered well, as far as is known.
    pub successes: u32,
    /// How many failed, by the rules of the policy.
    pub failures: u32,
}

// ===== impl Window =====

impl Window {
    /// The slot of `now`, to be counted into, of a window of this `length`.
    pub(crate) fn slot(&mut self, now: Instant, length: Duration) -> &mut Counts {
        self.turn_to(now, length);
        &mut self.slots[index(self.current)]
    }

    /// What was counted within `length` until `now`.
    pub(crate) fn sum(&mut self, now: Instant, length: Duration) -> Counts {
        self.turn_to(now, length);
        self.slots
            .iter()
            .fold(Counts::default(), |sum, slot| Counts {
                successes: sum.successes + slot.successes,
                failures: sum.failures + slot.failures,
            })
    }

    /// Takes back the latest success there is.
    pub(crate) fn take_back(&mut self) {
        let slots = (0..SLOTS as u64).map(|back| index(self.current + SLOTS as u64 - back));
        for slot in slots {
            if self.slots[slot].successes > 0 {
                self.slots[slot].successes -= 1;
                return;
            }
        }
    }

    /// Empties the slots that were passed. A moment that lies behind, as another thread may have read it,
    /// counts as the current one.
    fn turn_to(&mut self, now: Instant, length: Duration) {
        let began = *self.began.get_or_insert(now);
        let slot = (length.as_nanos() / SLOTS as u128).max(1);
        let slot = now.saturating_duration_since(began).as_nanos() / slot;
        let slot = u64::try_from(slot).unwrap_or(u64::MAX);
        for passed in (self.current + 1..=slot).take(SLOTS) {
            self.slots[index(passed)] = Counts::default();
        }
        self.current = self.current.max(slot);
    }
}

const fn index(slot: u64) -> usize {
    (slot % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH: Duration = Duration::from_secs(10);

    proptest! {
        #[test]
        fn it_sums_what_the_last_slots_counted(
            steps in prop::collection::vec((0_u64..15, 0_u32..3, 0_u32..3), 0..50)
        ) {
            let began = Instant::now();
            let (mut window, mut second, mut counted) = (Window::default(), 0, Vec::new());
            window.sum(began, LENGTH);
            for (passed, successes, failures) in steps {
                second += passed;
                let now = began + Duration::from_secs(second);
                let slot = window.slot(now, LENGTH);
                slot.successes += successes;
                slot.failures += failures;
                counted.push((second, successes, failures));
                let recent = counted.iter().filter(|(at, ..)| at + SLOTS as u64 > second);
                let expected = recent.fold(Counts::default(), |sum, (_, s, f)| Counts {
                    successes: sum.successes + s,
                    failures: sum.failures + f,
                });
                prop_assert_eq!(window.sum(now, LENGTH), expected);
            }
        }
    }

    #[test]
    fn the_latest_success_is_taken_back_and_none_below_zero() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3);
        let mut window = Window::default();
        window.slot(now, LENGTH).successes += 1;
        window.slot(later, LENGTH).successes += 1;
        window.take_back();
        assert_eq!(*window.slot(later, LENGTH), Counts::default());
        assert_eq!(window.sum(later, LENGTH).successes, 1);
        window.take_back();
        window.take_back();
        assert_eq!(window.sum(later, LENGTH), Counts::default());
    }
}
