use headworks_balance::State;
use headworks_breaker::{Circuit, Phase};
use headworks_limit::Quota;
use std::sync::Arc;

/// How one deployment stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// What its breaker does.
    pub phase: Phase,
    /// Requests sent there whose answers have not ended: a streamed answer counts until its last byte.
    pub in_flight: usize,
    /// Requests that its quota has admitted and whose cost is not settled yet. Where limits are kept, each holds
    /// what it was estimated to cost; of an account, those of all its deployments.
    pub reserved: u64,
}

/// Where a deployment's standing is read.
#[derive(Debug)]
pub(super) struct Stand {
    circuit: Circuit,
    state: Arc<State>,
    quota: Quota,
}

// ===== impl Stand =====

impl Stand {
    pub(super) const fn new(circuit: Circuit, state: Arc<State>, quota: Quota) -> Self {
        Self {
            circuit,
            state,
            quota,
        }
    }

    pub(super) fn now(&self) -> Standing {
        Standing {
            phase: self.circuit.phase(),
            in_flight: self.state.in_flight(),
            reserved: self.quota.in_flight(),
        }
    }
}
