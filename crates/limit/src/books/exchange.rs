//! What a store is told and asked of a quota, and what its answers mean here.

use super::{
    Books, Mode, Replies,
    account::{Account, Ahead},
    strict::Strict,
};
use crate::{
    share::{Allowance, Alone, Answer, Census, News, Question, SlotQuestion, TRUST, Wanted},
    window::micros,
};
use std::{sync::Arc, time::Duration};

/// What is known of those with whom a quota is shared.
#[derive(Debug)]
pub(super) struct Together {
    pub(super) alone: Alone,
    /// Is told when something is wanted that is to be had only from the store.
    pub(super) wanted: Arc<Wanted>,
    /// How long the last answer of the store counts.
    pub(super) until: u64,
    /// It has been found that it does not count any more.
    pub(super) lost: bool,
    /// The last question was not answered: it is not known whether there is anybody to ask.
    pub(super) silent: bool,
    /// By how many the store has divided what is left, and how many there have been of late.
    pub(super) instances: u64,
    pub(super) census: Census,
    /// Which memory of the store it was.
    pub(super) memory: u64,
    /// What its clock has shown.
    pub(super) heard: u64,
    /// Slots held.
    pub(super) slots: u64,
    pub(super) slots_short: bool,
    /// Some that the store counts are not used any more: they are another's, when it is told.
    pub(super) slots_free: bool,
    /// The store decides on each request.
    pub(super) strict: Option<Strict>,
}

/// For how long the slots of an instance are kept of which nothing more is heard.
const LAPSE: Duration = Duration::from_secs(10);

/// The demand of so long a time is asked for in advance, twice.
const AHEAD: Duration = Duration::from_millis(100);

// ===== impl Together =====

impl Together {
    /// What is admitted of each limit while nothing is heard of the others.
    pub(super) fn allowance(&self) -> Allowance {
        self.alone.among(self.census.most())
    }
}

// ===== impl Books =====

impl Books {
    /// Goes by what a store grants from now on; until it has, by what `alone` says.
    pub(crate) fn share(&mut self, alone: Alone, strict: Option<Duration>, wanted: Arc<Wanted>) {
        // Who else there is does not change with whoever keeps it.
        let before = self.together.take();
        self.together = Some(Together {
            alone,
            wanted,
            until: 0,
            lost: true,
            silent: true,
            instances: 1,
            census: before.map(|before| before.census).unwrap_or_default(),
            memory: 0,
            heard: 0,
            slots: 0,
            slots_short: false,
            slots_free: false,
            strict: strict.map(Strict::new),
        });
    }

    /// True if something of it can be held, now or as soon as a limit is learned.
    pub(crate) fn is_held(&self) -> bool {
        let learns = self.limits.learn && !self.limits.advisory;
        !self.accounts.is_empty() || self.limits.parallel.is_some() || learns
    }

    /// Whoever kept it, and is called by `wanted`, does so no more: nothing is heard of the others, and nothing will be.
    pub(crate) fn abandon(&mut self, wanted: &Arc<Wanted>, now: u64) -> Replies {
        match &mut self.together {
            // Another keeps it by now.
            Some(together) if !Arc::ptr_eq(&together.wanted, wanted) => Replies::new(),
            None => Replies::new(),
            Some(together) => {
                together.until = 0;
                self.undecided(now)
            }
        }
    }

    /// The last that the store is told by whoever is called by `wanted`, who [abandons](Self::abandon) it then: what was
    /// used, and that nothing is needed any more but what is in flight. Nothing if another keeps it by now.
    pub(crate) fn farewell(
        &mut self,
        quota: Arc<str>,
        wanted: &Arc<Wanted>,
        now: u64,
    ) -> Option<(Question, Replies)> {
        let together = self.together.as_ref();
        together.filter(|together| Arc::ptr_eq(&together.wanted, wanted))?;
        let replies = self.abandon(wanted, now);
        for account in &mut self.accounts {
            account.lease.give_up();
        }
        let question = Question {
            leaves: true,
            ..self.question_of(quota, Ahead::Nothing, false, now)
        };
        Some((question, replies))
    }

    /// What the store is to be told and asked, `since` so long after the last time.
    pub(crate) fn question(&mut self, quota: Arc<str>, since: Duration, now: u64) -> Question {
        let together = self.together.as_ref();
        // For this exchange and the next.
        let silent = together.is_some_and(|together| together.silent);
        let strict = together.is_some_and(|together| together.strict.is_some());
        let ahead = if silent {
            Ahead::Unheard
        } else if strict {
            Ahead::Nothing
        } else {
            Ahead::Of(2.0 * AHEAD.div_duration_f64(since).min(1.0))
        };
        self.question_of(quota, ahead, !strict, now)
    }

