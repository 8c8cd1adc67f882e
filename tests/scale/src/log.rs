use headworks_limit::Unit;
use std::ops::Range;

/// What has happened in a run, by the millisecond since the first request.
#[derive(Clone, Debug)]
pub struct Log {
    /// Of each quota, of each of its rates.
    pub quotas: Vec<Vec<Ledger>>,
    /// Questions that have reached the store.
    pub exchanges: Series,
    /// Requests.
    pub asked: Series,
    /// Those of them that were not admitted.
    pub refused: Series,
    /// Those of them that were not admitted though no limit was in full use: less was in the window of every
    /// rate, over all instances, than the limit would have had room for.
    pub refused_with_room: Series,
    /// Requests to an instance that had seen none for a second.
    pub first: Series,
    /// Those of them that were not admitted though there was room.
    pub first_refused: Series,
    /// How many instances have been asked while they went by themselves, for want of an answer of the store.
    pub went_alone: u64,
}

/// One rate of one quota, over all instances.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What is counted.
    pub unit: Unit,
    /// The limit on it, a minute.
    pub limit: u64,
    /// What was asked for, admitted or not.
    pub asked: Series,
    /// What was admitted, counted when it was, as much of it as it cost in the end.
    pub admitted: Series,
    /// What answers cost beyond what had been reserved for them.
    pub beyond: Series,
    /// What was asked of instances that went by themselves.
    pub asked_alone: Series,
    /// What the store has granted.
    pub granted: Series,
    /// The most that a single request has asked for.
    pub largest: u64,
}

/// So much in each millisecond.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<u64>);

// ===== impl Log =====

impl Log {
    pub(crate) fn new(quotas: usize, rates: &[(Unit, u64)]) -> Self {
        let ledger = |(unit, limit): &(Unit, u64)| Ledger {
            unit: *unit,
            limit: *limit,
            asked: Series::default(),
            admitted: Series::default(),
            beyond: Series::default(),
            asked_alone: Series::default(),
            granted: Series::default(),
            largest: 0,
        };
        Self {
            quotas: vec![rates.iter().map(ledger).collect(); quotas],
            exchanges: Series::default(),
            asked: Series::default(),
            refused: Series::default(),
            refused_with_room: Series::default(),
            first: Series::default(),
            first_refused: Series::default(),
            went_alone: 0,
        }
    }
}

// ===== impl Series =====

impl Series {
    pub(crate) fn add(&mut self, at: usize, amount: u64) {
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] += amount;
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// So much between these milliseconds.
    #[must_use]
    pub fn within(&self, at: Range<usize>) -> u64 {
        let end = at.end.min(self.0.len());
        self.0.get(at.start..end).unwrap_or_default().iter().sum()
    }

    /// What of it is between these milliseconds.
    #[must_use]
    pub fn part(&self, at: Range<usize>) -> Self {
        let end = at.end.min(self.0.len());
        Self(self.0.get(at.start..end).unwrap_or_default().to_vec())
    }

    /// So much in the `window` that ends with each millisecond, up to `until`.
    pub fn sliding(&self, window: usize, until: usize) -> impl Iterator<Item = u64> {
        let at = |at: usize| self.0.get(at).copied().unwrap_or(0);
        (0..until).scan(0, move |sum, end| {
            *sum += at(end);
            if end >= window {
                *sum -= at(end - window);
            }
            Some(*sum)
        })
    }

    /// The most in any `window`, wherever it begins.
    #[must_use]
    pub fn most(&self, window: usize) -> u64 {
        self.sliding(window, self.0.len()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: &[(usize, u64)]) -> Series {
        let mut series = Series::default();
        of.iter().for_each(|(at, amount)| series.add(*at, *amount));
        series
    }

    #[test]
    fn the_most_is_found_wherever_it_begins() {
        let series = series(&[(3, 5), (12, 5), (13, 7), (40, 11)]);
        assert_eq!(series.most(10), 12);
        assert_eq!(series.most(11), 17, "from 3 to 13");
        assert_eq!(series.most(100), 28);
        assert_eq!(Series::default().most(10), 0);
    }

    #[test]
    fn a_part_that_reaches_beyond_the_end_is_what_there_is_of_it() {
        let series = series(&[(3, 5), (12, 5)]);
        assert_eq!(series.within(4..100), 5);
        assert_eq!(series.within(50..100), 0);
        assert_eq!(series.total(), 10);
    }
}
