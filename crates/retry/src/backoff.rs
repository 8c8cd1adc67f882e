use std::time::Duration;

/// How long to wait before the same deployment is asked again.
///
/// Without a hint from the provider the wait is random ("full jitter"): anything up to a bound that begins
/// at [`first`](Self::first), doubles with each wait of the request, and ends at
/// [`longest`](Self::longest). A whole interval is drawn from, and not an edge of it jittered, because the
/// requests that failed together would otherwise come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    shortest: Duration,
    longest_hint: Duration,
}

// ===== impl Backoff =====

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff {
    /// Waits below 0.5 s, 1 s, 2 s, 4 s, then 8 s; hints of up to 60 s.
    ///
    /// The numbers are those of the `OpenAI` and Anthropic SDKs and of `LiteLLM`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            shortest: Duration::ZERO,
            longest_hint: Duration::from_secs(60),
        }
    }

    /// The bound of the first wait. Default: 0.5 s.
    #[must_use]
    pub const fn first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// The bound that no wait without a hint exceeds, unless [`shortest`](Self::shortest) does. Default: 8 s.
    #[must_use]
    pub const fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// The least that is waited where there is no hint: `LiteLLM`'s `retry_after`. Default: none.
    #[must_use]
    pub const fn shortest(mut self, shortest: Duration) -> Self {
        self.shortest = shortest;
        self
    }

    /// The longest hint that is waited for; a longer one is handed on at once. Default: 60 s, above which
    /// the SDKs do not believe one either.
    #[must_use]
    pub const fn longest_hint(mut self, longest: Duration) -> Self {
        self.longest_hint = longest;
        self
    }

    /// The wait of a request that has waited `waits` times before.
    pub(crate) fn wait(&self, waits: u32, rng: &mut fastrand::Rng) -> Duration {
        let bound = 2_u32
            .checked_pow(waits)
            .and_then(|factor| self.first.checked_mul(factor))
            .map_or(self.longest, |bound| bound.min(self.longest));
        bound.mul_f64(rng.f64()).max(self.shortest)
    }

    pub(crate) const fn longest_believed(&self) -> Duration {
        self.longest_hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_interval_is_drawn_from() {
        let mut rng = fastrand::Rng::with_seed(7);
        let waits: Vec<_> = (0..1000)
            .map(|_| Backoff::new().wait(1, &mut rng).as_secs_f64())
            .collect();
        let mean = waits.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(waits.iter().any(|&wait| wait < 0.05) && waits.iter().any(|&wait| wait > 0.95));
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_bounds(
            waits in 0_u32..200, seed: u64, first in 0_u64..10_000, longest in 0_u64..100_000,
        ) {
            let backoff = Backoff::new()
                .first(Duration::from_millis(first))
                .longest(Duration::from_millis(longest));
            let wait = backoff.wait(waits, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(wait <= Duration::from_millis(longest));
            if waits < 10 {
                prop_assert!(wait <= Duration::from_millis(first << waits));
            }
        }

        #[test]
        fn the_shortest_wait_is_kept_even_above_the_longest(waits in 0_u32..8, seed: u64) {
            let backoff = Backoff::new().shortest(Duration::from_secs(9));
            let wait = backoff.wait(waits, &mut fastrand::Rng::with_seed(seed));
            prop_assert_eq!(wait, Duration::from_secs(9));
        }
    }
}
