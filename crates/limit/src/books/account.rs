use super::{Mode, Told, Usage};
use crate::{
    Limits,
    limits::Rate,
    share::{Allowance, Ask, Granted, Heard, LEASE, Lease, RateQuestion},
    window::{Window, micros},
};
use headworks_core::{Hint, Reason};
use std::time::Duration;

/// One rate and what is used of it.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) rate: Rate,
    pub(super) window: Window,
    pub(super) lease: Lease,
    /// What was left of it for others at the last exchange.
    pub(super) left: u64,
    /// So many answers until the store grants anything of it: with the first, all have told what they have used.
    pub(super) unheard: u8,
    /// What is in the window, and since when, though it has not been used here: what others may use of its share
    /// while nothing is heard of them.
    pub(super) withheld: (u64, u64),
    /// What is in a window that is fixed because the provider has said so, and not because it was used here.
    pub(super) said: Said,
    /// Since when it counts, if it has been learned: what was reserved before is the provider's to count.
    pub(super) since: u64,
    /// When there is room, as the store has last said, or the provider.
    pub(super) fits: Fits,
}

/// When there is room for more, as things stand. What is past says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fits {
    /// For one more.
    one: u64,
    /// For as much as `need`, of which it was asked.
    need: u64,
    need_at: u64,
}

/// What a provider has said that others use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    amount: u64,
    /// When it was counted.
    at: u64,
    /// Until when it is believed.
    until: u64,
}

/// When something was reserved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Then {
    pub(crate) reserved: u64,
    /// When the store had granted it, by its clock, if it was by a lease.
    pub(crate) granted: Option<u64>,
}

/// What the store is asked for in advance.
#[derive(Clone, Copy)]
pub(super) enum Ahead {
    /// The demand of so many times the last exchange.
    Of(f64),
    /// Nothing: requests are asked for one by one.
    Nothing,
    /// Nothing, since it is not known to listen.
    Unheard,
}

/// What does not fit, and for how long.
pub(super) struct Full {
    rate: Rate,
    used: u64,
    pub(super) left: Duration,
}

/// How long an exchange takes that is made because something is wanted.
const EXCHANGE: Duration = Duration::from_millis(20);

/// For how long a provider is believed, in a window that lets go of nothing before it is over.
fn believed(told: Told) -> Duration {
    told.reset.unwrap_or(Hint::LONGEST).min(Hint::LONGEST)
}

// ===== impl Account =====

impl Account {
    pub(super) fn new(rate: Rate, limits: &Limits) -> Self {
        Self {
            rate,
            window: limits.window(rate.period),
            lease: Lease::default(),
            left: rate.limit,
            unheard: 2,
            withheld: (0, 0),
            said: Said::default(),
            since: 0,
            fits: Fits::default(),
        }
    }

    pub(super) fn give_back(&mut self, then: Then, amount: u64) {
        self.window.take_back(then.reserved, amount);
        match then.granted {
            Some(at) => self.lease.give_back(at, amount),
            None => self.lease.forgive(amount),
        }
    }

    /// Counts so much as used that `remaining` of `limit` is left, if it is more now.
    /// Says how much that was.
    pub(super) fn lower(
        &mut self,
        limit: u64,
        remaining: u64,
        reset: Option<Duration>,
        now: u64,
    ) -> u64 {
        let used = self.window.used(now);
        let missing = limit.saturating_sub(remaining).saturating_sub(used);
        if missing > 0 {
            match reset {
                Some(reset) => self.window.add_for(now, missing, micros(reset)),
                None => self.window.add(now, missing),
            }
        }
        missing
    }

    /// Counts what the provider says is used. In a sliding window it leaves when the provider says so. In a fixed one it
    /// would stay to the end, which may be a day: there it is believed for as long as a [`Hint`] is at most, after
    /// which the provider may say so again.
    pub(super) fn believe(&mut self, told: Told, now: u64) {
        self.doubt(now);
        let missing = self.lower(self.rate.limit, told.remaining, told.reset, now);
        if !self.window.is_fixed() {
            return;
        }
        if !self.window.holds(self.said.at) {
            self.said = Said::default();
        }
        self.said = Said {
            amount: self.said.amount.saturating_add(missing),
            at: now,
            until: now.saturating_add(micros(believed(told))),
        };
    }

    /// Counts no more what the provider has said too long ago.
    fn doubt(&mut self, now: u64) {
        if self.said.amount > 0 && self.said.until <= now {
            let Said { amount, at, .. } = std::mem::take(&mut self.said);
            self.window.take_back(at, amount);
        }
    }

