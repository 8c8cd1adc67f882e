//! The contract of every layer, kept by a `Balance` whatever its strategy and by the load.

use headworks_balance::{Balance, Endpoint, State, Strategy};
use headworks_core::{Attempts, Outcome};
use std::sync::Arc;
use tower_layer::Layer;

/// Balances over one endpoint: the service within.
#[derive(Clone, Debug)]
struct Lone(Strategy, Arc<State>);

impl<S: Clone> Layer<S> for Lone {
    type Service = Balance<S>;

    fn layer(&self, inner: S) -> Balance<S> {
        let endpoint = Endpoint::new("lone", inner).state(self.1.clone());
        Balance::new("g", &self.0, [endpoint])
    }
}

fn recorded(_: &Lone, ledger: &Attempts) -> Vec<Outcome> {
    let verdicts = ledger.attempts().into_iter().map(|attempt| attempt.verdict);
    verdicts.flatten().map(|verdict| verdict.outcome).collect()
}

// One allocation for the record in the ledger, three for the id among the extensions of the answer.
const ALLOCATIONS: u64 = 4;

mod weighted_shuffle {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::WeightedShuffle, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS,
        state: none,
        records: recorded,
    }
}

mod round_robin {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::RoundRobin, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS,
        state: none,
        records: recorded,
    }
}

mod smooth_round_robin {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::SmoothRoundRobin, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS,
        state: none,
        records: recorded,
    }
}

mod sticky {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::default().sticky(), Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS,
        state: none,
        records: recorded,
    }
}

mod least_busy {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::LeastBusy, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        // One more in tower's Balance: the endpoint that was called waits to be ready again.
        allocations: ALLOCATIONS + 1,
        state: none,
        records: recorded,
    }
}

mod least_latency {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::LeastLatency, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS + 1,
        state: none,
        records: recorded,
    }
}

mod least_used {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::LeastUsed, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS + 1,
        state: none,
        records: recorded,
    }
}

mod cheapest {
    use super::*;

    headworks_contract::suite! {
        layer: || Lone(Strategy::Cheapest, Arc::default()),
        bodies: any,
        readiness: its_own,
        errors: boxed,
        allocations: ALLOCATIONS,
        state: none,
        records: recorded,
    }
}

mod in_flight {
    use headworks_balance::load::InFlightLayer;

    headworks_contract::suite! {
        layer: InFlightLayer::new,
        bodies: any,
        readiness: passed_through,
        errors: passed_through,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod latency {
    use headworks_balance::load::LatencyLayer;

    headworks_contract::suite! {
        layer: LatencyLayer::new,
        bodies: any,
        readiness: passed_through,
        errors: boxed,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod usage {
    use headworks_balance::load::{Limits, UsageLayer};

    headworks_contract::suite! {
        layer: || UsageLayer::new(Limits::default()),
        bodies: any,
        readiness: passed_through,
        errors: passed_through,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod cost {
    use headworks_balance::load::CostLayer;

    headworks_contract::suite! {
        layer: || CostLayer::new(1.0),
        bodies: any,
        readiness: passed_through,
        errors: passed_through,
        allocations: 0,
        state: none,
        records: none,
    }
}
