//! What is used of a quota, and whether a request fits: arithmetic over times, without locks or clocks.

use crate::{
    Limits, Period, Tokens, Unit,
    limits::Rate,
    window::{Window, micros},
};
use headworks_core::Reason;
use std::{cmp::Ordering, time::Duration};

/// What a quota has been used for.
#[derive(Debug)]
pub(crate) struct Books {
    limits: Limits,
    in_flight: u64,
    accounts: Vec<Account>,
    /// Nothing is admitted before this.
    rests_until: u64,
}

/// One rate and what is used of it.
#[derive(Debug)]
struct Account {
    rate: Rate,
    window: Window,
}

/// How much of a rate is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// What is counted.
    pub unit: Unit,
    /// The time it is counted in.
    pub period: Period,
    /// The limit.
    pub limit: u64,
    /// What is used or reserved now. More than the limit where a request was let through alone, or took more
    /// than had been reserved for it.
    pub used: u64,
}

/// What a provider says is left of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// What is counted.
    pub unit: Unit,
    /// The time it is counted in.
    pub period: Period,
    /// What is left.
    pub remaining: u64,
    /// The limit, if it says so.
    pub limit: Option<u64>,
    /// When all of it will be back, if it says so.
    pub reset: Option<Duration>,
}

// ===== impl Books =====

impl Books {
    pub(crate) fn new(limits: Limits) -> Self {
        let account = |rate: &Rate| Account::new(*rate, &limits);
        Self {
            accounts: limits.rates().iter().map(account).collect(),
            limits,
            in_flight: 0,
            rests_until: 0,
        }
    }

