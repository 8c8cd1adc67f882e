use super::shelf::FORGOTTEN;
use crate::window::micros;
use std::time::Duration;

/// What an instance does when the store is silent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Alone {
    /// It admits its part of each limit, one by the number of instances there have been of late: see
    /// [the module](super#how-many-there-are). One that has heard of nobody keeps to a half.
    Part,
    /// It admits this share of each limit, 0 to 1, however many others there are.
    Share(f64),
    /// It admits all of each limit, as if there were no others.
    Open,
    /// It admits nothing.
    Closed,
}

/// What one of a known number of instances admits by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Allowance {
    /// One part of so many.
    OneOf(u64),
    Share(f64),
    All,
    Nothing,
}

/// How many instances there are, by what the store has said.
#[derive(Debug)]
pub(crate) struct Census {
    /// The most at a time since then, and in the minute before.
    most: u64,
    before: u64,
    since: u64,
    /// When it has last said so.
    last: u64,
}

/// How many there are taken to be at least by one that has not been told for a minute.
const UNHEARD: u64 = 2;

/// For how long one that is not counted any more may be there, cut off, with its part of the minute's limit.
const REMEMBERED: Duration = Duration::from_secs(60);

// ===== impl Alone =====

impl Alone {
    /// For one of so many.
    pub(crate) fn among(self, instances: u64) -> Allowance {
        match self {
            Self::Part => Allowance::OneOf(instances.max(1)),
            Self::Share(share) => Allowance::Share(share),
            Self::Open => Allowance::All,
            Self::Closed => Allowance::Nothing,
        }
    }
}

// ===== impl Allowance =====

impl Allowance {
    /// What it is of a limit.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share need not be exact to 2^-53"
    )]
    pub(crate) fn of(self, limit: u64) -> u64 {
        // At least one, or a small limit would be none at all.
        let least = limit.min(1);
        match self {
            Self::OneOf(instances) => (limit / instances).max(least),
            Self::Share(share) => ((limit as f64 * share) as u64).clamp(least, limit),
            Self::All => limit,
            Self::Nothing => 0,
        }
    }
}

// ===== impl Census =====

impl Census {
    /// The store says that there are so many.
    pub(crate) fn hear(&mut self, instances: u64, now: u64) {
        // A store counts those that it has heard of lately. After a silence it has to hear of the others first, and
        // whoever asks before them is not told of them.
        if now.saturating_sub(self.last) > micros(FORGOTTEN) {
            self.since = now;
        }
        self.last = now;
        if now.saturating_sub(self.since) >= micros(REMEMBERED) {
            self.before = std::mem::take(&mut self.most);
            self.since = now;
        }
        self.most = self.most.max(instances);
    }

    /// The most there have been of late.
    pub(crate) fn most(&self) -> u64 {
        self.most.max(self.before)
    }
}

impl Default for Census {
    fn default() -> Self {
        Self {
            most: 0,
            before: UNHEARD,
            since: 0,
            last: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tells of so many twice a second for so long; says what time it is then.
    fn told(census: &mut Census, instances: u64, seconds: u64, from: u64) -> u64 {
        let half = micros(Duration::from_millis(500));
        for tick in 0..2 * seconds {
            census.hear(instances, from + tick * half);
        }
        from + 2 * seconds * half
    }

    const BEGINNING: u64 = 1_000_000_000_000_000;
    const HOUR: u64 = 3_600_000_000;

    #[test]
    fn who_has_heard_of_nobody_is_one_of_two_and_who_has_heard_of_more_one_of_those() {
        let mut census = Census::default();
        assert_eq!(census.most(), 2);
        census.hear(1, BEGINNING);
        assert_eq!(census.most(), 2);
        census.hear(5, BEGINNING + 1);
        assert_eq!(census.most(), 5);
    }

    #[test]
    fn after_a_minute_without_others_it_is_alone() {
        let mut census = Census::default();
        let now = told(&mut census, 1, 60, BEGINNING);
        assert_eq!(census.most(), 2);
        census.hear(1, now);
        assert_eq!(census.most(), 1);
    }

    #[test]
    fn those_who_are_gone_count_for_a_minute_and_no_longer_than_two() {
        let mut census = Census::default();
        let now = told(&mut census, 5, 90, BEGINNING);
        let now = told(&mut census, 3, 60, now);
        assert_eq!(census.most(), 5);
        told(&mut census, 3, 60, now);
        assert_eq!(census.most(), 3);
    }

    #[test]
    fn what_is_heard_after_a_silence_is_heard_for_a_minute_before_it_counts_for_less() {
        let mut census = Census::default();
        let mut now = told(&mut census, 5, 300, BEGINNING);
        for _ in 0..10 {
            now = told(&mut census, 1, 59, now + HOUR);
            assert_eq!(census.most(), 5);
        }
        // Answers that are lost are no silence.
        now += HOUR;
        for _ in 0..70 {
            now = told(&mut census, 1, 1, now + 2_000_000);
        }
        assert_eq!(census.most(), 1);
    }

    #[test]
    fn a_share_that_is_said_is_that_however_many_there_are() {
        for instances in [0, 1, 2, 50] {
            let of = |alone: Alone| alone.among(instances).of(100);
            assert_eq!(of(Alone::Share(0.25)), 25);
            assert_eq!((of(Alone::Open), of(Alone::Closed)), (100, 0));
        }
        assert_eq!(Alone::Share(0.001).among(2).of(100), 1);
    }

    proptest! {
        #[test]
        fn all_parts_are_no_more_than_the_limit_or_one_each(
            instances in 1..1000_u64,
            limit in 0..10_000_000_u64,
        ) {
            let all = instances * Alone::Part.among(instances).of(limit);
            let most = if limit == 0 { 0 } else { limit.max(instances) };
            prop_assert!(all <= most);
            prop_assert!(limit < all + instances);
        }
    }
}
