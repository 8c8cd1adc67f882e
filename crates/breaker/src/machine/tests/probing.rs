//! Who is let through while it is open.

use super::*;

#[test]
fn after_its_time_one_probe_passes_and_its_success_closes_it() {
    let mut bench = Bench::new(policy());
    bench.attempt(hinted(Outcome::RateLimited, 30));
    bench.wait(29);
    assert_eq!(bench.acquire(), Err(Reason::Resting(secs(1))));
    bench.wait(1);
    let probe = bench.acquire().unwrap();
    assert!(probe.probe);
    assert_eq!(bench.acquire(), Err(Reason::Full));
    bench.report(probe, Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
    assert!(!bench.acquire().unwrap().probe);
}

#[test]
fn a_neutral_probe_gives_its_place_to_the_next() {
    let mut bench = Bench::new(policy());
    bench.attempt(hinted(Outcome::RateLimited, 5));
    bench.wait(5);
    for _ in 0..3 {
        bench.attempt(Outcome::CallerFault);
        let probe = bench.acquire().unwrap();
        assert!(probe.probe);
        bench.machine.release(probe);
    }
    bench.attempt(Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
}

#[test]
fn what_was_begun_before_it_opened_is_not_taken_for_the_probe() {
    let mut bench = Bench::new(policy());
    let early: Vec<_> = (0..4).map(|_| bench.acquire().unwrap()).collect();
    bench.attempt(Outcome::RateLimited);
    bench.wait(5);
    let probe = bench.acquire().unwrap();
    bench.report(early[0], Outcome::Success);
    bench.report(early[1], Outcome::ServerFault);
    bench.report(early[2], hinted(Outcome::RateLimited, 99));
    bench.machine.release(early[3]);
    assert_eq!(bench.machine.phase(), Phase::HalfOpen { probing: true });
    bench.report(probe, Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
}

#[test]
fn whoever_is_asked_although_it_rests_closes_it_by_a_success_and_by_nothing_else() {
    let mut bench = Bench::new(policy());
    bench.attempt(Outcome::RateLimited);
    let anyway = |bench: &mut Bench| bench.machine.acquire_anyway(bench.now).unwrap();
    for outcome in [
        Outcome::ServerFault,
        Outcome::CallerFault,
        Outcome::Cancelled,
    ] {
        let ticket = anyway(&mut bench);
        bench.report(ticket, outcome);
        assert_eq!(bench.left(), Some(5), "{outcome:?}");
    }
    let ticket = anyway(&mut bench);
    bench.report(ticket, hinted(Outcome::RateLimited, 60));
    assert_eq!(bench.left(), Some(60), "a hint makes the rest longer");

    let (early, ticket) = (anyway(&mut bench), anyway(&mut bench));
    let ticket = bench.report(ticket, Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
    // The body of the one that closed it breaks off; the other is of the past.
    bench.report(ticket, Outcome::Transport);
    bench.report(early, Outcome::ServerFault);
    let counts = bench.machine.counts(&bench.policy, bench.now);
    assert_eq!((counts.successes, counts.failures), (0, 1));
}

#[test]
fn whoever_is_asked_although_it_rests_is_the_probe_where_one_is_due_and_not_a_second_one() {
    let mut bench = Bench::new(policy());
    bench.attempt(Outcome::RateLimited);
    bench.wait(5);
    let now = bench.now;
    assert!(bench.machine.acquire_anyway(now).unwrap().probe);
    assert_eq!(bench.machine.acquire_anyway(now), Err(Reason::Full));
}

#[test]
fn a_lone_deployment_is_never_rested_but_asked_one_at_a_time_when_it_fails_outright() {
    let mut bench = Bench::new(policy().lone(true));
    for _ in 0..50 {
        bench.attempt(Outcome::Success);
        bench.attempt(hinted(Outcome::RateLimited, 99));
        bench.attempt(Outcome::Auth);
        bench.attempt(Outcome::ServerFault);
    }
    assert_eq!(bench.machine.phase(), Phase::Closed, "not outright");

    bench.attempts(5, Outcome::RateLimited);
    for _ in 0..3 {
        let probe = bench.acquire().unwrap();
        assert!(probe.probe);
        assert_eq!(bench.acquire(), Err(Reason::Full));
        bench.report(probe, hinted(Outcome::RateLimited, 99));
    }
    bench.attempt(Outcome::Success);
    assert_eq!(bench.machine.phase(), Phase::Closed);
}
