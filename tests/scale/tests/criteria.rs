//! What is promised of limits that are shared, in the scenarios of the page: with a part of their traffic, and fewer
//! instances.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_scale::{Figures, SCENARIOS, Scenario, run};
use headworks_simulation::Scenarios;

/// A scenario with a part of the demand and of the limits, which are as large for each instance as on the page with
/// so many times as many.
fn smaller(name: &str, times: u32) -> Scenario {
    let mut scenario: Scenario = SCENARIOS.read(name).unwrap();
    let limits = &mut scenario.limits;
    if scenario.demand.per_second > 100.0 {
        scenario.demand.per_second /= f64::from(times);
        limits.rpm = limits.rpm.map(|limit| limit / u64::from(times));
        limits.tpm = limits.tpm.map(|limit| limit / u64::from(times));
    }
    scenario
}

fn figures(scenario: &Scenario, instances: usize) -> Figures {
    Figures::new(scenario, instances, &run(scenario, instances).unwrap())
}

#[test]
fn no_scenario_goes_further_beyond_a_limit_than_the_formula_says() {
    for name in SCENARIOS.names() {
        let scenario = smaller(name, 100);
        for rate in &figures(&scenario, 10).rates {
            assert!(rate.overshoot() <= rate.bound.total(), "{name}: {rate:?}");
            let all_is_well = scenario.events.is_empty() && !scenario.together;
            if all_is_well && scenario.demand.tokens.is_none() {
                assert_eq!(rate.overshoot(), 0, "{name}: {rate:?}");
            }
        }
    }
}

/// Ten instances, of which the largest requests are more than a tenth of the limit, without a store.
const LARGE: &str = r#"
title = "Requests larger than an instance's share"
about = ""
seed = 1
seconds = 100
limits = { tpm = 200_000 }
alone = 0.1
events = [{ from = 0, until = 90, what = "down" }]

[demand]
per_second = 20
tokens = { prompt = { uniform = { from = 15_000, to = 40_000 } }, answer = { uniform = { from = 10, to = 100 } }, reserved = 100 }
"#;

#[test]
fn what_is_larger_than_a_share_goes_alone_and_the_formula_knows_of_it() {
    let rate = figures(&Scenarios::parse("large", LARGE).unwrap(), 10).rates[0];
    assert!(rate.overshoot() > 0, "{rate:?}");
    assert!(rate.overshoot() <= rate.bound.total(), "{rate:?}");
}

#[test]
fn a_partition_costs_what_the_formula_says_and_hardly_less() {
    let rate = figures(&smaller("partition", 100), 10).rates[0];
    let part = rate.overshoot() as f64 / rate.limit as f64;
    assert!((0.18..=0.2).contains(&part), "{rate:?}");
    assert!(rate.overshoot() * 10 >= rate.bound.total() * 9, "{rate:?}");
}

#[test]
fn nearly_all_of_a_limit_is_used_where_more_is_asked_for_by_all_or_by_one() {
    for name in ["even", "zipf", "one"] {
        let unused = figures(&smaller(name, 50), 10).rates[0].unused;
        assert!(unused.unwrap() < 0.05, "{name}: {unused:?}");
    }
}

#[test]
fn where_there_is_room_hardly_anybody_is_refused() {
    let refused = figures(&smaller("below", 50), 10).refused_with_room;
    assert!(refused.unwrap() < 0.01, "{refused:?}");
}

#[test]
fn a_restart_of_the_store_is_over_when_it_is_back() {
    // Before, and after the two seconds in which those with more than their part are refused.
    let scenario = smaller("restarted", 50);
    let log = run(&scenario, 10).unwrap();
    let asked = log.asked.within(64_000..130_000) as f64;
    let refused = log.refused.within(64_000..130_000) as f64;
    assert!(refused / asked < 0.02, "{refused} of {asked}");
}

#[test]
fn a_limit_smaller_than_the_number_of_instances_is_used_by_who_waits_for_the_exchange() {
    let unused = |name| {
        let mut scenario = smaller(name, 1);
        scenario.seconds = 63;
        figures(&scenario, 200).rates[0].unused.unwrap()
    };
    assert!(unused("waiting") < 0.1);
    assert!(unused("small") > 0.5, "who does not wait has nothing of it");
}

#[test]
fn instances_that_start_together_do_not_ask_together_for_long() {
    let mut scenario = smaller("together", 50);
    scenario.seconds = 20;
    let log = run(&scenario, 50).unwrap();
    let at_once = log.exchanges.part(10_000..20_000).most(10);
    assert!(at_once < 25, "{at_once} of 50 within ten milliseconds");
}
