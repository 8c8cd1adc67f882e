//! The contract every layer is held to, on this one.

use headworks_limit::{Limits, Quota, RateLimitLayer};
use tokio::time::Instant;

headworks_contract::suite! {
    layer: || {
        let day = headworks_limit::Period::Day;
        let limits = Limits::new().rpm(1_000_000).tpm(1_000_000).rate(headworks_limit::Unit::Requests, day, 1_000_000);
        RateLimitLayer::new(Quota::new(limits.parallel(1_000_000)))
    },
    bodies: any,
    readiness: passed_through,
    errors: boxed,
    allocations: 0,
    state: |layer: &RateLimitLayer| layer.quota().usage(Instant::now()),
    // It keeps counts, not outcomes; what each outcome does to them is in its own tests.
    records: none,
}
