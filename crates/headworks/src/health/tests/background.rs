//! When checks run.

use super::*;
use std::collections::HashSet;

/// As many deployments as fakes, checked in the background.
fn watched(policy: HealthPolicy, fakes: &[Fake]) -> Health {
    let mut checks = HealthBuilder::new(policy.background(true).seed(7));
    for (id, fake) in fakes.iter().enumerate() {
        add(&mut checks, &id.to_string(), &circuit(), fake);
    }
    checks.build()
}

fn fakes(count: usize, status: u16) -> Vec<Fake> {
    (0..count).map(|_| Fake::new(status)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_round_is_spread_and_no_two_stay_in_step() {
    let begun = Instant::now();
    let fakes = fakes(10, 200);
    let health = watched(HealthPolicy::new(), &fakes);
    sleep(seconds(11)).await;
    let firsts: Vec<_> = fakes.iter().map(|fake| fake.times()[0] - begun).collect();
    assert!(firsts.is_sorted());
    assert!(firsts[9] >= seconds(9) && firsts[9] <= seconds(10));

    sleep(seconds(3600)).await;
    let mut moments = HashSet::new();
    for fake in &fakes {
        let times = fake.times();
        assert!((11..=14).contains(&times.len()), "{}", times.len());
        for pair in times.windows(2) {
            let pause = pair[1] - pair[0];
            assert!(pause >= seconds(270) && pause <= seconds(331), "{pause:?}");
        }
        moments.extend(times.iter().map(|at| (*at - begun).as_secs()));
    }
    let checks: usize = fakes.iter().map(Fake::count).sum();
    assert!(
        moments.len() > checks * 9 / 10,
        "{} of {checks}",
        moments.len()
    );
    drop(health);
}

#[tokio::test(start_paused = true)]
async fn what_is_sick_is_looked_after_sooner() {
    let fakes = fakes(1, 503);
    let health = watched(HealthPolicy::new(), &fakes);
    sleep(seconds(310)).await;
    let sick = fakes[0].count();
    assert!((9..=13).contains(&sick), "{sick}");
    fakes[0].says(200);
    sleep(seconds(35)).await;
    let recovered = fakes[0].count();
    sleep(seconds(230)).await;
    assert_eq!(fakes[0].count(), recovered);
    drop(health);
}

#[tokio::test(start_paused = true)]
async fn no_more_run_at_a_time_than_are_allowed() {
    let one = Fake::new(200).takes(seconds(20));
    let all = vec![one.clone(); 12];
    let health = watched(HealthPolicy::new().concurrency(3), &all);
    // A report asks for the rest at once: the bound is the same one.
    let report = timeout(seconds(3), health.report(None)).await;
    assert!(report.is_err());
    sleep(seconds(120)).await;
    assert_eq!(one.0.lock().most, 3);
    assert!(one.count() >= 12);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_keeps_nobody_waiting() {
    let fakes = [Fake::new(200).takes(seconds(3600)), Fake::new(200)];
    let health = watched(HealthPolicy::new().interval(seconds(10)), &fakes);
    sleep(seconds(105)).await;
    assert!(fakes[1].count() >= 9);
    assert_eq!(fakes[0].count(), 2);
    drop(health);
}

#[tokio::test(start_paused = true)]
async fn checks_end_with_the_handle() {
    let fakes = fakes(3, 200);
    let health = watched(HealthPolicy::new().interval(seconds(1)), &fakes);
    sleep(seconds(10)).await;
    assert!(fakes[0].count() >= 8);
    drop(health);
    let before = fakes[0].count();
    sleep(seconds(600)).await;
    assert_eq!(fakes[0].count(), before);
}

#[tokio::test(start_paused = true)]
async fn who_opts_out_is_not_checked_in_the_background() {
    let (a, b) = (Fake::new(200), Fake::new(200));
    let mut checks = HealthBuilder::new(HealthPolicy::new().background(true));
    checks.add(subject("a", &circuit(), a.service()).background(false));
    add(&mut checks, "b", &circuit(), &b);
    let health = checks.build();
    sleep(seconds(3600)).await;
    assert_eq!(a.count(), 0);
    assert_eq!(health.finding(&"a".into()), None);
    assert!(b.count() >= 10);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_without_being_asked_for() {
    let fake = Fake::new(200);
    let mut checks = HealthBuilder::new(HealthPolicy::new().routing(true));
    add(&mut checks, "a", &circuit(), &fake);
    let health = checks.build();
    sleep(seconds(3600)).await;
    assert_eq!(fake.count(), 0);
    assert_eq!(health.finding(&"a".into()), None);
}
