//! What is used of a quota, and whether a request fits: arithmetic over times, without locks or clocks.

mod account;
mod exchange;
mod rest;
mod strict;

pub(crate) use account::Then;
pub(crate) use strict::Replies;

use crate::{
    Limits, Period, Tokens, Unit,
    limits::Rate,
    share::{Allowance, Lease},
};
use account::Account;
use exchange::Together;
use headworks_core::Reason;
use rest::Rest;
use std::{cmp::Ordering, time::Duration};

/// What a quota has been used for.
#[derive(Debug)]
pub(crate) struct Books {
    limits: Limits,
    in_flight: u64,
    /// Of what is kept.
    accounts: Vec<Account>,
    /// Of what is only counted: nobody is refused because of it, and no store is told.
    noted: Vec<Account>,
    rest: Rest,
    together: Option<Together>,
}

/// By what a request is admitted.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// There is nobody else.
    Own,
    /// By what has been leased.
    Leased,
    /// By what the store says of each request.
    Strict,
    /// By a part of the limits, while nothing is heard of the others.
    Cut(Allowance),
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
    /// What may still be admitted, as far as is known: of a quota that is shared, what was left for all at the
    /// last exchange with the store, and what is held here of it.
    pub remaining: u64,
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
        let all = limits.rates().iter().map(account).collect();
        let (accounts, noted) = match limits.advisory {
            false => (all, Vec::new()),
            true => (Vec::new(), all),
        };
        Self {
            limits,
            accounts,
            noted,
            in_flight: 0,
            rest: Rest::default(),
            together: None,
        }
    }

    /// Goes by other limits from now on. What was used counts on where the same is still counted.
    pub(crate) fn keep(&mut self, limits: Limits) {
        let fresh = Self::new(limits);
        let before = std::mem::replace(&mut self.accounts, fresh.accounts);
        let noted = std::mem::replace(&mut self.noted, fresh.noted);
        self.limits = fresh.limits;
        let learn = self.limits.learn;
        let now_kept = !self.limits.advisory;
        let before = before.into_iter().map(|account| (account, true));
        let noted = noted.into_iter().map(|account| (account, false));
        for (mut old, kept) in before.chain(noted) {
            if kept != now_kept {
                // What no store was told of is owed to none.
                old.lease = Lease::default();
            }
            match self.account(old.rate.unit, old.rate.period) {
                Some(account) if account.window.is_like(&old.window) => {
                    let rate = account.rate;
                    *account = Account { rate, ..old };
                }
                None if learn => self.all().push(old),
                Some(_) | None => {}
            }
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Those of all rates: they are all kept, or all only counted.
    const fn all(&mut self) -> &mut Vec<Account> {
        match self.limits.advisory {
            false => &mut self.accounts,
            true => &mut self.noted,
        }
    }

    fn account(&mut self, unit: Unit, period: Period) -> Option<&mut Account> {
        let is_it =
            |account: &&mut Account| (account.rate.unit, account.rate.period) == (unit, period);
        self.all().iter_mut().find(is_it)
    }

    /// Takes a slot, and `tokens` and one request out of every window, or none of it, though it rests if it is to be
    /// had `anyway`. Says when the store has granted it, if it was by a lease.
    pub(crate) fn reserve(
        &mut self,
        tokens: Tokens,
        anyway: bool,
        now: u64,
    ) -> Result<Option<u64>, Reason> {
        if !anyway {
            self.check_rest(now)?;
        }
        let mode = self.mode(now);
        if matches!(mode, Mode::Strict) {
            // Nothing is held that could be had without asking.
            return Err(Reason::Full);
        }
        if matches!(mode, Mode::Leased) {
            for account in &mut self.accounts {
                account.want(account.rate.unit.of(tokens));
            }
        }
        self.check(mode, |rate| rate.unit.of(tokens), now)?;
        let mut granted = None;
        for account in &mut self.accounts {
            let need = account.rate.unit.of(tokens);
            account.window.add(now, need);
            match mode {
                Mode::Own | Mode::Strict => {}
                // The earliest of all: what comes back too early is missing for a while, and not too much.
                Mode::Leased => granted = granted.into_iter().chain(account.lease.take(need)).min(),
                Mode::Cut(_) => account.lease.owe(need),
            }
        }
        for account in &mut self.noted {
            account.window.add(now, account.rate.unit.of(tokens));
        }
        self.in_flight += 1;
        Ok(granted)
    }

    /// Whether a request of the smallest size would be admitted.
    pub(crate) fn standing(&mut self, now: u64) -> Result<(), Reason> {
        self.check_rest(now)?;
        match self.mode(now) {
            Mode::Strict => self.known_to_be_used(now),
            mode => self.check(mode, |_| 1, now),
        }
    }

    const fn check_rest(&self, now: u64) -> Result<(), Reason> {
        match self.rest.left(now) {
            None => Ok(()),
            Some(left) => Err(Reason::Resting(left)),
        }
    }

    fn mode(&mut self, now: u64) -> Mode {
        let Some(together) = &mut self.together else {
            return Mode::Own;
        };
        match &together.strict {
            None if now < together.until => return Mode::Leased,
            // What is not limited is nobody's to decide.
            Some(_) if self.accounts.is_empty() && self.limits.parallel.is_none() => {
                return Mode::Own;
            }
            Some(strict) if !strict.late => return Mode::Strict,
            None | Some(_) => {}
        }
        let allowance = together.allowance();
        if !std::mem::replace(&mut together.lost, true) {
            // From here on it goes by its own window. Of what was left when it last heard of the others, it has
            // no more than its part.
            for account in &mut self.accounts {
                let part = account.part(allowance, together.instances);
                let remaining = account.lease.credit().unwrap_or(part);
                account.withhold(allowance.of(account.rate.limit), remaining, now);
            }
        }
        Mode::Cut(allowance)
    }

    fn check(&mut self, mode: Mode, need: impl Fn(&Rate) -> u64, now: u64) -> Result<(), Reason> {
        if let Some(most) = self.limits.parallel {
            let most = match (mode, &mut self.together) {
                (Mode::Leased, Some(together)) => {
                    together.slots_short |= self.in_flight >= together.slots;
                    together.slots
                }
                (Mode::Cut(allowance), _) => allowance.of(most),
                _ => most,
            };
            if self.in_flight >= most {
                self.want();
                return Err(Reason::Full);
            }
        }
        let instances = self
            .together
            .as_ref()
            .map_or(1, |together| together.instances);
        let refusals = self.accounts.iter_mut();
        let refusals = refusals.filter_map(|account| {
            let need = need(&account.rate);
            match mode {
                Mode::Own | Mode::Strict => account.refusal(account.rate.limit, need, now),
                Mode::Leased => account.unleased(need, instances, now),
                Mode::Cut(allowance) => {
                    account.refusal(allowance.of(account.rate.limit), need, now)
                }
            }
        });
        // The one that lasts longest decides when another try makes sense.
        let Some(refusal) = refusals.max_by_key(|refusal| refusal.left) else {
            return Ok(());
        };
        self.want();
        Err(refusal.reason())
    }

    /// Gives the slot back.
    pub(crate) fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.tell_soon();
    }

    /// In place of what was `reserved` at `then`, counts `actual`: what was too much where it was taken, what
    /// was too little now.
    pub(crate) fn settle(
        &mut self,
        then: Then,
        reserved: Tokens,
        actual: Tokens,
        now: impl Fn() -> u64,
    ) {
        for account in self.counted(then) {
            let unit = account.rate.unit;
            let (reserved, actual) = (unit.of(reserved), unit.of(actual));
            match actual.cmp(&reserved) {
                Ordering::Less => account.give_back(then, reserved - actual),
                Ordering::Equal => {}
                Ordering::Greater => {
                    account.window.add(now(), actual - reserved);
                    account.lease.owe(actual - reserved);
                }
            }
        }
    }

    /// Counts nothing of what was `reserved` at `then`, not even the request.
    pub(crate) fn refund(&mut self, then: Then, reserved: Tokens) {
        for account in self.counted(then) {
            account.give_back(then, account.rate.unit.of(reserved));
        }
    }

    /// Those in which something is counted that was reserved then.
    fn counted(&mut self, then: Then) -> impl Iterator<Item = &mut Account> {
        let all = self.all().iter_mut();
        all.filter(move |account| account.since <= then.reserved)
    }

    /// Believes the provider where it says that less is left than is counted here, or in the store, which is told
    /// what is used by all: what is missing here has been used by others as a rule, and they tell it themselves.
    pub(crate) fn told(&mut self, told: Told, now: u64) {
        if self.limits.learn {
            self.learn(told, now);
        }
        let mode = self.counting(now);
        let Some(account) = self.account(told.unit, told.period) else {
            return;
        };
        let at_once = match mode {
            Mode::Own => {
                account.believe(told, now);
                false
            }
            Mode::Cut(_) => {
                account.believe(told, now);
                account.pass_on(told, now);
                false
            }
            // Of less than was left at the last exchange the store may know nothing.
            Mode::Leased | Mode::Strict => {
                told.remaining < account.left.max(account.lease.available(now))
                    && account.pass_on(told, now)
            }
        };
        if let Some(together) = self.together.as_ref().filter(|_| at_once) {
            together.wanted.news();
        }
    }

    /// Keeps a limit that nobody has set.
    fn learn(&mut self, told: Told, now: u64) {
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
            None => {
                let mut account = Account::new(rate, &self.limits);
                account.since = now;
                self.all().push(account);
                // It goes by a share of its own only until the store has answered.
                self.news();
            }
        }
    }

    /// Admits nothing until `until`, or later if that has been said before.
    pub(crate) fn rest(&mut self, until: u64, now: u64) {
        if self.rest.say(until, now) {
            self.news();
        }
    }

    /// It rests no more: somebody has been answered.
    pub(crate) fn wake(&mut self, now: u64) {
        if self.rest.wake(now) {
            self.news();
        }
    }

    pub(crate) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(crate) fn usage(&mut self, now: u64) -> Vec<Usage> {
        let mode = self.counting(now);
        let all = self.all().iter_mut();
        all.map(|account| account.usage(mode, now)).collect()
    }

    /// By what rates are counted: by themselves, where nobody is refused because of them.
    fn counting(&mut self, now: u64) -> Mode {
        match self.limits.advisory {
            true => Mode::Own,
            false => self.mode(now),
        }
    }

    /// Of these rates, as far as there are limits on them.
    pub(crate) fn usage_of<const N: usize>(
        &mut self,
        rates: [(Unit, Period); N],
        now: u64,
    ) -> [Option<Usage>; N] {
        let mode = self.counting(now);
        rates.map(|(unit, period)| Some(self.account(unit, period)?.usage(mode, now)))
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
