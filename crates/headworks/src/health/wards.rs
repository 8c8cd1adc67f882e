//! The deployments that are checked, and what follows from what is found.

use super::{Finding, HealthGate, HealthPolicy, Sickness, check::Check, record::News};
use crate::breaker::Circuit;
use headworks_core::{Group, Outcome};
use std::fmt;
use tokio::{sync::Semaphore, time::Instant};

/// What the handle, the tasks in the background and the reports under way share.
pub(super) struct Wards {
    policy: HealthPolicy,
    watched: Vec<Watched>,
    slots: Semaphore,
}

/// One deployment.
pub(super) struct Watched {
    pub(super) group: Group,
    pub(super) model: String,
    pub(super) api_base: String,
    pub(super) circuit: Circuit,
    pub(super) background: bool,
    /// Whether a check shows all that a client would ask for.
    pub(super) thorough: bool,
    pub(super) check: Check,
    pub(super) gate: HealthGate,
}

// ===== impl Wards =====

impl Wards {
    pub(super) fn new(policy: HealthPolicy, watched: Vec<Watched>) -> Self {
        Self {
            slots: Semaphore::new(policy.concurrency),
            policy,
            watched,
        }
    }

    pub(super) const fn policy(&self) -> &HealthPolicy {
        &self.policy
    }

    pub(super) fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Checks the deployment at this place, once there is a slot.
    pub(super) async fn check(&self, place: usize) -> Result<(), Sickness> {
        // Nobody closes the semaphore.
        let _slot = self.slots.acquire().await;
        (self.watched[place].check)().await
    }

    /// Keeps what was found, and lets it have its effects. `due` is when it will be looked at again.
    pub(super) fn note(&self, place: usize, found: Result<(), Sickness>, due: Option<Instant>) {
        let watched = &self.watched[place];
        let now = Instant::now();
        let ignored = found
            .as_ref()
            .err()
            .filter(|sickness| self.policy.ignore_transient && sickness.is_transient());
        let finding = match ignored {
            // What was known stays known, until it is stale.
            Some(_) if watched.gate.record().last().is_some() => return,
            Some(_) => Finding::new(Ok(()), now, due),
            None => Finding::new(found, now, due),
        };
        let before = watched.gate.record().note(finding);
        let was_sick = before.is_some_and(|finding| finding.sickness().is_some());
        watched.tell(was_sick, finding.sickness());
        let news = match finding.sickness() {
            None => News::Well {
                vouches: watched.thorough || was_sick,
            },
            Some(sickness) => News::Sick {
                blamed: watched.gate.is_shut(now).then(|| sickness.verdict()),
            },
        };
        watched.circuit_hears(news, now);
    }
}

// ===== impl Watched =====

impl Watched {
    fn circuit_hears(&self, news: News, now: Instant) {
        let Some((at, verdict)) = news.effect(self.circuit.phase(), now) else {
            return;
        };
        // Lost to a client's request that came between, it is that one's to say how it went.
        if let Ok(permit) = self.circuit.acquire(at)
            && (permit.is_probe() || verdict.outcome != Outcome::Success)
        {
            permit.record(verdict, now);
        }
    }

    fn tell(&self, was_sick: bool, sickness: Option<Sickness>) {
        let (id, group) = (self.gate.record().id(), &self.group);
        match sickness {
            Some(sickness) if !was_sick => tracing::warn!(
                deployment = %id, %group, reason = %sickness, "a deployment failed its health check"
            ),
            None if was_sick => {
                tracing::info!(deployment = %id, %group, "a deployment passes its health check again");
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("group", &self.group)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
