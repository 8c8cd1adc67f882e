use std::time::Duration;

/// How deployments are checked, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthPolicy {
    pub(super) background: bool,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) routing: bool,
    stale_after: Option<Duration>,
    pub(super) ignore_transient: bool,
    pub(super) seed: Option<u64>,
}

/// Below it, checks would be traffic of their own.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// Above it, nobody is waiting for the next check.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60 * 60 * 24 * 365);

// ===== impl HealthPolicy =====

impl Default for HealthPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl HealthPolicy {
    /// Checks on request, steers nothing. The times are `LiteLLM`'s.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            background: false,
            interval: Duration::from_secs(300),
            timeout: Duration::from_secs(60),
            concurrency: 64,
            routing: false,
            stale_after: None,
            ignore_transient: false,
            seed: None,
        }
    }

    /// Whether deployments are checked in the background: `LiteLLM`'s `background_health_checks`. Default:
    /// false.
    #[must_use]
    pub const fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// The time from one check of a deployment in the background to the next: `health_check_interval`. A tenth
    /// is added or taken off at random, so that no two stay in step; a deployment that is sick is checked again
    /// after half a minute already. Default: 300 s; from 0.1 s to a year.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        self
    }

    /// How long one check may take, unless its [`Subject`](super::Subject) says otherwise. Default: 60 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The most checks at a time, of all deployments together: `health_check_concurrency`. Default: 64, where
    /// `LiteLLM` has no bound; at least 1.
    #[must_use]
    pub fn concurrency(mut self, checks: usize) -> Self {
        // What a semaphore can count.
        self.concurrency = checks.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Whether checks in the background steer requests away from what is sick: `enable_health_check_routing`.
    /// Without checks in the background it has no effect: what was found on request would not be found again.
    /// Default: false.
    #[must_use]
    pub const fn routing(mut self, routing: bool) -> Self {
        self.routing = routing;
        self
    }

    /// How old a finding may be and still steer requests: `health_check_staleness_threshold`. What is older
    /// counts as well. Default: twice the interval, and never so short that a finding is stale before the next
    /// check had its time.
    #[must_use]
    pub fn stale_after(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.stale_after = age.into();
        self
    }

    /// Whether an answer of 429 or 408 says nothing: `health_check_ignore_transient_errors`. Default: false.
    #[must_use]
    pub const fn ignore_transient(mut self, ignore: bool) -> Self {
        self.ignore_transient = ignore;
        self
    }

    /// Makes the times of checks the same on each run. Default: differs.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    pub(super) fn age(&self) -> Duration {
        self.stale_after.unwrap_or_else(|| {
            let twice = self.interval.saturating_mul(2);
            let with_jitter = self.interval.saturating_add(self.interval / 10);
            twice.max(with_jitter.saturating_add(self.timeout))
        })
    }

    pub(super) const fn steers(&self) -> bool {
        self.background && self.routing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_finding_lives_until_the_next_check_had_its_time() {
        assert_eq!(HealthPolicy::new().age(), seconds(600));
        let often = HealthPolicy::new().interval(seconds(10));
        assert_eq!(often.age(), seconds(71));
        assert_eq!(often.stale_after(seconds(5)).age(), seconds(5));
    }

    #[test]
    fn no_setting_makes_checks_without_a_pause_or_without_a_slot() {
        let policy = HealthPolicy::new().interval(Duration::ZERO).concurrency(0);
        assert_eq!(policy.interval, SHORTEST_INTERVAL);
        assert_eq!(policy.concurrency, 1);
        let policy = policy.interval(Duration::MAX).timeout(Duration::MAX);
        assert_eq!(policy.interval, LONGEST_INTERVAL);
        assert_eq!(policy.age(), Duration::MAX);
    }
}
