use std::time::Duration;

/// Buckets of a sliding window. What was used is forgotten a bucket at a time, when the last moment of the
/// bucket is older than the window, so a limit loses at most one part in this many.
const BUCKETS: u64 = 60;

/// How much was used within a period that ends now.
///
/// A ring of buckets, each counting what was used while it was the newest. A fixed window is one of a single
/// bucket, as long as the period.
///
/// Times are microseconds since the epoch, by whichever clock the caller keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Length of a bucket.
    width: u64,
    /// What is taken off a time before it falls into a bucket.
    offset: u64,
    buckets: Box<[u64]>,
    /// Number of the newest bucket, counted from the epoch, and its place in the ring.
    newest: u64,
    slot: usize,
    /// When the newest bucket ends: until then a look at the window takes no division.
    ends: u64,
    sum: u64,
}

/// By what a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How long a bucket is.
    pub(crate) width: Duration,
    pub(crate) buckets: u64,
    /// What is taken off a time before it falls into a bucket.
    pub(crate) offset: Duration,
}

// ===== impl Window =====

impl Window {
    /// Holds what was used in the last `period` at least, and in none before the last `period` and a
    /// sixtieth.
    pub(crate) fn sliding(period: Duration) -> Self {
        // One more than the period has: the oldest still holds a part of it.
        Self::new(micros(period) / BUCKETS, BUCKETS + 1, 0)
    }

    /// Holds what was used since the last full `period`, counted from the epoch and `offset`.
    pub(crate) fn fixed(period: Duration, offset: Duration) -> Self {
        Self::new(micros(period), 1, micros(offset))
    }

    fn new(width: u64, buckets: u64, offset: u64) -> Self {
        Self {
            width,
            offset,
            buckets: (0..buckets).map(|_| 0).collect(),
            newest: 0,
            slot: 0,
            ends: 0,
            sum: 0,
        }
    }

    /// What is in the window at `now`.
    pub(crate) fn used(&mut self, now: u64) -> u64 {
        self.advance(now);
        self.sum
    }

    /// Counts `amount` at `now`.
    pub(crate) fn add(&mut self, now: u64, amount: u64) {
        self.advance(now);
        self.put(self.slot, amount);
    }

    /// Counts `amount` so that it leaves `left` from `now`, or when the window would let go of it if that is
    /// sooner.
    pub(crate) fn add_for(&mut self, now: u64, amount: u64, left: u64) {
        self.advance(now);
        let buckets = self.len();
        let leaves = self.number(now.saturating_add(left)).saturating_add(1);
        let oldest = (self.newest + 1).saturating_sub(buckets);
        let number = leaves.saturating_sub(buckets).clamp(oldest, self.newest);
        self.put(self.slot_of(number), amount);
    }

    fn put(&mut self, slot: usize, amount: u64) {
        self.buckets[slot] = self.buckets[slot].saturating_add(amount);
        self.sum = self.sum.saturating_add(amount);
    }

    /// Takes back `amount` of what was counted at `then`; nothing if the window has let go of it.
    pub(crate) fn take_back(&mut self, then: u64, amount: u64) {
        let number = self.number(then).min(self.newest);
        if number + self.len() <= self.newest {
            return;
        }
        let slot = self.slot_of(number);
        let amount = amount.min(self.buckets[slot]);
        self.buckets[slot] -= amount;
        self.sum = self.sum.saturating_sub(amount);
    }

    /// Counts `amount` again that was taken back of what was counted at `then`.
    pub(crate) fn put_back(&mut self, then: u64, amount: u64) {
        let number = self.number(then).min(self.newest);
        if number + self.len() > self.newest {
            self.put(self.slot_of(number), amount);
        }
    }

