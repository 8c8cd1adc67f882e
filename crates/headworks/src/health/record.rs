use super::Finding;
use crate::breaker::{Circuit, Phase};
use headworks_core::{DeploymentId, Outcome, Verdict};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// What is known of one deployment: the last finding.
pub(super) struct Record {
    id: DeploymentId,
    circuit: Circuit,
    /// Whether the last finding is a sickness: false is what nearly every request comes upon, and costs a load.
    sick: AtomicBool,
    last: Mutex<Option<Finding>>,
}

/// What a finding says to the circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum News {
    Well {
        /// Whether it says anything about why the circuit may be open.
        vouches: bool,
    },
    Sick {
        /// The failure, if it is to count.
        blamed: Option<Verdict>,
    },
}

// ===== impl Record =====

impl Record {
    pub(super) fn new(id: DeploymentId, circuit: Circuit) -> Self {
        Self {
            id,
            circuit,
            sick: AtomicBool::new(false),
            last: Mutex::new(None),
        }
    }

    pub(super) const fn id(&self) -> &DeploymentId {
        &self.id
    }

    pub(super) fn last(&self) -> Option<Finding> {
        *self.last.lock()
    }

    /// Keeps a finding in place of the last one, which it gives back.
    pub(super) fn note(&self, finding: Finding) -> Option<Finding> {
        let mut last = self.last.lock();
        // Under the lock, so that the two never disagree for longer than it is held.
        self.sick
            .store(finding.sickness().is_some(), Ordering::Release);
        last.replace(finding)
    }

    /// True if the last finding is a sickness, however old it is.
    pub(super) fn is_sick(&self) -> bool {
        self.sick.load(Ordering::Acquire)
    }

    /// How long until it is looked at again, if it is sick.
    pub(super) fn sick_for(&self, now: Instant, age: Duration) -> Option<Duration> {
        if !self.is_sick() {
            return None;
        }
        let last = self.last()?;
        last.is_sick(now, age).then(|| last.left(now))
    }

    /// True if it takes requests, as far as its circuit goes.
    pub(super) fn stands(&self, now: Instant) -> bool {
        self.circuit.standing(now).is_ok()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("last", &self.last())
            .finish_non_exhaustive()
    }
}

// ===== impl News =====

impl News {
    /// What becomes of a circuit in this phase: what is recorded in it, with a permit as of which moment.
    ///
    /// While it is closed a success is no news, and is not counted: it would make up for the failures of real
    /// requests. While it rests a failure is no news either, and while a client's request is its probe, that
    /// one decides.
    pub(super) fn effect(self, phase: Phase, now: Instant) -> Option<(Instant, Verdict)> {
        let success = || Verdict::from(Outcome::Success);
        match (self, phase) {
            (_, Phase::HalfOpen { probing: true })
            | (Self::Well { .. }, Phase::Closed)
            | (Self::Well { vouches: false } | Self::Sick { blamed: None }, _) => None,
            // The moment its rest would be over: this success is the probe that would come then.
            (Self::Well { .. }, Phase::Open { until }) => Some((until.max(now), success())),
            (Self::Well { .. }, _) => Some((now, success())),
            (Self::Sick { .. }, Phase::Open { until }) if now < until => None,
            (
                Self::Sick {
                    blamed: Some(verdict),
                },
                _,
            ) => Some((now, verdict)),
        }
    }
}
