//! Requests that are asked for one by one.

use super::{Books, Mode, Then};
use crate::{
    Tokens,
    share::{Answer, Decision, Lease, Line, Question, RateQuestion, Reply, Waiter},
    window::micros,
};
use headworks_core::Reason;
use std::time::Duration;
use tokio::sync::oneshot::Receiver;

/// What is known while the store is asked for each request.
#[derive(Debug)]
pub(super) struct Strict {
    /// How long a request waits for the answer.
    pub(super) within: Duration,
    pub(super) line: Line,
    /// The last answer came too late, or none: until one is in time, nobody waits.
    pub(super) late: bool,
    /// When the store has last said what is left.
    told: u64,
    /// When it has last said that all slots are taken.
    full: Option<u64>,
    /// How many slots the store has been told are used.
    slots_told: u64,
}

/// Where the answer comes, and how long it is waited for.
type Asked = Result<(Receiver<Reply>, Duration), Reason>;

/// What becomes of requests that have waited.
pub(crate) type Replies = Vec<(Waiter, Result<Then, Reason>)>;

/// How long it is believed that nothing is left: after that somebody asks again.
const BELIEVED: Duration = Duration::from_millis(100);

// ===== impl Strict =====

impl Strict {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            within,
            line: Line::default(),
            late: false,
            told: 0,
            full: None,
            slots_told: 0,
        }
    }

    /// The store has answered, so late; or for the first time since it was silent, and that is not relied on.
    pub(super) fn heard(&mut self, after: u64, begins: bool) {
        if after > micros(self.within) {
            self.late = true;
        } else if !begins {
            self.late = false;
        }
    }
}

// ===== impl Books =====

impl Books {
    /// Has the store asked for a request, where it decides: says where the answer comes, and how long it is waited
    /// for. One that rests is not asked for, unless it is to go there `anyway`; nor is one more than may wait.
    pub(crate) fn ask(&mut self, tokens: Tokens, anyway: bool, now: u64) -> Option<Asked> {
        // Asked first: it is all that the others pay for it.
        self.strict()?;
        if !matches!(self.mode(now), Mode::Strict) {
            return None;
        }
        if !anyway && let Err(reason) = self.check_rest(now) {
            return Some(Err(reason));
        }
        let together = self.together.as_mut()?;
        let strict = together.strict.as_mut()?;
        together.wanted.news();
        let reply = strict.line.join(tokens, anyway);
        Some(match reply {
            Some(reply) => Ok((reply, strict.within)),
            None => Err(Reason::Full),
        })
    }

    /// Nobody waits any more until the store has answered in time.
    pub(crate) fn is_late(&mut self) {
        if let Some(strict) = self.strict() {
            strict.late = true;
        }
    }

    /// True if there is something to tell the store or to ask, apart from being there.
    pub(crate) fn has_news(&self) -> bool {
        let Some(together) = &self.together else {
            return false;
        };
        let is_limited = self.limits.parallel.is_some();
        let mut leases = self.accounts.iter().map(|account| &account.lease);
        let is_asked = match &together.strict {
            Some(strict) => {
                let slots = is_limited && strict.slots_told != self.in_flight;
                slots || !strict.line.is_empty()
            }
            // Slots are held for as long as they are asked for.
            None => {
                let slots = together.slots_short || together.slots_free || self.in_flight > 0;
                let slots = is_limited && slots;
                slots || leases.clone().any(Lease::is_wanted)
            }
        };
        is_asked || self.rest.has_news() || leases.any(Lease::has_news)
    }

    /// Something may have come back, which others are to have soon.
    pub(super) fn tell_soon(&mut self) {
        if self.strict().is_none() || !self.has_news() {
            return;
        }
        if let Some(together) = &self.together {
            together.wanted.more();
        }
        // What was known to be used up is not any more.
        if let Some(strict) = self.strict() {
            (strict.told, strict.full) = (0, None);
        }
    }

