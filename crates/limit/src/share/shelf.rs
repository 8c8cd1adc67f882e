//! The rules a store keeps to, as arithmetic: what the shared script of another store says, in plain words.

use super::{
    Answer, Ask, Debt, Granted, InstanceId, LEASE, Question, RateQuestion, Return, SlotQuestion,
};
use crate::window::micros;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// An instance that has not been heard of for so long is not counted any more.
pub(crate) const FORGOTTEN: Duration = Duration::from_secs(3);

/// What is known of one quota.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    rates: HashMap<&'static str, Counted>,
    /// Until when each instance is counted.
    instances: HashMap<InstanceId, u64>,
    /// How many slots each instance has, and until when.
    slots: HashMap<InstanceId, (u64, u64)>,
    rests_until: u64,
    /// When it was begun.
    memory: u64,
}

/// What has been granted of one rate, by bucket.
#[derive(Debug, Default)]
struct Counted {
    buckets: BTreeMap<u64, u64>,
    /// Until then somebody waits for all to be unused, so that nothing is granted in advance.
    awaited_until: u64,
}

// ===== impl Shelf =====

impl Shelf {
    pub(super) fn exchange(
        &mut self,
        instance: &InstanceId,
        question: &Question,
        now: u64,
    ) -> Answer {
        if self.memory == 0 {
            self.memory = now;
        }
        self.instances.retain(|_, until| *until > now);
        let until = now + micros(FORGOTTEN);
        self.instances.insert(instance.clone(), until);
        let instances = self.instances.len() as u64;
        let mut answer = Answer::new(instances);
        answer.memory = self.memory;
        for rate in &question.rates {
            let counted = self.rates.entry(rate.name).or_default();
            answer.rates.push(counted.exchange(rate, instances, now));
        }
        if let Some(slots) = &question.slots {
            answer.slots = self.take_slots(instance, slots, now);
        }
        if !question.rest.is_zero() {
            self.rests_until = self.rests_until.max(now + micros(question.rest));
        }
        answer.rest = Duration::from_micros(self.rests_until.saturating_sub(now));
        answer
    }

    /// Until when nothing is admitted. Whenever it is later than before, whoever listens is told.
    pub(super) const fn rests_until(&self) -> u64 {
        self.rests_until
    }

    fn take_slots(&mut self, instance: &InstanceId, slots: &SlotQuestion, now: u64) -> u64 {
        self.slots.retain(|_, (_, until)| *until > now);
        let others = self.slots.iter().filter(|(id, _)| *id != instance);
        let others: u64 = others.map(|(_, (held, _))| held).sum();
        // What is in use is in use, whoever may have it now.
        let most = slots.limit.saturating_sub(others).max(slots.used);
        let held = slots.want.min(most).max(slots.used);
        let until = now + micros(slots.lapse);
        self.slots.insert(instance.clone(), (held, until));
        held
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
        } = &rate.ask;
        let bucket = |time: u64| time.saturating_sub(micros(rate.offset)) / micros(rate.width);
        let newest = bucket(now);
        self.buckets
            .retain(|number, _| number + rate.buckets > newest);
        for Return { at, amount } in returns {
            if let Some(used) = self.buckets.get_mut(&bucket(*at)) {
                *used = used.saturating_sub(*amount);
            }
        }
        for &Debt { age, amount } in debts {
            let used = bucket(now.saturating_sub(micros(age)));
            if used + rate.buckets > newest {
                self.count(used, amount);
            }
        }

        let used: u64 = self.buckets.values().sum();
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

    fn count(&mut self, bucket: u64, amount: u64) {
        let counted = self.buckets.entry(bucket).or_default();
        *counted = counted.saturating_add(amount);
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
