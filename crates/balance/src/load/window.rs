use std::time::Duration;
use tokio::time::Instant;

/// How much is counted together. The window is a minute give or take this.
const SLICE: Duration = Duration::from_secs(5);
const SLICES: usize = 12;

/// What is taken for the limits of a deployment that has none, so that such deployments can be compared with
/// each other: ten requests of a thousand tokens each weigh as much as one of ten thousand.
const NOMINAL: Limits = Limits {
    rpm: Some(100_000),
    tpm: Some(10_000_000),
};

/// What a deployment is good for in a minute. Default: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests.
    pub rpm: Option<u64>,
    /// Tokens.
    pub tpm: Option<u64>,
}

/// What was used in the running minute, and what the provider says of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// When the first slice began.
    began: Option<Instant>,
    /// Which slice it is now, counted from the first.
    slice: u64,
    slices: [Used; SLICES],
    sum: Used,
    told: Option<Told>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    requests: u64,
    tokens: u64,
    /// How many answers the tokens are of.
    answers: u64,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    used: f64,
    at: Instant,
    until: Instant,
}

// ===== impl Limits =====

impl Limits {
    /// These limits; `None` for one that is not known.
    #[must_use]
    pub const fn new(rpm: Option<u64>, tpm: Option<u64>) -> Self {
        Self { rpm, tpm }
    }
}

// ===== impl Window =====

impl Window {
    pub(crate) fn request(&mut self, now: Instant) {
        self.add(
            now,
            Used {
                requests: 1,
                ..Used::default()
            },
        );
    }

    pub(crate) fn tokens(&mut self, now: Instant, tokens: u64) {
        self.add(
            now,
            Used {
                requests: 0,
                tokens,
                answers: 1,
            },
        );
    }

    pub(crate) fn told_left(&mut self, now: Instant, left: f64, until: Instant) {
        self.told = Some(Told {
            used: 1.0 - left.clamp(0.0, 1.0),
            at: now,
            until,
        });
    }

    /// The share of its limits that is used once a further request is sent: the larger of the two, or what
    /// the provider has said if that is more.
    ///
    /// Requests that are under way have told no tokens yet, and are taken to use as many as those that have.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share need not be exact to 2^-53"
    )]
    pub(crate) fn used(&mut self, now: Instant, limits: Limits, in_flight: usize) -> f64 {
        self.advance(now);
        let limits = match limits {
            Limits {
                rpm: None,
                tpm: None,
            } => NOMINAL,
            limits => limits,
        };
        let Used {
            requests,
            tokens,
            answers,
        } = self.sum;
        let each = tokens as f64 / answers.max(1) as f64;
        let tokens = each.mul_add(in_flight as f64 + 1.0, tokens as f64);
        let share = |used: f64, limit: Option<u64>| match limit {
            Some(limit) => used / limit as f64,
            None => 0.0,
        };
        let requests = share(requests as f64 + 1.0, limits.rpm);
        // Even where no token is told, one that has something in flight is not as empty as one that has not.
        let tokens = share(tokens.max(in_flight as f64 + 1.0), limits.tpm);
        let told = self.told.map_or(0.0, |told| told.used(now));
        requests.max(tokens).max(told)
    }

    fn add(&mut self, now: Instant, used: Used) {
        self.advance(now);
        self.sum.add(used);
        self.slices[self.place()].add(used);
    }

    /// Forgets what was used more than a minute ago.
    fn advance(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began).as_secs();
        let slice = elapsed / SLICE.as_secs();
        let passed = slice.saturating_sub(self.slice);
        if passed >= SLICES as u64 {
            self.slices = [Used::default(); SLICES];
            self.sum = Used::default();
            self.slice = slice;
        }
        while self.slice < slice {
            self.slice += 1;
            let place = self.place();
            self.sum.take(std::mem::take(&mut self.slices[place]));
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "below the number of slices"
    )]
    const fn place(&self) -> usize {
        (self.slice % SLICES as u64) as usize
    }
}

