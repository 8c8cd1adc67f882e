//! The rules a store keeps to, as arithmetic: what the shared script of another store says, in plain words.

use super::{
    Answer, Ask, Debt, Decision, Granted, InstanceId, LEASE, News, Question, RateQuestion, Return,
    SlotQuestion,
};
use crate::window::micros;
use std::{
    collections::{BTreeMap, HashMap, btree_map::OccupiedEntry},
    time::Duration,
};

/// An instance that has not been heard of for so long is not counted any more.
pub(crate) const FORGOTTEN: Duration = Duration::from_secs(3);

/// That nothing is left is passed on no more often: all who have requests under way hear it with each of them.
const ANEW: Duration = Duration::from_millis(100);

/// What is known of one quota.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    /// By their names and how long a bucket is: what counts by another window has another count.
    rates: HashMap<(&'static str, Duration), Counted>,
    /// Until when each instance is counted.
    instances: HashMap<InstanceId, u64>,
    /// How many slots each instance has, and until when.
    slots: HashMap<InstanceId, (u64, u64)>,
    /// Who wants more slots than it has, of several the one that has least, and until when that is heeded. Nobody does
    /// any more, or not yet again, where there is no name.
    waiter: Option<(Option<InstanceId>, u64)>,
    rests_until: u64,
    /// When that was said, and when somebody was last answered though it rested.
    rested: u64,
    woken: u64,
    /// What has not been passed on.
    news: Vec<News<'static>>,
    /// When it was begun.
    memory: u64,
    /// When it has last heard of anybody.
    heard: u64,
}

/// What has been granted of one rate, by bucket.
#[derive(Clone, Debug, Default)]
struct Counted {
    buckets: BTreeMap<u64, u64>,
    /// Until then somebody waits for all to be unused, so that nothing is granted in advance.
    awaited_until: u64,
    /// When it was last passed on that nothing is left.
    emptied: u64,
    /// What a provider has said is used beyond what is in the buckets, and until when it is believed: in a window that
    /// lets go of nothing before it is over.
    said: (u64, u64),
}

// ===== impl Shelf =====

impl Shelf {
    pub(super) fn exchange(
        &mut self,
        instance: &InstanceId,
        question: &Question,
        now: u64,
    ) -> Answer {
        let is_older = question.heard > self.heard + micros(LEASE);
        if self.memory == 0 || is_older {
            // Of what was granted since then it knows nothing: all who live tell it.
            self.memory = now;
            let counted = self.rates.values_mut();
            counted.for_each(|counted| {
                counted.buckets.clear();
                counted.said = (0, 0);
            });
        }
        // A clock that has gone back has forgotten nothing.
        self.heard = self.heard.max(now).max(question.heard);
        self.instances.retain(|_, until| *until > now);
        let until = now + micros(FORGOTTEN);
        self.instances.insert(instance.clone(), until);
        let instances = self.instances.len() as u64;
        let mut answer = Answer::new(instances);
        answer.memory = self.memory;
        for rate in &question.rates {
            let counted = self.rates.entry(rate.key()).or_default();
            answer.rates.push(counted.exchange(rate, instances, now));
            self.news.extend(counted.emptied(rate, now));
        }
        if let Some(slots) = &question.slots {
            answer.slots = self.take_slots(instance, slots, now);
        }
        for needs in &question.requests {
            let decision = self.decide(instance, question, needs, now);
            if decision == Decision::Admitted {
                answer.slots += u64::from(question.slots.is_some());
                for (granted, need) in answer.rates.iter_mut().zip(needs) {
                    granted.left = granted.left.saturating_sub(*need);
                }
            }
            answer.decisions.push(decision);
        }
        for (rate, granted) in question.rates.iter().zip(&mut answer.rates) {
            if let Some(counted) = self.rates.get(&rate.key()) {
                let until = |need| counted.until_fits(rate, need, now).unwrap_or_default();
                *granted = granted.fits(until(1), until(rate.ask.need.max(1)));
            }
        }
        if question.leaves {
            self.instances.remove(instance);
            let is_it = |waiter: &Option<InstanceId>| waiter.as_ref() == Some(instance);
            self.waiter.take_if(|(waiter, _)| is_it(waiter));
        }
        self.judge(question, now);
        answer.rest = Duration::from_micros(self.rests_until.saturating_sub(now));
        answer
    }