    /// The same, with so much asked for `ahead`, and slots beyond those in use if some are to be `held`.
    fn question_of(&mut self, quota: Arc<str>, ahead: Ahead, held: bool, now: u64) -> Question {
        let lost = matches!(self.mode(now), Mode::Cut(_));
        let limits = &self.limits;
        let rates = self.accounts.iter_mut().map(|account| {
            if lost {
                let used = account.window.used(now);
                account.lease.owe_at_most(used);
            }
            account.question(limits, ahead, now)
        });
        let rates = rates.collect();
        let in_flight = self.in_flight;
        let slots = self.limits.parallel.zip(self.together.as_mut());
        let slots = slots.map(|(limit, together)| {
            let short = std::mem::take(&mut together.slots_short);
            together.slots_free = false;
            // As many again where somebody has been refused, and some in advance otherwise, so that not each new request
            // has to be asked for.
            let (more, advance) = match (held, short) {
                (false, _) => (0, 0),
                (true, true) => (in_flight.max(1), 0),
                (true, false) => (0, in_flight.div_ceil(4).max(1)),
            };
            let want = in_flight.saturating_add(more).min(limit.max(in_flight));
            // What is not asked for is not used from now on: another may have it before the answer is here.
            together.slots = together.slots.min(want.saturating_add(advance));
            SlotQuestion {
                limit,
                used: if held {
                    in_flight.max(together.slots)
                } else {
                    in_flight
                },
                want,
                advance,
                lapse: LAPSE,
            }
        });
        let mut question = Question {
            quota,
            rates,
            slots,
            heard: self.together.as_ref().map_or(0, |together| together.heard),
            rest: Duration::ZERO,
            woken: false,
            said: Duration::ZERO,
            leaves: false,
            requests: self.requests(),
        };
        self.rest.tell(&mut question, now);
        question
    }

    /// Somebody with whom it is shared has said something that all are to know.
    pub(crate) fn heard(&mut self, news: News<'_>, now: u64) {
        match news {
            News::Rest(rest) => self.rest.hear(now.saturating_add(micros(rest)), now),
            News::Awake => self.rest.hear_awake(now),
            News::Empty { rate, lasts } => {
                if let Some(account) = self.named(rate) {
                    account.emptied(lasts, now);
                }
            }
        }
    }

    /// The others are to know something at once.
    pub(super) fn news(&self) {
        if let Some(together) = &self.together {
            together.wanted.news();
        }
    }

    /// What the store has answered to what was `asked` then, and what it has decided.
    pub(crate) fn answered(
        &mut self,
        question: &Question,
        answer: &Answer,
        asked: u64,
        now: u64,
    ) -> Replies {
        let Some(together) = &mut self.together else {
            return Replies::new();
        };
        let forgotten = together.memory != 0 && together.memory != answer.memory;
        together.memory = answer.memory;
        if let Some(granted) = answer.rates.first() {
            together.heard = granted.at;
        }
        together.census.hear(answer.instances, now);
        let begins = std::mem::take(&mut together.silent);
        let most = answer.slots.max(self.in_flight);
        let frees = question.slots.is_some_and(|slots| slots.used > most);
        together.slots_free = frees;
        if forgotten {
            // It knows nothing of the others until they have told it: till the next answer all is as if it were
            // silent.
            together.until = 0;
        } else {
            together.instances = answer.instances;
            together.slots = answer.slots;
            together.lost = false;
            if !begins {
                together.until = asked + micros(TRUST);
            }
            self.accounts.iter_mut().for_each(Account::release);
        }
        if let Some(strict) = &mut together.strict {
            strict.heard(now.saturating_sub(asked), begins);
        }
        let mut learned = false;
        for (rate, granted) in question.rates.iter().zip(&answer.rates) {
            let Some(account) = self.named(rate.name) else {
                continue;
            };
            if forgotten {
                // What was used is told first, by everybody: until then the store grants what is not there.
                let used = account.used_here(now);
                account.lease.forgotten(used);
                account.lease.give_back(granted.at, granted.amount);
            } else {
                learned |= account.answered(*granted, rate.ask.need, asked, now);
            }
        }
        if forgotten || begins || frees {
            self.want();
        }
        self.rest.answered(answer.rest, forgotten, asked, now);
        if self.rest.has_news() || learned && !begins {
            self.news();
        }
        self.decided(question, answer, forgotten, now)
    }

    /// The store has not answered this.
    pub(crate) fn unanswered(&mut self, question: &Question, now: u64) -> Replies {
        let Some(together) = &mut self.together else {
            return Replies::new();
        };
        together.silent = true;
        let (allowance, instances) = (together.allowance(), together.instances);
        for rate in &question.rates {
            if let Some(account) = self.named(rate.name) {
                let part = account.part(allowance, instances);
                account.lease.unanswered(&rate.ask, part);
            }
        }
        self.rest.unanswered();
        self.undecided(now)
    }

    pub(super) fn named(&mut self, rate: &str) -> Option<&mut Account> {
        let named = |account: &&mut Account| account.rate.name() == rate;
        self.accounts.iter_mut().find(named)
    }

    pub(super) fn want(&self) {
        if let Some(together) = &self.together {
            together.wanted.more();
        }
    }
}
