use crate::{
    load::{Estimate, Limits, Window},
    queue::Bells,
};
use parking_lot::Mutex;
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The least share one that starts slowly takes. Below it a group of few requests would never find out that
/// it is back. Envoy's slow start has the same floor.
const FLOOR: f64 = 0.1;

/// Of how many of its last attempts the share that failed is a mean: each counts for a sixteenth of it. Few, so
/// that a retry learns of a deployment that has fallen sick within a second's traffic.
const REMEMBERED: u32 = 16;

/// All of them failed.
const ALL: u32 = 1 << 16;

/// More than this share is often: two failures in a row, but not one in a while.
const OFTEN: u32 = ALL / 10;

/// What goes on at one deployment. It lives with the deployment, not with a service or a connection: every
/// clone and every group shares it, and it outlives a reload.
#[derive(Debug)]
pub struct State {
    in_flight: AtomicUsize,
    start: AtomicU64,
    made: Instant,
    /// The share of its last attempts that failed, of [`ALL`].
    failed: AtomicU32,
    /// Kept from when somebody first asks for it.
    latency: OnceLock<Mutex<Estimate>>,
    /// Likewise.
    usage: OnceLock<Mutex<Window>>,
    bells: Bells,
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

    /// How much there is to wait for, in seconds, for a request that is sent there now: what
    /// [`LeastLatency`](crate::LeastLatency) compares. See [`load`](crate::load) for what goes into it.
    ///
    /// Latencies are followed from when this is first asked.
    #[must_use]
    pub fn latency(&self) -> f64 {
        let estimate = self.latency.get_or_init(Mutex::default);
        estimate.lock().load(Instant::now(), self.in_flight())
    }

    pub(crate) fn follow_latency(&self) {
        self.latency.get_or_init(Mutex::default);
    }

    pub(crate) fn follow_usage(&self) {
        self.usage.get_or_init(Mutex::default);
    }

    /// Changes what is known of its latency; `None` where nobody asks for it.
    pub(crate) fn learn<T>(&self, change: impl FnOnce(&mut Estimate) -> T) -> Option<T> {
        self.latency.get().map(|known| change(&mut known.lock()))
    }

    /// How much of its limits it has used in the running minute when a request more is sent there, of which
    /// 1 is all: what [`LeastUsed`](crate::LeastUsed) compares.
    ///
    /// Usage is followed from when this is first asked.
    #[must_use]
    pub fn used(&self, limits: Limits) -> f64 {
        let window = self.usage.get_or_init(Mutex::default);
        let in_flight = self.in_flight();
        window.lock().used(Instant::now(), limits, in_flight)
    }

    /// An answer from there has used so many tokens, of the prompt and of its own. For whoever can read it.
    pub fn used_tokens(&self, tokens: u64) {
        if let Some(window) = self.usage.get() {
            window.lock().tokens(Instant::now(), tokens);
        }
    }

    /// The provider has said that this share of a limit of it, from 0 to 1, is left, and that all of it will
    /// be at `until`. For whoever can read its headers.
    ///
    /// Until then no less than the rest is taken for used, the less the nearer `until` is; what it says next
    /// stands instead.
    pub fn told_left(&self, share: f64, until: Instant) {
        if let Some(window) = self.usage.get() {
            window.lock().told_left(Instant::now(), share, until);
        }
    }

    /// Counts one more in flight, unless that were more than `max`.
    pub(crate) fn try_begin(&self, max: Option<usize>) -> bool {
        let begun = if let Some(max) = max {
            let more = |now| (now < max).then_some(now + 1);
            self.in_flight
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
                .is_ok()
        } else {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            true
        };
        if begun && let Some(window) = self.usage.get() {
            window.lock().request(Instant::now());
        }
        begun
    }

    pub(crate) fn end(&self) {
        // In one order with the look at the bells, and with those who wait for room and look for it.
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.bells.ring();
    }

    /// An attempt has ended, and the deployment `failed` it or did not.
    pub(crate) fn ended(&self, failed: bool) {
        let known = self.failed.load(Ordering::Relaxed);
        if !failed && known == 0 {
            return;
        }
        let target = if failed { ALL } else { 0 };
        let learn = |known: u32| {
            // Towards zero it is a step at least, so that it is reached.
            let rest = known - known.div_ceil(REMEMBERED);
            Some(rest + target / REMEMBERED)
        };
        // Whoever loses a race has told the same a moment sooner or later: never refused.
        let _known = self
            .failed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, learn);
    }

    /// True if it failed a tenth of its last attempts, or more.
    pub(crate) fn fails_often(&self) -> bool {
        self.failed.load(Ordering::Relaxed) > OFTEN
    }

    /// Who is told when there is room again.
    pub(crate) const fn bells(&self) -> &Bells {
        &self.bells
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
            failed: AtomicU32::new(0),
            latency: OnceLock::new(),
            usage: OnceLock::new(),
            bells: Bells::default(),
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

    #[test]
    fn who_fails_often_is_known_by_the_last_few_attempts() {
        let state = State::default();
        state.ended(true);
        assert!(!state.fails_often(), "one in a while");
        state.ended(true);
        assert!(state.fails_often());
        (0..100).for_each(|_| state.ended(true));
        assert!(state.failed.load(Ordering::Relaxed) <= ALL);
        let well = (0..).take_while(|_| {
            state.ended(false);
            state.fails_often()
        });
        assert_eq!(well.count(), 35);
        (0..200).for_each(|_| state.ended(false));
        assert_eq!(state.failed.load(Ordering::Relaxed), 0);
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
