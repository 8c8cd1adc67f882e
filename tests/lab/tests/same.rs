//! The same seed gives the same, byte for byte.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_lab::{Scenario, Told};
use headworks_simulation::Scenarios;

/// A few seconds of everything: several gateways, an outage, sessions, somebody who leaves.
const SCENARIO: &str = r#"
title = "A bit of everything"
about = ""
seed = 3
seconds = 12
strategies = ["weighted-shuffle", "round-robin", "smooth-round-robin", "least-busy", "sticky"]
arrivals = { per_second = 150, sessions = 50 }
gateway = { instances = 3, timeout = 1.0 }

[[deployments]]
name = "many"
count = 5
head = { lognormal = { median = 0.1, sigma = 0.5 } }
rest = { uniform = { from = 0.1, to = 0.4 } }
parallel = 12

[[deployments]]
name = "failing"
weight = 2.0
head = { constant = 0.1 }
rest = { constant = 0.1 }
outages = [{ from = 2, until = 3, with = "silence" }, { from = 7, until = 8, with = "error" }]

[[deployments]]
name = "leaving"
head = { constant = 0.1 }
rest = { constant = 0.1 }
rpm = 600
leaves = 6
"#;

fn told(seed: u64) -> (String, Vec<(String, String)>) {
    let mut scenario: Scenario = Scenarios::parse("everything", SCENARIO).unwrap();
    scenario.seed = seed;
    let told = Told::new(scenario).unwrap();
    (told.section(), told.pictures().collect())
}

#[test]
fn a_seed_tells_all() {
    assert_eq!(told(3), told(3));
}

#[test]
fn another_seed_tells_something_else() {
    assert_ne!(told(3).1, told(4).1);
}