    /// How long ago, at least, the last `amount` of what is in it was counted, the latest first. What is not in
    /// it counts as of now.
    pub(crate) fn latest(&mut self, now: u64, amount: u64) -> Vec<(u64, u64)> {
        self.advance(now);
        let mut parts = Vec::new();
        let mut rest = amount.saturating_sub(self.sum);
        let mut amount = amount - rest;
        let oldest = (self.newest + 1).saturating_sub(self.len());
        for number in (oldest..=self.newest).rev() {
            let part = self.buckets[self.slot_of(number)].min(amount);
            amount -= part;
            let part = part + std::mem::take(&mut rest);
            if part > 0 {
                let ended = self
                    .ends
                    .saturating_sub((self.newest - number) * self.width);
                parts.push((now.saturating_sub(ended), part));
            }
            if amount == 0 {
                break;
            }
        }
        parts
    }

    /// How long from `now` until at least `amount` has left the window, or all of it has.
    pub(crate) fn until_left(&self, now: u64, amount: u64) -> Duration {
        let mut left = 0;
        let mut leaves = self.newest;
        let oldest = (self.newest + 1).saturating_sub(self.len());
        for number in oldest..=self.newest {
            let bucket = self.buckets[self.slot_of(number)];
            if bucket == 0 {
                continue;
            }
            left = bucket.saturating_add(left);
            leaves = number + self.len();
            if left >= amount {
                break;
            }
        }
        let leaves = leaves
            .saturating_mul(self.width)
            .saturating_add(self.offset);
        Duration::from_micros(leaves.saturating_sub(now))
    }

    /// True if all of it leaves at once, at the end of its period.
    pub(crate) const fn is_fixed(&self) -> bool {
        self.buckets.len() == 1
    }

    /// True if what was counted at `then` is in it still.
    pub(crate) const fn holds(&self, then: u64) -> bool {
        self.number(then) + self.len() > self.newest
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            width: Duration::from_micros(self.width),
            buckets: self.len(),
            offset: Duration::from_micros(self.offset),
        }
    }

    /// True if `other` counts the same periods, so that what is in it may be taken over.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.width, self.offset, self.len()) == (other.width, other.offset, other.len())
    }

    /// Forgets the buckets that are too old at `now`. A time before the newest bucket's is taken for its.
    #[inline]
    fn advance(&mut self, now: u64) {
        if now >= self.ends {
            self.turn(now);
        }
    }

    /// Makes the bucket of `now` the newest.
    #[cold]
    fn turn(&mut self, now: u64) {
        let number = self.number(now);
        if number - self.newest >= self.len() {
            self.buckets.fill(0);
            self.sum = 0;
        } else {
            for number in self.newest + 1..=number {
                let slot = self.slot_of(number);
                let gone = std::mem::take(&mut self.buckets[slot]);
                self.sum = self.sum.saturating_sub(gone);
            }
        }
        self.newest = number;
        self.slot = self.slot_of(number);
        self.ends = (number + 1)
            .saturating_mul(self.width)
            .saturating_add(self.offset);
    }

    const fn number(&self, time: u64) -> u64 {
        time.saturating_sub(self.offset) / self.width
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than the ring's length"
    )]
    const fn slot_of(&self, number: u64) -> usize {
        (number % self.len()) as usize
    }

    const fn len(&self) -> u64 {
        self.buckets.len() as u64
    }
}

