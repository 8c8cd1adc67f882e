use super::{Ask, Granted, LEASE, TRUST};
use crate::window::{Window, micros};
use std::{collections::VecDeque, time::Duration};

/// What one instance holds of a shared rate, and what it is to tell the store.
///
/// It may be spent for [`LEASE`] from when it was asked for. What is not spent by then goes back, as what was
/// spent too much does; what has been taken without a lease is told as a debt.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    grants: VecDeque<Grant>,
    /// What is held and may be spent.
    available: u64,
    returns: Vec<Return>,
    debt: u64,
    /// What was asked for since the last exchange, granted or not.
    demand: u64,
    /// What was asked for and could not be had.
    short: u64,
    /// As much as the largest request of late has needed; it fades.
    usual: u64,
    /// As much as the largest of late has needed that could not be had; it fades too.
    missed: u64,
    /// Something was taken in advance of the next exchange.
    on_credit: bool,
    /// What may be owed until the store answers again, if it has not.
    credit: Option<u64>,
    /// The largest single thing that was asked for and is larger than the limit.
    alone: u64,
    /// What the provider has said of all that is used, and the store has not been told.
    heard: Option<Heard>,
    /// The same, while it is not known whether the store has heard it.
    telling: Option<Heard>,
    /// What others have heard that nothing is left for, and when that was.
    withdrawn: Vec<Return>,
    withdrawn_at: u64,
    /// When it goes back.
    withdrawn_until: u64,
}

/// What a provider has said is used, by whomever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// When it has said so.
    pub(crate) at: u64,
    /// So much at least.
    pub(crate) used: u64,
    /// How long before that it was used, by when it will be back.
    pub(crate) age: u64,
    /// For how long it is believed, where it leaves the window no sooner than at its end; 0 elsewhere.
    pub(crate) lasts: u64,
    /// What is left.
    pub(crate) remaining: u64,
    /// What was owed by then: what has been owed since is not known to the provider.
    pub(crate) owed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Grant {
    /// When the store has counted it, by its own clock.
    at: u64,
    left: u64,
    /// Until when it may be spent, by ours.
    until: u64,
}

/// So much of what was granted at a time was not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Return {
    /// When it was granted, by the store's clock, in microseconds since the epoch.
    pub at: u64,
    /// How much of it comes back.
    pub amount: u64,
}

/// So much was used without having been granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Debt {
    /// How long ago, at least.
    pub age: Duration,
    /// How much.
    pub amount: u64,
}

const SECOND: u64 = 1_000_000;

/// Adds to what comes back: to the second, so that what comes back of many grants is told together. No bucket is shorter.
fn add(returns: &mut Vec<Return>, at: u64, amount: u64) {
    let at = at / SECOND * SECOND;
    match returns.iter_mut().find(|other| other.at == at) {
        Some(other) => other.amount += amount,
        None => returns.push(Return { at, amount }),
    }
}

/// What a provider has said longer ago is not news: more has been used since, or it is back.
const NEWS: u64 = 5 * SECOND;

// ===== impl Lease =====

impl Lease {
    /// Notes that `need` is wanted, which is more than the limit if it is to go `alone`.
    pub(crate) fn want(&mut self, need: u64, alone: bool) {
        self.demand = self.demand.saturating_add(need);
        if alone {
            self.alone = self.alone.max(need);
        }
    }

    /// True if `need` can be taken.
    pub(crate) fn has(&mut self, need: u64, now: u64) -> bool {
        self.expire(now);
        let has = self.available.saturating_add(self.credit.unwrap_or(0)) >= need;
        if !has {
            self.short = self.short.max(need - self.available);
        }
        has
    }

    /// What is held and may be spent.
    pub(crate) fn available(&mut self, now: u64) -> u64 {
        self.expire(now);
        self.available
    }

    /// True if `need`, which it does not have, may be owed until the next exchange: once, if it is larger than
    /// what is seen, and several times as much was left for each of so many instances.
    pub(crate) fn may_owe(&self, need: u64, left: u64, instances: u64) -> bool {
        let is_new = need > self.usual.max(1) && !self.on_credit;
        is_new && need.saturating_mul(4).saturating_mul(instances) <= left
    }

    /// Takes what it has, owes the rest, and says when the oldest part of it was granted.
    pub(crate) fn take(&mut self, need: u64) -> Option<u64> {
        self.usual = self.usual.max(need);
        let beyond = need.saturating_sub(self.available);
        self.on_credit |= beyond > 0;
        self.credit = self.credit.map(|credit| credit.saturating_sub(beyond));
        let oldest = self.grants.front().map(|grant| grant.at);
        // It is paid at once with what is held.
        self.owe(need);
        oldest.filter(|_| need > 0)
    }

