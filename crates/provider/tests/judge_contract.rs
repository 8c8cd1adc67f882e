//! The contract every layer is held to, on the one that judges errors.

use headworks_provider::{Provider, verdict::JudgeLayer};

headworks_contract::suite! {
    layer: || JudgeLayer::new(Provider::find("openai").expect("a row of the table")),
    bodies: any,
    readiness: passed_through,
    errors: passed_through,
    allocations: 0,
    state: none,
    records: none,
}
