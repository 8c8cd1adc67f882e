//! For how long it stays open.

use super::*;
use std::collections::HashSet;

#[test]
fn a_failed_probe_opens_it_again_for_longer_each_time_up_to_the_longest() {
    let mut bench = Bench::new(policy());
    bench.attempts(5, Outcome::ServerFault);
    for left in [5, 10, 20, 40, 60, 60] {
        assert_eq!(bench.left(), Some(left));
        bench.wait(left);
        bench.attempt(Outcome::Timeout);
    }
}

#[test]
fn openings_that_follow_soon_grow_and_a_quiet_window_begins_anew() {
    let mut bench = Bench::new(policy());
    for (quiet, left) in [(0, 5), (59, 10), (59, 20), (60, 5)] {
        bench.wait(quiet);
        bench.attempts(9, Outcome::ServerFault);
        assert_eq!(bench.left(), Some(left));
        bench.wait(left);
        bench.attempt(Outcome::Success);
    }
}

#[test]
fn a_cooldown_above_the_longest_stays_what_it_is() {
    let mut bench = Bench::new(policy().cooldown(secs(100)));
    bench.attempts(5, Outcome::ServerFault);
    assert_eq!(bench.left(), Some(100));
    bench.wait(100);
    bench.attempt(Outcome::ServerFault);
    assert_eq!(bench.left(), Some(100));
}

#[test]
fn jitter_only_ever_adds_and_at_most_its_share() {
    let rests: HashSet<_> = (0..100)
        .map(|_| {
            let mut bench = Bench::new(BreakerPolicy::new().jitter(0.2));
            bench.attempts(5, Outcome::ServerFault);
            let Err(Reason::Resting(left)) = bench.acquire() else {
                panic!("five failures open it");
            };
            assert!((secs(5)..=secs(6)).contains(&left), "{left:?}");
            left
        })
        .collect();
    assert!(rests.len() > 50);
}

#[test]
fn no_time_is_too_long() {
    for policy in [
        policy().cooldown(Duration::MAX).jitter(1.0),
        policy().longest_hint(Duration::MAX).longest(Duration::MAX),
        policy().window(Duration::MAX),
        policy().window(Duration::ZERO),
    ] {
        let mut bench = Bench::new(policy);
        bench.attempt(hinted(Outcome::RateLimited, u64::MAX));
        assert!(bench.acquire().is_err());
    }
}

#[test]
fn a_hint_that_comes_late_makes_a_rest_longer_and_never_shorter() {
    let mut bench = Bench::new(policy());
    let early: Vec<_> = (0..3).map(|_| bench.acquire().unwrap()).collect();
    bench.attempt(hinted(Outcome::RateLimited, 20));
    bench.report(early[0], hinted(Outcome::RateLimited, 10));
    assert_eq!(bench.left(), Some(20));
    bench.report(early[1], hinted(Outcome::RateLimited, 30));
    assert_eq!(bench.left(), Some(30));
    bench.report(early[2], hinted(Outcome::CallerFault, 99));
    assert_eq!(bench.left(), Some(30), "the caller's fault says nothing");
}
