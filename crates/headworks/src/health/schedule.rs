use fastrand::Rng;
use std::time::Duration;

/// When one deployment is checked.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    rng: Rng,
}

/// The first round is over within this, so that a gateway knows about all soon after it begins.
const FIRST_ROUND: Duration = Duration::from_secs(10);

/// What is sick is checked again after this, if the interval is longer: clients miss it.
const AGAIN: Duration = Duration::from_secs(30);

/// The most that is added to a pause, or taken off, as a share of it.
const JITTER: f64 = 0.1;

// ===== impl Schedule =====

impl Schedule {
    pub(super) const fn new(interval: Duration, rng: Rng) -> Self {
        Self { interval, rng }
    }

    /// How long until the first check of the one at `place` among `all`: each has a slice of the first round,
    /// and a moment of its own in it.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 deployments")]
    pub(super) fn first(&mut self, place: usize, all: usize) -> Duration {
        let share = (place as f64 + self.rng.f64()) / all as f64;
        self.interval.min(FIRST_ROUND).mul_f64(share)
    }

    /// How long until the next check.
    pub(super) fn next(&mut self, sick: bool) -> Duration {
        let pause = if sick {
            self.interval.min(AGAIN)
        } else {
            self.interval
        };
        pause.mul_f64(JITTER.mul_add(self.rng.f64().mul_add(2.0, -1.0), 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn schedule(interval: Duration, seed: u64) -> Schedule {
        Schedule::new(interval, Rng::with_seed(seed))
    }

    #[test]
    fn the_first_round_is_spread_over_its_seconds() {
        for (interval, slice) in [(MINUTE, 1000), (Duration::from_secs(1), 100)] {
            for place in 0..10 {
                let first = schedule(interval, 7).first(place, 10).as_millis();
                let place = place as u128;
                assert!((place * slice..=(place + 1) * slice).contains(&first));
            }
        }
    }

    #[test]
    fn pauses_differ_by_a_tenth_and_are_short_for_what_is_sick() {
        for (interval, sick, base) in [
            (5 * MINUTE, false, 5 * MINUTE),
            (5 * MINUTE, true, MINUTE / 2),
            (MINUTE / 6, true, MINUTE / 6),
        ] {
            let mut schedule = schedule(interval, 7);
            let pauses: Vec<_> = (0..1000).map(|_| schedule.next(sick)).collect();
            let (least, most) = (pauses.iter().min(), pauses.iter().max());
            assert!(least.is_some_and(|least| *least >= base * 9 / 10 && *least < base * 91 / 100));
            assert!(most.is_some_and(|most| *most <= base * 11 / 10 && *most > base * 109 / 100));
        }
    }
}