    /// Why the smallest request would not be admitted, by what was last heard. What is not known is not a reason.
    pub(super) fn known_to_be_used(&mut self, now: u64) -> Result<(), Reason> {
        let Some(strict) = self.strict() else {
            return Ok(());
        };
        let is_believed = |since: u64| now < since + micros(BELIEVED);
        if strict.full.is_some_and(is_believed) {
            return Err(Reason::Full);
        }
        if !is_believed(strict.told) {
            return Ok(());
        }
        let used = self.accounts.iter();
        let used = used.filter_map(|account| account.known_to_be_used(now));
        match used.max_by_key(Reason::left) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// What each request that waits needs, for the question; and that the slots in use are told with it.
    pub(super) fn requests(&mut self) -> Vec<Vec<u64>> {
        let Self {
            accounts, together, ..
        } = self;
        let Some(strict) = together.as_mut().and_then(|it| it.strict.as_mut()) else {
            return Vec::new();
        };
        strict.slots_told = self.in_flight;
        let needs = |waiter: &Waiter| {
            let accounts = accounts.iter();
            accounts
                .map(|account| account.rate.unit.of(waiter.tokens))
                .collect()
        };
        strict.line.ask().iter().map(needs).collect()
    }

    /// What the store has decided. One that has `forgotten` what was used is asked again, when it has been told.
    pub(super) fn decided(
        &mut self,
        question: &Question,
        answer: &Answer,
        forgotten: bool,
        now: u64,
    ) -> Replies {
        let Some(strict) = self.strict() else {
            return Vec::new();
        };
        strict.told = now;
        let asked = strict.line.take_asked();
        if forgotten {
            strict.line.ask_again(asked);
            let decisions = answer.decisions.iter().zip(&question.requests);
            for (decision, needs) in decisions {
                if *decision == Decision::Admitted {
                    self.take_back(question, answer, needs);
                }
            }
            if let Some(together) = &self.together {
                together.wanted.news();
            }
            return Vec::new();
        }
        let replies = asked.into_iter().zip(&answer.decisions);
        let replies = replies.zip(&question.requests);
        let replies = replies.map(|((waiter, decision), needs)| {
            let rests = match waiter.anyway {
                false => self.check_rest(now),
                true => Ok(()),
            };
            let reply = match (*decision, rests) {
                (Decision::Admitted, Ok(())) => Ok(self.admit(answer, waiter.tokens, now)),
                // It has been told to rest since this was asked for.
                (Decision::Admitted, Err(resting)) => {
                    self.take_back(question, answer, needs);
                    self.tell_soon();
                    Err(resting)
                }
                (Decision::Full, _) => {
                    if let Some(strict) = self.strict() {
                        strict.full = Some(now);
                    }
                    Err(Reason::Full)
                }
                (Decision::Used { rate, left }, _) => Err(self.used(&question.rates[rate], left)),
            };
            (waiter, reply)
        });
        replies.collect()
    }

    /// The store has not answered, and nobody waits for it any more: each is admitted as by an instance that is alone.
    pub(super) fn undecided(&mut self, now: u64) -> Replies {
        let Some(strict) = self.strict() else {
            return Vec::new();
        };
        strict.late = true;
        let all = strict.line.take_all().into_iter();
        let alone = all.map(|waiter| {
            let granted = self.reserve(waiter.tokens, waiter.anyway, now);
            let then = granted.map(|granted| Then {
                reserved: now,
                granted,
            });
            (waiter, then)
        });
        alone.collect()
    }

    fn strict(&mut self) -> Option<&mut Strict> {
        self.together.as_mut()?.strict.as_mut()
    }

    /// Counts what the store has counted.
    fn admit(&mut self, answer: &Answer, tokens: Tokens, now: u64) -> Then {
        for account in self.accounts.iter_mut().chain(&mut self.noted) {
            account.window.add(now, account.rate.unit.of(tokens));
        }
        self.in_flight += 1;
        if let Some(strict) = self.strict() {
            strict.slots_told += 1;
        }
        Then {
            reserved: now,
            granted: answer.rates.first().map(|granted| granted.at),
        }
    }

    /// What has been granted is not used: neither the slot, which the store takes to be in use, nor the rest.
    fn take_back(&mut self, question: &Question, answer: &Answer, needs: &[u64]) {
        let granted = question.rates.iter().zip(&answer.rates).zip(needs);
        for ((rate, granted), need) in granted {
            if let Some(account) = self.named(rate.name) {
                account.lease.give_back(granted.at, *need);
            }
        }
        if let Some(strict) = self.strict() {
            strict.slots_told += 1;
        }
    }

    /// Why a request does not fit into a rate.
    fn used(&mut self, rate: &RateQuestion, left: Duration) -> Reason {
        let left_of_it = self.named(rate.name).map_or(0, |account| account.left);
        Reason::LimitReached {
            name: rate.name,
            used: rate.limit.saturating_sub(left_of_it),
            limit: rate.limit,
            left,
        }
    }
}