    /// Has the store told what the provider says is used by all. True if the store is to know at once, since
    /// nothing is left or more is held than that.
    pub(super) fn pass_on(&mut self, told: Told, now: u64) -> bool {
        let shape = self.window.shape();
        let period = micros(shape.width) * (shape.buckets - 1);
        let Told { remaining, .. } = told;
        let (reset, lasts) = if self.window.is_fixed() {
            let lasts = micros(believed(told));
            (lasts, lasts)
        } else {
            (told.reset.map_or(period, micros), 0)
        };
        if remaining == 0 {
            self.fits = Fits::all_at(now.saturating_add(reset));
        }
        self.left = self.left.min(remaining);
        let heard = Heard {
            at: now,
            used: self.rate.limit.saturating_sub(remaining),
            age: period.saturating_sub(reset),
            lasts,
            remaining,
            owed: 0,
        };
        self.lease.heard(heard, now) || remaining == 0
    }

    /// Leaves no more than `remaining` of `limit`, until it is [released](Self::release).
    pub(super) fn withhold(&mut self, limit: u64, remaining: u64, now: u64) {
        let missing = self.lower(limit, remaining, None, now);
        self.withheld = (now, missing);
    }

    /// Something is heard of the others again.
    pub(super) fn release(&mut self) {
        let (at, amount) = std::mem::take(&mut self.withheld);
        self.window.take_back(at, amount);
    }

    /// What is in the window without what is withheld.
    pub(super) fn used_here(&mut self, now: u64) -> u64 {
        let (at, withheld) = self.withheld;
        self.window.take_back(at, withheld);
        let used = self.window.used(now);
        self.window.put_back(at, withheld);
        used
    }

    /// What the store is told and asked; nothing if it is not known whether there is one.
    pub(super) fn question(&mut self, limits: &Limits, ahead: Ahead, now: u64) -> RateQuestion {
        let shape = limits.window(self.rate.period).shape();
        // What is spent late is counted as long as if it had been spent when it was granted. A window of one bucket
        // would be two of them: there it is counted in the one it was granted in.
        let lease = match shape.buckets {
            1 => 0,
            _ => LEASE.as_micros().div_ceil(shape.width.as_micros()),
        };
        // Nobody has used that, so that it says nothing of when something was.
        let (at, withheld) = self.withheld;
        self.window.take_back(at, withheld);
        let ask = match ahead {
            Ahead::Of(exchanges) if self.unheard < 2 => {
                let limit = self.rate.limit;
                self.lease.ask(limit, now, exchanges, &mut self.window)
            }
            Ahead::Of(_) | Ahead::Nothing => self.lease.tell(now, &mut self.window),
            Ahead::Unheard => Ask::default(),
        };
        self.window.put_back(at, withheld);
        RateQuestion {
            name: self.rate.name(),
            limit: self.rate.limit,
            width: shape.width,
            buckets: shape.buckets + u64::try_from(lease).unwrap_or_default(),
            offset: shape.offset,
            ask,
        }
    }

    /// A request wants so much, whether or not it will be had.
    pub(super) fn want(&mut self, need: u64) {
        let limit = self.rate.limit;
        self.lease.want(need, need > limit && limit > 0);
    }

    /// What one of so many instances has of what was left at the last exchange, while nothing is heard of the others.
    pub(super) fn part(&self, allowance: Allowance, instances: u64) -> u64 {
        let part = self.left / instances.max(1);
        part.min(allowance.of(self.rate.limit))
    }

    /// Why `need` is not to be had of what is leased, if it is not.
    pub(super) fn unleased(&mut self, need: u64, instances: u64, now: u64) -> Option<Full> {
        let limit = self.rate.limit;
        if self.unheard > 0 {
            return self.beyond_its_part(need, instances, now);
        }
        let has = limit > 0 && self.lease.has(need, now);
        if has || self.lease.may_owe(need, self.left, instances) {
            return None;
        }
        Some(Full {
            rate: self.rate,
            used: limit.saturating_sub(self.left),
            left: self.until_leased(need, instances, now),
        })
    }

    /// The same of a rate that the store has granted nothing of yet, since it has only now been learned: until it has, each
    /// goes by its part of what is left, and owes it.
    fn beyond_its_part(&mut self, need: u64, instances: u64, now: u64) -> Option<Full> {
        let limit = self.rate.limit;
        let part = (self.left / instances.max(1)).max(limit.min(1));
        let mut full = self.refusal(part, need, now)?;
        full.left = EXCHANGE;
        Some(full)
    }

    /// The store has answered for it. True if it is to be asked once more at once.
    pub(super) fn answered(&mut self, granted: Granted, need: u64, asked: u64, now: u64) -> bool {
        let begins = self.unheard == 2;
        self.unheard = self.unheard.saturating_sub(1);
        self.lease.granted(granted, asked);
        if !begins {
            self.left = granted.left;
        }
        if !self.lease.has_heard() {
            self.fits = Fits::granted(&granted, need, now);
        }
        begins
    }

    /// Others have heard that nothing is left of it for so long: what is held is none.
    pub(super) fn emptied(&mut self, lasts: Duration, now: u64) {
        let until = now.saturating_add(micros(lasts));
        self.left = 0;
        self.fits = Fits::all_at(until);
        self.lease.withdraw(until, now);
    }

