use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// The least share one that starts slowly takes. Below it a group of few requests would never find out that
/// it is back. Envoy's slow start has the same floor.
const FLOOR: f64 = 0.1;

/// What goes on at one deployment. It lives with the deployment, not with a service or a connection: every
/// clone and every group shares it, and it outlives a reload.
#[derive(Debug)]
pub struct State {
    in_flight: AtomicUsize,
    start: AtomicU64,
    made: Instant,
}

/// How a deployment has come to take requests, as it stands in `State::start`: one of these, or else since
/// when it starts slowly, in microseconds from when the state was made, plus `SINCE`.
const SETTLED: u64 = 0;
const RESTING: u64 = 1;
const SINCE: u64 = 2;

// ===== impl State =====

impl State {
    /// Requests sent there whose answers have not ended: a streamed answer counts until its last byte.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts one more in flight, unless that were more than `max`.
    pub(crate) fn try_begin(&self, max: Option<usize>) -> bool {
        let Some(max) = max else {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            return true;
        };
        let more = |now| (now < max).then_some(now + 1);
        self.in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// It rests: when it takes requests again, it starts slowly.
    pub(crate) fn rests(&self) {
        if self.start.load(Ordering::Relaxed) != RESTING {
            self.start.store(RESTING, Ordering::Relaxed);
        }
    }

    /// It takes requests: if it rested until now, its slow start begins.
    pub(crate) fn wakes(&self) {
        if self.start.load(Ordering::Relaxed) == RESTING {
            self.start_slowly();
        }
    }

    /// It is new among others, and takes its share slowly.
    pub(crate) fn start_slowly(&self) {
        self.start.store(self.now() + SINCE, Ordering::Relaxed);
    }

    /// The part of its share that it takes now, when the whole is reached after `over`.
    pub(crate) fn ramp(&self, over: Duration) -> f64 {
        let since = match self.start.load(Ordering::Relaxed) {
            SETTLED => return 1.0,
            RESTING => return FLOOR,
            start => start - SINCE,
        };
        let elapsed = Duration::from_micros(self.now().saturating_sub(since));
        if elapsed < over {
            return elapsed.div_duration_f64(over).max(FLOOR);
        }
        let start = since + SINCE;
        let settled =
            self.start
                .compare_exchange(start, SETTLED, Ordering::Relaxed, Ordering::Relaxed);
        // Where that fails it has been seen to rest, or has settled, in the meantime.
        settled.map_or_else(|_| self.ramp(over), |_| 1.0)
    }

    fn now(&self) -> u64 {
        let elapsed = Instant::now().saturating_duration_since(self.made);
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX - SINCE)
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            start: AtomicU64::new(SETTLED),
            made: Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use tokio::time::advance;

    const OVER: Duration = Duration::from_secs(10);

    #[test]
    fn the_limit_holds_under_concurrency() {
        let state = State::default();
        let admitted: usize = thread::scope(|scope| {
            let run = || (0..1000).filter(|_| state.try_begin(Some(100))).count();
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            runs.into_iter().map(|run| run.join().unwrap()).sum()
        });
        assert_eq!((admitted, state.in_flight()), (100, 100));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_back_from_a_rest_takes_more_and_more_until_all() {
        let state = State::default();
        state.wakes();
        assert_eq!(state.ramp(OVER), 1.0, "it has never rested");
        state.rests();
        advance(OVER * 2).await;
        assert_eq!(state.ramp(OVER), FLOOR);
        state.wakes();
        let mut shares = Vec::new();
        for _ in 0..5 {
            shares.push(state.ramp(OVER));
            advance(OVER / 4).await;
            state.wakes();
        }
        assert_eq!(shares, [FLOOR, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(state.start.load(Ordering::Relaxed), SETTLED);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_rests_again_starts_again() {
        let state = State::default();
        state.start_slowly();
        advance(OVER / 2).await;
        state.rests();
        state.wakes();
        assert_eq!(state.ramp(OVER), FLOOR);
        assert_eq!(state.ramp(Duration::ZERO), 1.0);
    }
}