    /// What was granted `at` is not needed after all.
    pub(crate) fn give_back(&mut self, at: u64, amount: u64) {
        if amount == 0 {
            return;
        }
        add(&mut self.returns, at, amount);
    }

    /// Others have heard that nothing is left: nothing of what is held may be spent. It goes back at `until`, with what
    /// the provider takes for used; sooner it would be granted again.
    pub(crate) fn withdraw(&mut self, until: u64, now: u64) {
        self.expire(now);
        self.owe_on_credit(0);
        for grant in self.grants.drain(..) {
            add(&mut self.withdrawn, grant.at, grant.left);
        }
        self.available = 0;
        (self.withdrawn_at, self.withdrawn_until) = (now, until);
    }

    /// What was withdrawn goes back when it is time.
    fn restore(&mut self, now: u64) {
        if now >= self.withdrawn_until {
            for Return { at, amount } in std::mem::take(&mut self.withdrawn) {
                self.give_back(at, amount);
            }
        }
    }

    /// Nothing of what is held is needed any more: all of it goes back.
    pub(crate) fn give_up(&mut self) {
        self.let_go(u64::MAX);
    }

    /// More was used than had been taken: it is paid with what is held, as far as that goes.
    pub(crate) fn owe(&mut self, amount: u64) {
        self.debt = self.debt.saturating_add(amount);
        self.pay();
    }

    /// The provider says what is used by all: the store is told. What is held beyond what is left goes back; true if
    /// there was such.
    pub(crate) fn heard(&mut self, heard: Heard, now: u64) -> bool {
        self.expire(now);
        self.hear(Heard {
            owed: self.debt,
            ..heard
        });
        self.owe_on_credit(heard.remaining);
        self.hold_at_most(heard.remaining)
    }

    /// True if the provider has said something that the store does not know.
    pub(crate) const fn has_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Of several the one that says most.
    fn hear(&mut self, heard: Heard) {
        let all = self.heard.into_iter().chain([heard]);
        self.heard = all.max_by_key(|heard| heard.used);
    }

    /// What may be owed while there is no answer is no more than `most`.
    fn owe_on_credit(&mut self, most: u64) {
        self.credit = self.credit.map(|credit| credit.min(most));
    }

    /// What is held beyond `most` goes back, the oldest first.
    fn hold_at_most(&mut self, most: u64) -> bool {
        let is_more = self.available > most;
        while let Some(grant) = self.grants.front_mut().filter(|_| self.available > most) {
            let part = grant.left.min(self.available - most);
            grant.left -= part;
            self.available -= part;
            let Grant { at, left, .. } = *grant;
            if left == 0 {
                self.grants.pop_front();
            }
            self.give_back(at, part);
        }
        is_more
    }

    /// Tells the store what the provider has said, with its age: once, and while it is news.
    fn pass_on(&mut self, ask: &mut Ask, now: u64) {
        let heard = self.heard.take();
        let ago = |heard: &Heard| now.saturating_sub(heard.at);
        let is_news =
            |heard: &Heard| ago(heard) <= NEWS && (heard.lasts == 0 || ago(heard) < heard.lasts);
        self.telling = heard.filter(is_news);
        let Some(heard) = self.telling else {
            return;
        };
        let since = self.debt.saturating_sub(heard.owed);
        ask.told = heard.used.saturating_add(since);
        ask.told_age = Duration::from_micros(ago(&heard).saturating_add(heard.age));
        ask.told_lasts = Duration::from_micros(heard.lasts.saturating_sub(ago(&heard)));
    }

    fn pay(&mut self) {
        let mut paid = self.debt.min(self.available);
        self.debt -= paid;
        self.available -= paid;
        while let Some(grant) = self.grants.front_mut().filter(|_| paid > 0) {
            let part = paid.min(grant.left);
            grant.left -= part;
            paid -= part;
            if grant.left == 0 {
                self.grants.pop_front();
            }
        }
    }