    /// How long until `need` may be had, as far as is known: until an exchange, if it is there; until leases are over,
    /// if it may be; or until what is used has left the window.
    fn until_leased(&mut self, need: u64, instances: u64, now: u64) -> Duration {
        let limit = self.rate.limit;
        if limit == 0 {
            return self.until_fits(limit, need, now);
        }
        let missing = need.saturating_sub(self.lease.available(now));
        if missing <= self.left && need <= limit {
            return EXCHANGE;
        }
        // What others hold in advance is no more than what they have left.
        if instances > 1 && missing.min(limit) <= self.left.saturating_mul(2) {
            return LEASE;
        }
        let fits = self.fits.at(missing).saturating_sub(now);
        Duration::from_micros(fits).max(EXCHANGE)
    }

    /// What is used of it, and what may still be admitted.
    pub(super) fn usage(&mut self, mode: Mode, now: u64) -> Usage {
        self.doubt(now);
        let limit = self.rate.limit;
        let used = self.window.used(now);
        let remaining = match mode {
            Mode::Own => limit.saturating_sub(used),
            Mode::Strict => self.left,
            // What another holds is not counted as left: it is its to spend.
            Mode::Leased => self
                .left
                .saturating_add(self.lease.available(now))
                .min(limit),
            Mode::Cut(allowance) => allowance.of(limit).saturating_sub(used),
        };
        Usage {
            unit: self.rate.unit,
            period: self.rate.period,
            limit,
            used,
            remaining,
        }
    }

    /// Why nothing fits, by what was last heard, if it is known until when.
    pub(super) fn known_to_be_used(&self, now: u64) -> Option<Reason> {
        let left = self.fits.at(1).checked_sub(now)?;
        (self.left == 0 && left > 0).then(|| {
            let full = Full {
                rate: self.rate,
                used: self.rate.limit,
                left: Duration::from_micros(left),
            };
            full.reason()
        })
    }

    /// Why `need` does not fit, if it does not.
    #[inline]
    pub(super) fn refusal(&mut self, limit: u64, need: u64, now: u64) -> Option<Full> {
        match self.fits(limit, need, now) {
            true => None,
            false => self.full(limit, need, now),
        }
    }

    #[cold]
    fn full(&mut self, limit: u64, need: u64, now: u64) -> Option<Full> {
        self.doubt(now);
        if self.fits(limit, need, now) {
            return None;
        }
        let used = self.window.used(now);
        Some(Full {
            rate: self.rate,
            used,
            left: self.until_fits(limit, used.saturating_add(need), now),
        })
    }

    #[inline]
    fn fits(&mut self, limit: u64, need: u64, now: u64) -> bool {
        let used = self.window.used(now);
        // What is larger than the limit would never fit: it goes alone. Nothing is not larger than no limit.
        let goes_alone = need > limit && used == 0 && limit > 0;
        used.saturating_add(need) <= limit || goes_alone
    }

    /// How long until what would be `used` then is within `limit`, as things stand.
    fn until_fits(&self, limit: u64, used: u64, now: u64) -> Duration {
        // Nothing ever is. Whoever asks again is not to ask at once.
        if limit == 0 {
            let shape = self.window.shape();
            return match self.rate.limit {
                0 => shape.width * u32::try_from(shape.buckets).unwrap_or(u32::MAX),
                _ => EXCHANGE,
            };
        }
        let over = used.saturating_sub(limit);
        let left = self.window.until_left(now, over);
        match over <= self.said.amount {
            true => left.min(Duration::from_micros(self.said.until.saturating_sub(now))),
            false => left,
        }
    }
}

// ===== impl Fits =====

impl Fits {
    /// Nothing before then.
    pub(super) const fn all_at(at: u64) -> Self {
        Self {
            one: at,
            need: 1,
            need_at: at,
        }
    }

    /// As the store has said `now`, when it was asked for so much.
    pub(super) fn granted(granted: &Granted, need: u64, now: u64) -> Self {
        Self {
            one: now + micros(granted.one_fits),
            need,
            need_at: now + micros(granted.need_fits),
        }
    }

    /// When there is room for `amount`: in between as if all left evenly. For more than was asked for, no sooner.
    pub(super) fn at(self, amount: u64) -> u64 {
        let (part, all) = (amount.saturating_sub(1), self.need.saturating_sub(1));
        let longer = self.need_at.saturating_sub(self.one);
        if part >= all {
            return self.one + longer;
        }
        let part = u128::from(longer) * u128::from(part) / u128::from(all);
        self.one + u64::try_from(part).unwrap_or(longer)
    }
}

// ===== impl Full =====

impl Full {
    pub(super) const fn reason(&self) -> Reason {
        Reason::LimitReached {
            name: self.rate.name(),
            used: self.used,
            limit: self.rate.limit,
            left: self.left,
        }
    }
}
