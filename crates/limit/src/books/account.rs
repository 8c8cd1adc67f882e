mod full;
mod said;

use super::{Mode, Usage};
use crate::{
    Limits,
    limits::Rate,
    share::{Allowance, Ask, Granted, LEASE, Lease, RateQuestion},
    window::{Window, micros},
};
use full::Fits;
use said::Said;
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
}