    /// Goes by what has been said last: that it rests, or that it is awake.
    fn judge(&mut self, question: &Question, now: u64) {
        let said = now.saturating_sub(micros(question.said));
        let until = now + micros(question.rest);
        if question.woken {
            self.woken = self.woken.max(said);
            if self.rests_until > now && self.rested < said {
                self.rests_until = 0;
                self.news.push(News::Awake);
            }
        } else if until > now && said >= self.woken {
            self.rested = self.rested.max(said);
            if until > self.rests_until {
                self.rests_until = until;
                self.news.push(News::Rest(question.rest));
            }
        }
    }

    /// What whoever listens is to be told.
    pub(super) fn take_news(&mut self) -> Vec<News<'static>> {
        std::mem::take(&mut self.news)
    }

    fn take_slots(&mut self, instance: &InstanceId, slots: &SlotQuestion, now: u64) -> u64 {
        self.slots.retain(|_, (_, until)| *until > now);
        let others = self.slots.iter().filter(|(id, _)| *id != instance);
        let others: u64 = others.map(|(_, (held, _))| held).sum();
        let mut free = slots.limit.saturating_sub(others);
        let mut want = slots.want;
        let waiter = self.waiter.as_ref().filter(|(_, until)| *until > now);
        let is_waited = waiter.is_some();
        let theirs = match waiter {
            Some((Some(waiter), _)) if waiter != instance => {
                let theirs = self.slots.get(waiter).map_or(0, |(held, _)| *held);
                if theirs == 0 || slots.used > theirs + 1 {
                    // One is left to it, as soon as it is not in use any more.
                    free = free.saturating_sub(1);
                }
                Some(theirs)
            }
            Some((None, _)) => Some(u64::MAX),
            _ => None,
        };
        if theirs.is_none() {
            want = want.saturating_add(slots.advance);
        }
        let given = want.min(free);
        let until = now + 2 * micros(LEASE);
        if given < slots.want {
            if theirs.is_none_or(|theirs| given < theirs) {
                self.waiter = Some((Some(instance.clone()), until));
            }
        } else if is_waited && theirs.is_none() && given > slots.used {
            // It may want more in a moment.
            self.waiter = Some((None, until));
        }
        // What is in use is in use, whoever may have it now.
        let held = (given.max(slots.used), now + micros(slots.lapse));
        self.slots.insert(instance.clone(), held);
        given
    }

    /// Admits a request that needs so much of each rate, or says why not.
    fn decide(
        &mut self,
        instance: &InstanceId,
        question: &Question,
        needs: &[u64],
        now: u64,
    ) -> Decision {
        if let Some(slots) = &question.slots {
            let held: u64 = self.slots.values().map(|(held, _)| held).sum();
            if held >= slots.limit {
                return Decision::Full;
            }
        }
        let rates = question.rates.iter().zip(needs).enumerate();
        let missing = rates.filter_map(|(at, (rate, need))| {
            let left = self.rates.get(&rate.key())?.until_fits(rate, *need, now)?;
            Some((at, left))
        });
        if let Some((rate, left)) = missing.max_by_key(|(_, left)| *left) {
            return Decision::Used { rate, left };
        }
        for (rate, need) in question.rates.iter().zip(needs) {
            if let Some(counted) = self.rates.get_mut(&rate.key()) {
                counted.count(rate.bucket(now), *need);
            }
        }
        if question.slots.is_some()
            && let Some((held, _)) = self.slots.get_mut(instance)
        {
            *held += 1;
        }
        Decision::Admitted
    }
}

// ===== impl Counted =====