    /// Goes by other limits from now on. What was used counts on where the same is still counted.
    pub(crate) fn keep(&mut self, limits: Limits) {
        let fresh = Self::new(limits);
        let before = std::mem::replace(&mut self.accounts, fresh.accounts);
        self.limits = fresh.limits;
        let learn = self.limits.learn;
        for old in before {
            match self.account(old.rate.unit, old.rate.period) {
                Some(account) if account.window.is_like(&old.window) => account.window = old.window,
                None if learn => self.accounts.push(old),
                Some(_) | None => {}
            }
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    fn account(&mut self, unit: Unit, period: Period) -> Option<&mut Account> {
        let is_it =
            |account: &&mut Account| (account.rate.unit, account.rate.period) == (unit, period);
        self.accounts.iter_mut().find(is_it)
    }

    /// Takes a slot, and `tokens` and one request out of every window, or none of it.
    pub(crate) fn reserve(&mut self, tokens: Tokens, now: u64) -> Result<(), Reason> {
        self.check(|rate| rate.unit.of(tokens), now)?;
        for account in &mut self.accounts {
            account.window.add(now, account.rate.unit.of(tokens));
        }
        self.in_flight += 1;
        Ok(())
    }

    /// Whether a request of the smallest size would be admitted.
    pub(crate) fn standing(&mut self, now: u64) -> Result<(), Reason> {
        self.check(|_| 1, now)
    }

    fn check(&mut self, need: impl Fn(&Rate) -> u64, now: u64) -> Result<(), Reason> {
        if now < self.rests_until {
            let left = Duration::from_micros(self.rests_until - now);
            return Err(Reason::Resting(left));
        }
        if self
            .limits
            .parallel
            .is_some_and(|most| self.in_flight >= most)
        {
            return Err(Reason::Full);
        }
        let refusals = self.accounts.iter_mut();
        let refusals = refusals.filter_map(|account| account.refusal(need(&account.rate), now));
        // The one that lasts longest decides when another try makes sense.
        match refusals.max_by_key(|refusal| refusal.left) {
            Some(refusal) => Err(refusal.reason()),
            None => Ok(()),
        }
    }

    /// Gives the slot back.
    pub(crate) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// In place of what was `reserved` at `then`, counts `actual`: what was too much where it was taken, what
    /// was too little now.
    pub(crate) fn settle(
        &mut self,
        then: u64,
        reserved: Tokens,
        actual: Tokens,
        now: impl Fn() -> u64,
    ) {
        for Account { rate, window } in &mut self.accounts {
            let (reserved, actual) = (rate.unit.of(reserved), rate.unit.of(actual));
            match actual.cmp(&reserved) {
                Ordering::Less => window.take_back(then, reserved - actual),
                Ordering::Equal => {}
                Ordering::Greater => window.add(now(), actual - reserved),
            }
        }
    }

    /// Counts nothing of what was `reserved` at `then`, not even the request.
    pub(crate) fn refund(&mut self, then: u64, reserved: Tokens) {
        for Account { rate, window } in &mut self.accounts {
            window.take_back(then, rate.unit.of(reserved));
        }
    }

    /// Believes the provider where it says that less is left than is counted here.
    pub(crate) fn told(&mut self, told: Told, now: u64) {
        if self.limits.learn {
            self.learn(told);
        }
        let Some(account) = self.account(told.unit, told.period) else {
            return;
        };
        let limit = account.rate.limit;
        let used = account.window.used(now);
        let missing = limit.saturating_sub(told.remaining).saturating_sub(used);
        if missing == 0 {
            return;
        }
        match told.reset {
            Some(reset) => account.window.add_for(now, missing, micros(reset)),
            None => account.window.add(now, missing),
        }
    }

    /// Keeps a limit that nobody has set.
    fn learn(&mut self, told: Told) {
        let Told { unit, period, .. } = told;
        // Of none that would admit nothing: a provider that answers has one.
        let Some(limit) = told.limit.filter(|limit| *limit > 0) else {
            return;
        };
        if self.limits.get(unit, period).is_some() {
            return;
        }
        let rate = Rate {
            unit,
            period,
            limit,
        };
        match self.account(unit, period) {
            Some(account) => account.rate = rate,
            None => self.accounts.push(Account::new(rate, &self.limits)),
        }
    }

    /// Admits nothing until `until`, or later if that has been said before.
    pub(crate) fn rest(&mut self, until: u64) {
        self.rests_until = self.rests_until.max(until);
    }

    pub(crate) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(crate) fn usage(&mut self, now: u64) -> Vec<Usage> {
        let usage = |Account { rate, window }: &mut Account| Usage {
            unit: rate.unit,
            period: rate.period,
            limit: rate.limit,
            used: window.used(now),
        };
        self.accounts.iter_mut().map(usage).collect()
    }
}

// ===== impl Account =====

struct Full {
    rate: Rate,
    used: u64,
    left: Duration,
}

impl Account {
    fn new(rate: Rate, limits: &Limits) -> Self {
        Self {
            rate,
            window: limits.window(rate.period),
        }
    }

    /// Why `need` does not fit, if it does not.
    fn refusal(&mut self, need: u64, now: u64) -> Option<Full> {
        let limit = self.rate.limit;
        let used = self.window.used(now);
        let fits = used.saturating_add(need) <= limit;
        // What is larger than the limit would never fit: it goes alone. Nothing is not larger than no limit.
        let goes_alone = need > limit && used == 0 && limit > 0;
        (!fits && !goes_alone).then(|| Full {
            rate: self.rate,
            used,
            left: self
                .window
                .until_left(now, (used.saturating_add(need)).saturating_sub(limit)),
        })
    }
}

// ===== impl Full =====

impl Full {
    const fn reason(&self) -> Reason {
        Reason::LimitReached {
            name: self.rate.name(),
            used: self.used,
            limit: self.rate.limit,
            left: self.left,
        }
    }
}

// ===== impl Told =====

impl Told {
    /// So much is left.
    #[must_use]
    pub const fn new(unit: Unit, period: Period, remaining: u64) -> Self {
        Self {
            unit,
            period,
            remaining,
            limit: None,
            reset: None,
        }
    }
}

#[cfg(test)]
mod tests;
