//! The contract every layer is held to, on this one.

#![expect(clippy::expect_used, reason = "a failed step fails its test")]

use headworks_core::Secret;
use headworks_provider::{SignInLayer, Target};

fn target() -> Target {
    let target = Target::builder("openai/gpt-4o")
        .api_base("http://upstream.test/v1")
        .api_key(Secret::from("sk-ours"));
    target.build().expect("a target of valid parts")
}

headworks_contract::suite! {
    layer: || SignInLayer::new(target()),
    bodies: spliced,
    readiness: passed_through,
    errors: passed_through,
    allocations: 0,
    state: none,
    records: none,
}
