use super::{rests::Rests, slots::slot};
use crate::{
    share::{InstanceId, Question},
    window::micros,
};
use redis::{Cmd, Script};

/// One call of the script, for one quota.
pub(super) struct Call {
    pub(super) command: Cmd,
    /// How many rates it asks for.
    pub(super) rates: usize,
    /// How many requests wait for it.
    pub(super) requests: usize,
    /// Where a Cluster keeps its keys.
    pub(super) slot: u16,
}

// ===== impl Call =====

impl Call {
    pub(super) fn new(
        script: &Script,
        rests: &Rests,
        instance: &InstanceId,
        question: &Question,
    ) -> Self {
        Self {
            command: command(script, rests, instance, question),
            rates: question.rates.len(),
            requests: question.requests.len(),
            slot: slot(question.quota.as_bytes()),
        }
    }
}

fn command(script: &Script, rests: &Rests, instance: &InstanceId, question: &Question) -> Cmd {
    let key = |part: &str| format!("headworks:1:{{{}}}:{part}", question.quota);
    let mut call = redis::cmd("EVALSHA");
    call.arg(script.get_hash()).arg(4 + question.rates.len());
    for part in ["quota", "instances", "slots", "lapses"] {
        call.arg(key(part));
    }
    for rate in &question.rates {
        // What counts by another window has another count.
        let width = rate.width.as_secs();
        call.arg(key(&format!("{}:{width}", rate.name)));
    }
    call.arg(rests.channel()).arg(&*question.quota);
    call.arg(instance.as_str()).arg(micros(question.rest));
    call.arg(u8::from(question.woken))
        .arg(micros(question.said));
    call.arg(question.heard).arg(u8::from(question.leaves));
    call.arg(question.rates.len());
    for rate in &question.rates {
        let ask = &rate.ask;
        call.arg(rate.limit)
            .arg(micros(rate.width))
            .arg(rate.buckets);
        call.arg(micros(rate.offset)).arg(ask.want).arg(ask.held);
        call.arg(ask.advance).arg(ask.alone).arg(ask.need);
        call.arg(ask.told).arg(micros(ask.told_age));
        call.arg(micros(ask.told_lasts));
        call.arg(ask.returns.len());
        for back in &ask.returns {
            call.arg(back.at).arg(back.amount);
        }
        call.arg(ask.debts.len());
        for debt in &ask.debts {
            call.arg(micros(debt.age)).arg(debt.amount);
        }
    }
    match &question.slots {
        Some(slots) => {
            call.arg(1).arg(slots.limit).arg(slots.used);
            call.arg(slots.want).arg(slots.advance);
            call.arg(micros(slots.lapse));
        }
        None => {
            call.arg(0);
        }
    }
    call.arg(question.requests.len());
    for need in question.requests.iter().flatten() {
        call.arg(need);
    }
    call
}