// ===== impl Used =====

impl Used {
    const fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.answers = self.answers.saturating_add(more.answers);
    }

    const fn take(&mut self, less: Self) {
        self.requests = self.requests.saturating_sub(less.requests);
        self.tokens = self.tokens.saturating_sub(less.tokens);
        self.answers = self.answers.saturating_sub(less.answers);
    }
}

// ===== impl Told =====

impl Told {
    /// A bucket that is full at `until` fills evenly.
    fn used(&self, now: Instant) -> f64 {
        let whole = self.until.saturating_duration_since(self.at);
        let left = self.until.saturating_duration_since(now);
        if whole.is_zero() {
            return 0.0;
        }
        self.used * left.div_duration_f64(whole).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RPM: Limits = Limits::new(Some(60), None);
    const TPM: Limits = Limits::new(None, Some(1_000));

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_larger_share_counts() {
        let now = Instant::now();
        let mut window = Window::default();
        for _ in 0..29 {
            window.request(now);
        }
        assert_eq!(window.used(now, RPM, 0), 0.5);
        window.tokens(now, 300);
        assert_eq!(window.used(now, TPM, 0), 0.6, "one more like the last");
        let both = Limits::new(Some(60), Some(1_000));
        assert_eq!(window.used(now, both, 0), 0.6);
        assert_eq!(window.used(now, both, 2), 1.2, "three under way");
    }

    #[test]
    fn what_was_used_is_forgotten_after_a_minute() {
        let start = Instant::now();
        let mut window = Window::default();
        for n in 0..6 {
            window.request(start + secs(10 * n));
        }
        let used = |window: &mut Window, after| {
            let used = window.used(start + secs(after), RPM, 0);
            (used * 60.0).round() - 1.0
        };
        assert_eq!(used(&mut window, 54), 6.0);
        assert_eq!(used(&mut window, 60), 5.0);
        assert_eq!(used(&mut window, 84), 3.0);
        assert_eq!(used(&mut window, 1_000), 0.0);
    }

    #[test]
    fn without_limits_who_has_used_less_has_the_lesser_share() {
        let now = Instant::now();
        let (mut one, mut two) = (Window::default(), Window::default());
        let none = Limits::default();
        assert_eq!(one.used(now, none, 0), two.used(now, none, 0));
        one.request(now);
        assert!(one.used(now, none, 0) > two.used(now, none, 0));
        two.tokens(now, 9_000);
        assert!(one.used(now, none, 0) < two.used(now, none, 0));
    }

    #[test]
    fn what_the_provider_says_counts_less_and_less_until_its_limit_is_full_again() {
        let now = Instant::now();
        let mut window = Window::default();
        window.told_left(now, 0.2, now + secs(40));
        assert_eq!(window.used(now, RPM, 0), 0.8);
        assert_eq!(window.used(now + secs(20), RPM, 0), 0.4);
        assert_eq!(window.used(now + secs(41), RPM, 0), 1.0 / 60.0);
        window.told_left(now, f64::NAN, now);
        window.told_left(now, -3.0, now + secs(1));
        assert_eq!(window.used(now, RPM, 0), 1.0);
    }

    #[test]
    fn a_limit_of_nothing_is_used_up() {
        let mut window = Window::default();
        let used = window.used(Instant::now(), Limits::new(Some(0), None), 0);
        assert_eq!(used, f64::INFINITY);
    }

    proptest! {
        #[test]
        fn the_window_counts_what_a_list_of_all_requests_does(gaps in proptest::collection::vec(0..20_000_u64, 1..200)) {
            let start = Instant::now();
            let mut now = start;
            let mut window = Window::default();
            let mut all = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                window.request(now);
                all.push(now);
                let within = |over: u64| all.iter().filter(|at| now - **at < secs(over)).count();
                let counted = usize::try_from(window.sum.requests).unwrap();
                prop_assert!((within(55)..=within(60)).contains(&counted));
            }
        }
    }
}
