//! The contract every layer is held to, on this one.

use headworks_alias::{AliasLayer, Aliases};

headworks_contract::suite! {
    layer: || AliasLayer::new(Aliases::default()),
    bodies: any,
    readiness: passed_through,
    errors: passed_through,
    // The group, boxed by the request's extensions.
    allocations: 1,
    state: none,
    records: none,
}
