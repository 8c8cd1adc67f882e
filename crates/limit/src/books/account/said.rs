//! What a provider says is left of a rate.

use super::{Account, Fits};
use crate::{Told, share::Heard, window::micros};
use headworks_core::Hint;
use std::time::Duration;

/// What a provider has said that others use.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::books) struct Said {
    pub(super) amount: u64,
    /// When it was counted.
    at: u64,
    /// Until when it is believed.
    pub(super) until: u64,
}

/// For how long a provider is believed, in a window that lets go of nothing before it is over.
fn believed(told: Told) -> Duration {
    told.reset.unwrap_or(Hint::LONGEST).min(Hint::LONGEST)
}

// ===== impl Account =====

impl Account {
    /// Counts what the provider says is used. In a sliding window it leaves when the provider says so. In a fixed one it
    /// would stay to the end, which may be a day: there it is believed for as long as a [`Hint`] is at most, after
    /// which the provider may say so again.
    pub(in crate::books) fn believe(&mut self, told: Told, now: u64) {
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
    pub(super) fn doubt(&mut self, now: u64) {
        if self.said.amount > 0 && self.said.until <= now {
            let Said { amount, at, .. } = std::mem::take(&mut self.said);
            self.window.take_back(at, amount);
        }
    }

    /// Has the store told what the provider says is used by all. True if the store is to know at once, since
    /// nothing is left or more is held than that.
    pub(in crate::books) fn pass_on(&mut self, told: Told, now: u64) -> bool {
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

    /// Others have heard that nothing is left of it for so long: what is held is none.
    pub(in crate::books) fn emptied(&mut self, lasts: Duration, now: u64) {
        let until = now.saturating_add(micros(lasts));
        self.left = 0;
        self.fits = Fits::all_at(until);
        self.lease.withdraw(until, now);
    }
}
