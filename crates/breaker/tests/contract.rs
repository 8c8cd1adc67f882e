//! The contract every layer is held to, on this one.

use headworks_breaker::{BreakerLayer, BreakerPolicy, Circuit};
use tokio::time::Instant;

headworks_contract::suite! {
    layer: || BreakerLayer::new(Circuit::new(BreakerPolicy::new())),
    bodies: any,
    readiness: passed_through,
    errors: boxed,
    allocations: 0,
    state: |layer: &BreakerLayer| layer.circuit().counts(Instant::now()),
    // It keeps counts, not outcomes; what each outcome does to them is in its own tests.
    records: none,
}
