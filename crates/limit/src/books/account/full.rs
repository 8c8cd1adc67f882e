//! Why a request does not fit, and when one would.

use super::Account;
use crate::{
    limits::Rate,
    share::{Granted, LEASE},
    window::micros,
};
use headworks_core::Reason;
use std::time::Duration;

/// When there is room for more, as things stand. What is past says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::books) struct Fits {
    /// For one more.
    one: u64,
    /// For as much as `need`, of which it was asked.
    need: u64,
    need_at: u64,
}

/// What does not fit, and for how long.
pub(in crate::books) struct Full {
    rate: Rate,
    used: u64,
    pub(in crate::books) left: Duration,
}

/// How long an exchange takes that is made because something is wanted.
const EXCHANGE: Duration = Duration::from_millis(20);

// ===== impl Account =====

impl Account {
    /// Why `need` is not to be had of what is leased, if it is not.
    pub(in crate::books) fn unleased(
        &mut self,
        need: u64,
        instances: u64,
        now: u64,
    ) -> Option<Full> {
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

    /// Why nothing fits, by what was last heard, if it is known until when.
    pub(in crate::books) fn known_to_be_used(&self, now: u64) -> Option<Reason> {
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
    pub(in crate::books) fn refusal(&mut self, limit: u64, need: u64, now: u64) -> Option<Full> {
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
    pub(in crate::books) const fn all_at(at: u64) -> Self {
        Self {
            one: at,
            need: 1,
            need_at: at,
        }
    }

    /// As the store has said `now`, when it was asked for so much.
    pub(in crate::books) fn granted(granted: &Granted, need: u64, now: u64) -> Self {
        Self {
            one: now + micros(granted.one_fits),
            need,
            need_at: now + micros(granted.need_fits),
        }
    }

    /// When there is room for `amount`: in between as if all left evenly. For more than was asked for, no sooner.
    pub(in crate::books) fn at(self, amount: u64) -> u64 {
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
    pub(in crate::books) const fn reason(&self) -> Reason {
        Reason::LimitReached {
            name: self.rate.name(),
            used: self.used,
            limit: self.rate.limit,
            left: self.left,
        }
    }
}
