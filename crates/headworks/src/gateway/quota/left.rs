use headworks_core::Group;
use headworks_limit::{Period, Quota, Unit, Usage};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::time::Instant;

/// What is left of the limits of each group.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Lefts {
    groups: HashMap<Group, GroupLeft>,
}

/// Makes [`Lefts`], a deployment at a time.
#[derive(Debug, Default)]
pub(in crate::gateway) struct LeftsBuilder {
    groups: HashMap<Group, Members>,
}

/// The quotas of the deployments of one group, each once.
#[derive(Debug, Default)]
struct Members {
    quotas: Vec<Quota>,
    accounts: HashSet<String>,
}

/// What a group may be asked for: the sum over its quotas.
#[derive(Debug)]
struct GroupLeft {
    quotas: Vec<Quota>,
    /// The last sum, and when it was made, of a group that is too large for a sum each time.
    latest: Option<Mutex<(Instant, Left)>>,
}

/// What is left of the limits of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::gateway) struct Left {
    /// Requests a minute.
    pub(in crate::gateway) requests: Option<Rate>,
    /// Tokens a minute.
    pub(in crate::gateway) tokens: Option<Rate>,
}

/// One limit, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Rate {
    pub(in crate::gateway) limit: u64,
    pub(in crate::gateway) remaining: u64,
}

/// Up to so many quotas are looked at for each answer. A larger group is looked at no more than
/// once in [`LASTS`]: each look takes a lock that requests want too.
const FEW: usize = 16;

/// How long the sum of a large group stands.
const LASTS: Duration = Duration::from_millis(50);

const RATES: [(Unit, Period); 2] = [
    (Unit::Requests, Period::Minute),
    (Unit::Tokens, Period::Minute),
];

// ===== impl LeftsBuilder =====

impl LeftsBuilder {
    /// A deployment of `group` goes by `quota`, which is that of its account if it has one.
    pub(in crate::gateway) fn add(&mut self, group: &Group, account: Option<&str>, quota: &Quota) {
        let members = self.groups.entry(group.clone()).or_default();
        let is_new = account.is_none_or(|account| members.accounts.insert(account.to_owned()));
        if is_new {
            members.quotas.push(quota.clone());
        }
    }

    /// Of groups of which nothing could ever be told nothing is kept.
    pub(in crate::gateway) fn build(self) -> Lefts {
        let groups = self.groups.into_iter();
        let groups = groups.filter(|(_, members)| members.may_be_known());
        let groups = groups.map(|(group, members)| (group, GroupLeft::new(members.quotas)));
        Lefts {
            groups: groups.collect(),
        }
    }
}

// ===== impl Members =====

impl Members {
    fn may_be_known(&self) -> bool {
        RATES.into_iter().any(|(unit, period)| {
            self.quotas.iter().all(|quota| {
                let limits = quota.limits();
                limits.learn || limits.get(unit, period).is_some()
            })
        })
    }
}

// ===== impl Lefts =====

impl Lefts {
    /// What is left of the limits of `group`.
    pub(in crate::gateway) fn of(&self, group: &str, now: Instant) -> Left {
        self.groups
            .get(group)
            .map_or_else(Left::default, |group| group.left(now))
    }
}

// ===== impl GroupLeft =====

impl GroupLeft {
    fn new(quotas: Vec<Quota>) -> Self {
        let now = Instant::now();
        let latest = (quotas.len() > FEW).then(|| Mutex::new((now, Left::sum(&quotas, now))));
        Self { quotas, latest }
    }

    fn left(&self, now: Instant) -> Left {
        let Some(latest) = &self.latest else {
            return Left::sum(&self.quotas, now);
        };
        // Whoever comes while it is summed up waits for it: the last sum may be an hour old.
        let mut latest = latest.lock();
        if now.saturating_duration_since(latest.0) >= LASTS {
            *latest = (now, Left::sum(&self.quotas, now));
        }
        latest.1
    }
}

// ===== impl Left =====

