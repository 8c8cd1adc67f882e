//! What is promised of the strategies, in the scenarios of the lab. Where a part of the stack is what keeps a
//! promise, the test also shows that without it the promise is broken.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_lab::{
    Choice, Figures, Log, SCENARIOS, Scenario, homes, rates, run, worst_load, worst_second,
};

/// Who has the outage of `herd`.
const BACK: usize = 9;

fn named(name: &str) -> Scenario {
    SCENARIOS.read(name).unwrap()
}

fn figures(scenario: &Scenario, choice: Choice) -> Figures {
    Figures::new(scenario, &run(scenario, choice).unwrap())
}

#[test]
fn least_latency_leaves_one_that_is_ten_times_slower_and_nobody_waits_for_it() {
    // Half a minute of it, of which the beginning, when nobody knows anything, is the harder part.
    let short = |name| Scenario {
        seconds: 30,
        ..named(name)
    };
    let with = figures(&short("one-slow"), Choice::LeastLatency);
    let without = figures(&short("nine-alike"), Choice::LeastLatency);
    assert!(with.shares[9] < 0.02, "{with:?}");
    assert!(with.p99 < without.p99 * 1.15, "{with:?} {without:?}");

    let unaware = figures(&short("one-slow"), Choice::WeightedShuffle);
    assert!(unaware.shares[9] > 0.09 && unaware.p99 > without.p99 * 5.0);
}

#[test]
fn least_busy_at_saturation_sends_little_to_one_that_is_ten_times_slower() {
    let share = |choice| figures(&named("saturated"), choice).shares[9];
    assert!(share(Choice::LeastBusy) < 0.03);
    assert!(share(Choice::RoundRobin) > 0.09, "who does not look does");
}

#[test]
fn one_that_fails_fast_with_429_attracts_nothing() {
    let mut limited = named("limited");
    limited.seconds = 20;
    for choice in &limited.strategies {
        let figures = figures(&limited, *choice);
        assert!(figures.shares[9] < 0.001, "{choice:?}: {figures:?}");
        assert_eq!(figures.errors, 0.0, "{choice:?}");
        assert!(figures.calls_per_request < 1.001, "{choice:?}: {figures:?}");
    }
}

#[test]
fn without_a_breaker_least_busy_takes_a_quick_refusal_for_idleness() {
    let mut limited = named("limited");
    limited.gateway.breaker = false;
    limited.seconds = 10;
    assert!(figures(&limited, Choice::LeastBusy).shares[9] > 0.15);
}

/// The average of the calls that the one that was away got in each of these seconds, as a part of all.
fn share_back(scenario: &Scenario, log: &Log, from: usize, until: usize) -> f64 {
    let rates = rates(scenario, log);
    let count = |of: &Vec<f64>| of[from..until].iter().sum::<f64>();
    count(&rates[BACK]) / rates.iter().map(count).sum::<f64>()
}

/// The outage of four seconds ends then.
fn away_until(herd: &mut Scenario, until: f64) {
    let outage = &mut herd.deployments[1].outages[0];
    (outage.from, outage.until) = (until - 4.0, until);
}

#[test]
fn ten_seconds_after_an_outage_the_share_is_back_and_nobody_was_flooded_on_the_way() {
    for choice in named("herd").strategies {
        // Latencies take longer to be known; the others are as they will be after a few seconds.
        let ends = match choice {
            Choice::LeastLatency => 20,
            _ => 10,
        };
        let mut herd = named("herd");
        away_until(&mut herd, f64::from(ends));
        herd.seconds = ends + 16;
        let log = run(&herd, choice).unwrap();
        let end = herd.seconds as usize;
        let share = share_back(&herd, &log, end - 6, end);
        let worst = worst_second(&herd, &log, f64::from(ends), f64::from(herd.seconds));
        assert!((0.09..0.11).contains(&share), "{choice:?}: {share}");
        assert!(worst < 1.5, "{choice:?}: {worst}");
    }
}

#[test]
fn without_a_slow_start_least_busy_floods_the_one_that_is_back() {
    let mut herd = named("herd");
    herd.gateway.slow_start = Some(0.0);
    away_until(&mut herd, 10.0);
    herd.seconds = 18;
    let log = run(&herd, Choice::LeastBusy).unwrap();
    let worst = worst_second(&herd, &log, 10.0, 18.0);
    assert!(worst > 1.8, "{worst}");
}

#[test]
fn after_a_long_outage_it_is_ten_seconds_from_the_probe_that_found_it_well() {
    let mut herd = named("herd");
    herd.seconds = 68;
    herd.arrivals.per_second = Some(500.0);
    let ends = 33.0;
    herd.deployments[1].outages[0].until = ends;
    let log = run(&herd, Choice::LeastBusy).unwrap();
    let mut calls = log.calls.iter().filter(|call| call.deployment == BACK);
    let probe = calls.find(|call| call.began >= ends).unwrap().began;
    // The third rest in a row is one of twenty seconds and up to a tenth more.
    assert!(probe < ends + 22.0, "{probe}");
    let share = share_back(&herd, &log, probe as usize + 10, 68);
    assert!((0.09..0.11).contains(&share), "{share}");
}

#[test]
fn when_one_of_ten_leaves_the_sessions_of_the_others_stay_and_nobody_is_overloaded() {
    let leaving = named("leaving");
    let log = run(&leaving, Choice::Sticky).unwrap();
    let kept = Figures::new(&leaving, &log).kept;
    assert!(kept.unwrap() >= 0.97, "{kept:?}");
    let load = worst_load(&leaving, &log, 20.0, 40.0);
    assert!(load < 1.25, "{load}");
    // All of its sessions have a home again.
    assert!(homes(&leaving, &log, 20.0, 40.0).iter().flatten().count() > 2_990);

    let mut leaving = leaving;
    leaving.seconds = 20;
    leaving.deployments[1].leaves = Some(10.0);
    let shuffled = figures(&leaving, Choice::WeightedShuffle);
    assert!(shuffled.kept.unwrap() < 0.2, "who does not stick does not");
}

#[test]
fn two_hundred_gateways_that_know_nothing_of_each_other_stay_in_balance() {
    let instances = named("instances");
    for choice in &instances.strategies {
        let log = run(&instances, *choice).unwrap();
        let figures = Figures::new(&instances, &log);
        assert!(figures.imbalance < 1.1, "{choice:?}: {figures:?}");
        // Arrivals alone make for 1.4 or so.
        let settled = worst_second(&instances, &log, 5.0, 12.0);
        assert!(settled < 1.6, "{choice:?}: {settled}");
        // From the first second on: no two of them begin at the same place but by chance.
        assert!(figures.worst_second < 1.6, "{choice:?}: {figures:?}");
    }
}
