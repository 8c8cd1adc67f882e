//! The contract every layer is held to, on these three.

use headworks_timeout::{AttemptTimeoutLayer, DeadlineLayer, StreamTimeoutLayer};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

mod deadline {
    use super::*;

    headworks_contract::suite! {
        layer: || DeadlineLayer::new(LONG),
        bodies: any,
        readiness: passed_through,
        errors: boxed,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod attempt_timeout {
    use super::*;

    headworks_contract::suite! {
        layer: || AttemptTimeoutLayer::new(LONG),
        bodies: any,
        readiness: passed_through,
        errors: boxed,
        allocations: 0,
        state: none,
        records: none,
    }
}

mod stream_timeout {
    use super::*;

    headworks_contract::suite! {
        layer: || StreamTimeoutLayer::new().head(LONG).idle(LONG),
        bodies: any,
        readiness: passed_through,
        errors: boxed,
        allocations: 0,
        state: none,
        records: none,
    }
}
