//! The same seed gives the same, byte for byte.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_scale::{Scenario, Told};
use headworks_simulation::Scenarios;

/// A few seconds of everything that may go wrong.
const SCENARIO: &str = r#"
title = "A bit of everything"
about = ""
seed = 3
seconds = 20
instances = [4, 11]
quotas = 2
lag = 0.01
limits = { rpm = 6000, tpm = 3_000_000 }
network = { lost_questions = 0.01, lost_answers = 0.02 }
events = [
    { from = 2, until = 4, what = { partition = 0.5 } },
    { from = 5, until = 7, what = "down" },
    { from = 8, until = 9, what = "paused" },
    { from = 10, what = "emptied" },
    { from = 11, what = { clock = 5.0 } },
    { from = 12, what = { clock = -5.0 } },
    { from = 13, until = 18, what = { crash = 1.0 } },
]

[demand]
per_second = 300
spread = "zipf"
tokens = { prompt = { lognormal = { median = 500, sigma = 1.0 } }, answer = { uniform = { from = 0, to = 300 } }, reserved = 200 }
"#;

fn told(seed: u64) -> (String, (String, String)) {
    let mut scenario: Scenario = Scenarios::parse("everything", SCENARIO).unwrap();
    scenario.seed = seed;
    let told = Told::new(scenario).unwrap();
    (told.section(), told.picture())
}

#[test]
fn a_seed_tells_all() {
    assert_eq!(told(3), told(3));
}

#[test]
fn another_seed_tells_something_else() {
    assert_ne!(told(3).1, told(4).1);
}