    /// What the store is to be told and asked, `ahead` so many times what was asked for since the last time. When
    /// something was used says the `window`.
    pub(crate) fn ask(&mut self, limit: u64, now: u64, ahead: f64, window: &mut Window) -> Ask {
        self.restore(now);
        self.expire(now);
        // What will be over before long goes back now, while it is worth something. By then there is a younger
        // one: what is not young any more is not counted as held.
        let over = match self.alone {
            0 => now + micros(LEASE) / 4,
            // It waits for nothing to be in use, not even here.
            _ => u64::MAX,
        };
        self.let_go(over);
        let young = now + micros(TRUST);
        let held = self.grants.iter().filter(|grant| grant.until >= young);
        let held: u64 = held.map(|grant| grant.left).sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a guess at what will be asked for"
        )]
        let expected = (self.demand as f64 * ahead).ceil() as u64;
        let want = expected.saturating_sub(held).max(self.short);
        self.missed = self.missed.max(self.short);
        let mut ask = Ask::default();
        self.pass_on(&mut ask, now);
        let ask = Ask {
            want,
            held,
            // For the first requests after a while without any.
            advance: self.usual.max(limit / 20).max(1),
            alone: self.alone,
            need: self.missed.max(self.usual).max(1),
            debts: self.debts(now, window),
            returns: std::mem::take(&mut self.returns),
            ..ask
        };
        (self.demand, self.short, self.alone) = (0, 0, 0);
        // Half of it in some half a minute without demand.
        self.usual -= self.usual / 64;
        self.missed -= self.missed / 64;
        ask
    }

    /// All that is owed, as if it had been used last of all: of what has been, some may have been granted, and
    /// nothing is to be forgotten too early.
    fn debts(&mut self, now: u64, window: &mut Window) -> Vec<Debt> {
        let debts = window.latest(now, std::mem::take(&mut self.debt));
        let debt = |(age, amount)| Debt {
            age: Duration::from_micros(age),
            amount,
        };
        debts.into_iter().map(debt).collect()
    }

    /// What the store is told where nothing is to be had in advance.
    pub(crate) fn tell(&mut self, now: u64, window: &mut Window) -> Ask {
        self.restore(now);
        self.expire(now);
        let mut ask = Ask::default();
        self.pass_on(&mut ask, now);
        Ask {
            returns: std::mem::take(&mut self.returns),
            debts: self.debts(now, window),
            ..ask
        }
    }

    /// True if there is something to tell.
    pub(crate) fn has_news(&self) -> bool {
        !self.returns.is_empty() || self.debt > 0 || self.has_heard()
    }

    /// True if something was asked for since the last exchange, or is still.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.demand > 0 || self.short > 0 || self.alone > 0
    }

    /// What the store has answered to a question that was `asked` then.
    pub(crate) fn granted(&mut self, granted: Granted, asked: u64) {
        self.on_credit = false;
        self.credit = None;
        self.telling = None;
        if granted.amount == 0 {
            return;
        }
        if asked <= self.withdrawn_at {
            add(&mut self.withdrawn, granted.at, granted.amount);
            return;
        }
        self.available += granted.amount;
        self.grants.push_back(Grant {
            at: granted.at,
            left: granted.amount,
            until: asked + micros(LEASE),
        });
        // What was used without a lease while this was asked for comes first: it is granted now.
        self.pay();
        // It was granted before the store has heard of this.
        if let Some(heard) = self.heard {
            self.hold_at_most(heard.remaining);
        }
    }

    /// No answer has come to this question. The store may have heard it or not: what is owed is told again,
    /// what was to come back is not, so that it errs on the side of the limit. Until one comes, `part` may be owed.
    pub(crate) fn unanswered(&mut self, ask: &Ask, part: u64) {
        self.credit.get_or_insert(part);
        self.owe(ask.debts.iter().map(|debt| debt.amount).sum());
        self.short = self.short.max(ask.want.min(1));
        if let Some(heard) = self.telling.take() {
            self.hear(heard);
        }
    }

    /// What may still be owed, if the store has not answered.
    pub(crate) const fn credit(&self) -> Option<u64> {
        self.credit
    }

    /// The store has forgotten what it had granted: nothing of that is to be spent any more, or to come back, and
    /// all that was `used` is owed.
    pub(crate) fn forgotten(&mut self, used: u64) {
        self.grants.clear();
        self.withdrawn.clear();
        self.available = 0;
        self.returns.clear();
        self.debt = used;
    }

    /// It owes no more than `most`: what was used before that has left the window.
    pub(crate) fn owe_at_most(&mut self, most: u64) {
        self.debt = self.debt.min(most);
    }

    /// What was taken without a lease was too much by `amount`.
    pub(crate) const fn forgive(&mut self, amount: u64) {
        self.debt = self.debt.saturating_sub(amount);
    }

    /// What has not been spent in time goes back.
    pub(crate) fn expire(&mut self, now: u64) {
        self.let_go(now);
    }

    /// What is to be spent until then, or sooner, goes back.
    fn let_go(&mut self, until: u64) {
        while let Some(grant) = self
            .grants
            .front()
            .copied()
            .filter(|grant| grant.until <= until)
        {
            self.grants.pop_front();
            self.available -= grant.left;
            self.give_back(grant.at, grant.left);
        }
    }
}