impl Left {
    /// All of them together. Where one of them has no limit, the group has none.
    fn sum(quotas: &[Quota], now: Instant) -> Self {
        let mut all = [Some(Rate::NONE); 2];
        for quota in quotas {
            for (sum, usage) in all.iter_mut().zip(quota.usage_of(RATES, now)) {
                *sum = sum.zip(usage).map(|(sum, usage)| sum.and(usage));
            }
            if all == [None; 2] {
                break;
            }
        }
        let [requests, tokens] = all;
        Self { requests, tokens }
    }
}

// ===== impl Rate =====

impl Rate {
    const NONE: Self = Self {
        limit: 0,
        remaining: 0,
    };

    const fn and(self, usage: Usage) -> Self {
        Self {
            limit: self.limit.saturating_add(usage.limit),
            remaining: self.remaining.saturating_add(usage.remaining),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_limit::{Limits, Tokens};
    use std::{sync::Barrier, thread};

    fn rate(limit: u64, remaining: u64) -> Option<Rate> {
        Some(Rate { limit, remaining })
    }

    fn lefts(quotas: &[(Option<&str>, &Quota)]) -> Lefts {
        let mut lefts = LeftsBuilder::default();
        for (account, quota) in quotas {
            lefts.add(&Group::from("m"), *account, quota);
        }
        lefts.build()
    }

    fn spend(quota: &Quota, now: Instant) {
        let reservation = quota.reserve(Tokens::new(10, 0), now).unwrap();
        reservation.settle(Tokens::new(10, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_has_what_its_deployments_have_and_an_account_counts_once() {
        let now = Instant::now();
        let [a, b] = [60, 30].map(|rpm| Quota::new(Limits::new().rpm(rpm).tpm(1000)));
        spend(&a, now);
        spend(&b, now);
        let together = lefts(&[(None, &a), (Some("account"), &b), (Some("account"), &b)]);
        let left = together.of("m", now);
        assert_eq!(left.requests, rate(90, 88));
        assert_eq!(left.tokens, rate(2000, 1980));
        assert_eq!(together.of("n", now), Left::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_with_one_that_has_no_limit_has_none() {
        let now = Instant::now();
        let limited = Quota::new(Limits::new().rpm(60).tpm(1000));
        let other = Quota::new(Limits::new().tpm(1000));
        let left = lefts(&[(None, &limited), (None, &other)]).of("m", now);
        assert_eq!((left.requests, left.tokens), (None, rate(2000, 2000)));
        let none = lefts(&[(None, &limited), (None, &Quota::new(Limits::new()))]);
        assert!(none.groups.is_empty(), "nobody will ever ask for it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_group_is_looked_at_only_so_often() {
        let began = Instant::now();
        let quotas: Vec<_> = (0..100).map(|_| Quota::new(Limits::new().rpm(1))).collect();
        let pairs: Vec<_> = quotas.iter().map(|quota| (None, quota)).collect();
        let lefts = lefts(&pairs);
        for quota in &quotas[..7] {
            spend(quota, began);
        }
        let requests = |now| lefts.of("m", now).requests;
        assert_eq!(requests(began), rate(100, 100));
        assert_eq!(requests(began + LASTS), rate(100, 93));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_hour_nobody_has_the_last_sum_while_another_makes_the_next() {
        let began = Instant::now();
        let quotas: Vec<_> = (0..2000)
            .map(|_| Quota::new(Limits::new().rpm(1)))
            .collect();
        let pairs: Vec<_> = quotas.iter().map(|quota| (None, quota)).collect();
        quotas.iter().for_each(|quota| spend(quota, began));
        let lefts = lefts(&pairs);
        assert_eq!(lefts.of("m", began).requests, rate(2000, 0));
        let together = Barrier::new(4);
        let later = began + Duration::from_secs(3600);
        thread::scope(|scope| {
            let ask = || {
                together.wait();
                lefts.of("m", later).requests
            };
            let all: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            for one in all {
                assert_eq!(one.join().unwrap(), rate(2000, 2000));
            }
        });
    }
}