/// As whole microseconds; what does not fit is for ever.
pub(crate) fn micros(duration: Duration) -> u64 {
    // In 64 bits: `as_micros` takes 128, and each request asks for it.
    let whole = duration.as_secs().saturating_mul(1_000_000);
    whole.saturating_add(u64::from(duration.subsec_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: u64 = 1_000_000;
    const START: u64 = 1_700_000_000 * SECOND;

    #[test]
    fn what_was_used_leaves_a_minute_later() {
        let mut window = Window::sliding(MINUTE);
        window.add(START, 5);
        assert_eq!(window.used(START + 60 * SECOND), 5);
        assert_eq!(window.used(START + 61 * SECOND), 0);
        // Time that goes back a little changes nothing.
        window.add(START + 62 * SECOND, 1);
        assert_eq!(window.used(START + 61 * SECOND), 1);
    }

    #[test]
    fn a_fixed_window_forgets_all_at_once() {
        let mut window = Window::fixed(MINUTE, Duration::from_secs(10));
        let minute = START / (60 * SECOND) * 60 * SECOND + 10 * SECOND;
        window.add(minute + 59 * SECOND, 5);
        assert_eq!(
            window.until_left(minute + 59 * SECOND, 1),
            Duration::from_secs(1)
        );
        assert_eq!(window.used(minute + 60 * SECOND - 1), 5);
        assert_eq!(window.used(minute + 60 * SECOND), 0);
    }

    #[test]
    fn until_left_is_the_moment_at_which_enough_has_gone() {
        let mut window = Window::sliding(MINUTE);
        for n in 0..10 {
            window.add(START + n * SECOND, 10);
        }
        let now = START + 30 * SECOND;
        for amount in [1, 10, 11, 95, 100, 1000] {
            let left = micros(window.until_left(now, amount));
            let mut later = window.clone();
            assert!(later.used(now + left) <= 100_u64.saturating_sub(amount));
            let mut before = window.clone();
            assert!(before.used(now + left - 1) > 100_u64.saturating_sub(amount));
        }
    }

    #[test]
    fn the_latest_is_told_with_its_age_and_never_as_older_than_it_is() {
        let mut window = Window::sliding(MINUTE);
        let half = SECOND / 2;
        window.add(START, 5);
        window.add(START + 30 * SECOND + half, 7);
        window.add(START + 40 * SECOND, 1);
        let now = START + 40 * SECOND + half;
        assert_eq!(window.latest(now, 0), []);
        assert_eq!(window.latest(now, 3), [(0, 1), (9 * SECOND + half, 2)]);
        let all = [(0, 1), (9 * SECOND + half, 7), (39 * SECOND + half, 5)];
        assert_eq!(window.latest(now, 13), all);
        // More than there is.
        assert_eq!(window.latest(now, 15)[0], (0, 3));
        assert_eq!(window.latest(START + 200 * SECOND, 4), [(0, 4)]);
    }

    #[test]
    fn what_is_counted_for_a_while_leaves_then() {
        for left in [0, 1, 30, 59] {
            let mut window = Window::sliding(MINUTE);
            window.add(START, 1);
            window.add_for(START, 7, left * SECOND);
            assert_eq!(window.used(START + left * SECOND), 8, "{left}");
            assert_eq!(window.used(START + (left + 1) * SECOND), 1, "{left}");
        }
        let mut window = Window::sliding(MINUTE);
        window.add_for(START, 7, 3600 * SECOND);
        assert_eq!(
            window.used(START + 61 * SECOND),
            0,
            "never longer than the window"
        );
    }

    /// Everything that happened, kept for ever.
    #[derive(Default)]
    struct Naive(Vec<(u64, u64)>);
    impl Naive {
        fn used(&self, width: u64, len: u64, now: u64) -> u64 {
            let counts = |(then, _): &&(u64, u64)| then / width + len > now / width;
            self.0.iter().filter(counts).map(|(_, amount)| amount).sum()
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_one_that_forgets_nothing(
            steps in prop::collection::vec((0_u64..20_000_000, 0_u64..100, any::<bool>()), 1..200)
        ) {
            let mut window = Window::sliding(MINUTE);
            let mut naive = Naive::default();
            let mut now = START;
            for (wait, amount, back) in steps {
                now += wait;
                match naive.0.last().copied() {
                    Some((then, had)) if back => {
                        let amount = amount.min(had);
                        window.take_back(then, amount);
                        naive.0.last_mut().unwrap().1 -= amount;
                    }
                    _ => {
                        window.add(now, amount);
                        naive.0.push((now, amount));
                    }
                }
                prop_assert_eq!(window.used(now), naive.used(SECOND, 61, now));
            }
        }
    }
}