impl Counted {
    fn exchange(&mut self, rate: &RateQuestion, instances: u64, now: u64) -> Granted {
        let Ask {
            returns,
            debts,
            want,
            held,
            advance,
            alone,
            told,
            told_age,
            told_lasts,
            need: _,
        } = &rate.ask;
        let newest = rate.bucket(now);
        self.buckets
            .retain(|number, _| number + rate.buckets > newest);
        // The clock may have gone back. What was counted later than now leaves when it comes to it, and what was
        // later by more than a window as if it were used now.
        let far = |entry: &OccupiedEntry<'_, u64, u64>| *entry.key() > newest + rate.buckets;
        while let Some(later) = self.buckets.last_entry().filter(far) {
            let amount = later.remove();
            self.count(newest, amount);
        }
        for Return { at, amount } in returns {
            if let Some(used) = self.buckets.get_mut(&rate.bucket(*at)) {
                *used = used.saturating_sub(*amount);
            }
        }
        for &Debt { age, amount } in debts {
            let used = rate.bucket(now.saturating_sub(micros(age)));
            if used + rate.buckets > newest {
                self.count(used, amount);
            }
        }
        let used = self.used(now);
        let until = rate.told_until(now);
        if *told > used && until > now {
            if told_lasts.is_zero() {
                let bucket = rate.bucket(now.saturating_sub(micros(*told_age)));
                self.count(bucket, told - used);
            } else {
                let said = self.said(now).saturating_add(told - used);
                self.said = (said, until);
            }
        }

        let used = self.used(now);
        let left = rate.limit.saturating_sub(used);
        if *alone > 0 {
            self.awaited_until = now + 2 * micros(LEASE);
        }
        let most = if instances > 1 {
            left.div_ceil(2)
        } else {
            left
        };
        let amount = if *alone > 0 {
            // All or nothing.
            if used == 0 { *alone } else { 0 }
        } else if now < self.awaited_until {
            (*want).min(most)
        } else {
            let in_advance = in_advance(left, instances).min(*advance);
            let in_advance = in_advance.saturating_sub(*held);
            (*want).max(in_advance).min(most)
        };
        self.count(newest, amount);
        Granted::new(amount, now, left.saturating_sub(amount))
    }

    /// That nothing is left, if the provider has just said so.
    fn emptied(&mut self, rate: &RateQuestion, now: u64) -> Option<News<'static>> {
        let is_empty = rate.ask.told > 0 && rate.ask.told >= rate.limit;
        let until = rate.told_until(now);
        if !is_empty || until <= now || now < self.emptied + micros(ANEW) {
            return None;
        }
        self.emptied = now;
        Some(News::Empty {
            rate: rate.name,
            lasts: Duration::from_micros(until.saturating_sub(now)),
        })
    }

    /// How long until `need` fits, if it does not. What is larger than the limit goes alone.
    fn until_fits(&self, rate: &RateQuestion, need: u64, now: u64) -> Option<Duration> {
        let (used, said) = (self.used(now), self.said(now));
        let missing = used.saturating_add(need).saturating_sub(rate.limit);
        let goes_alone = need > rate.limit && used == 0 && rate.limit > 0;
        if missing == 0 || goes_alone {
            return None;
        }
        let mut gone = 0_u64;
        let mut leaves = 0;
        for (bucket, amount) in self.buckets.iter().filter(|(_, amount)| **amount > 0) {
            gone = gone.saturating_add(*amount);
            leaves = rate.leaves(*bucket);
            if gone >= missing {
                break;
            }
        }
        // It is over before the window is.
        if said > 0 && (said >= missing || gone == 0) {
            leaves = self.said.1;
        }
        Some(Duration::from_micros(leaves.saturating_sub(now)))
    }

    fn used(&self, now: u64) -> u64 {
        let counted: u64 = self.buckets.values().sum();
        counted.saturating_add(self.said(now))
    }

    /// What is believed still of what a provider has said.
    const fn said(&self, now: u64) -> u64 {
        let (amount, until) = self.said;
        if now < until { amount } else { 0 }
    }

    fn count(&mut self, bucket: u64, amount: u64) {
        let counted = self.buckets.entry(bucket).or_default();
        *counted = counted.saturating_add(amount);
    }
}

// ===== impl RateQuestion =====

impl RateQuestion {
    const fn key(&self) -> (&'static str, Duration) {
        (self.name, self.width)
    }

    /// When what is in this bucket leaves the window.
    fn leaves(&self, bucket: u64) -> u64 {
        (bucket + self.buckets) * micros(self.width) + micros(self.offset)
    }

    /// Until when what the provider has said is used counts.
    fn told_until(&self, now: u64) -> u64 {
        let Ask {
            told_age,
            told_lasts,
            ..
        } = &self.ask;
        let leaves = self.leaves(self.bucket(now.saturating_sub(micros(*told_age))));
        match micros(*told_lasts) {
            0 => leaves,
            lasts => leaves.min(now.saturating_add(lasts)),
        }
    }

    /// The number of the bucket that counts what is used then.
    fn bucket(&self, time: u64) -> u64 {
        time.saturating_sub(micros(self.offset)) / micros(self.width)
    }
}

/// The most that an instance holds for a request that may come: half of its part of what is left, or one while
/// there is one for each.
fn in_advance(left: u64, instances: u64) -> u64 {
    match left / (2 * instances) {
        0 if left >= instances => 1,
        part => part,
    }
}
