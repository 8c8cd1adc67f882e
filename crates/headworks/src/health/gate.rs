use super::{HealthPolicy, record::Record};
use crate::balance::Gate;
use headworks_core::Reason;
use parking_lot::RwLock;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The gate of one deployment: shut while it is sick and another of its group is not.
///
/// A deployment that nobody can stand in for is never taken out: another counts if it is well and its circuit
/// admits requests. A sickness that is older than
/// [`stale_after`](HealthPolicy::stale_after) counts as well.
///
/// The reason it gives is [`Reason::Resting`] until the next check, so that a deployment which is well again
/// starts slowly, as one does that has rested. A clone is the same gate.
#[derive(Clone)]
pub struct HealthGate {
    record: Arc<Record>,
    peers: Peers,
    /// How old a sickness may be; `None` if the gate never shuts.
    age: Option<Duration>,
}

/// The deployments of a group, itself included.
#[derive(Clone, Default)]
pub(super) struct Peers(Arc<RwLock<Vec<Arc<Record>>>>);

/// A check that is due takes its time, and nobody should come back before it is done.
const AT_LEAST: Duration = Duration::from_secs(1);

// ===== impl HealthGate =====

impl HealthGate {
    /// The gate of a deployment, which becomes one of its `peers`.
    pub(super) fn new(record: Arc<Record>, peers: Peers, policy: &HealthPolicy) -> Self {
        peers.0.write().push(record.clone());
        Self {
            record,
            peers,
            age: policy.steers().then(|| policy.age()),
        }
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// True if the deployment is taken out at `now`.
    pub(super) fn is_shut(&self, now: Instant) -> bool {
        self.shut_for(now).is_some()
    }

    fn shut_for(&self, now: Instant) -> Option<Duration> {
        let age = self.age?;
        let left = self.record.sick_for(now, age)?;
        let peers = self.peers.0.read();
        let another = peers.iter().any(|peer| {
            !Arc::ptr_eq(peer, &self.record)
                && peer.sick_for(now, age).is_none()
                && peer.stands(now)
        });
        another.then_some(left.max(AT_LEAST))
    }
}

impl Gate for HealthGate {
    fn check(&self) -> Result<(), Reason> {
        if self.age.is_none() || !self.record.is_sick() {
            return Ok(());
        }
        match self.shut_for(Instant::now()) {
            Some(left) => Err(Reason::Resting(left)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for HealthGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthGate")
            .field("record", &self.record)
            .field("age", &self.age)
            .finish_non_exhaustive()
    }
}

// ===== impl Peers =====

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peers = self.0.read();
        f.debug_list()
            .entries(peers.iter().map(|peer| peer.id()))
            .finish()
    }
}
