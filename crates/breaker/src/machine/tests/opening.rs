//! What opens it.

use super::*;

#[test]
fn five_failures_in_a_row_open_it() {
    for outcome in [
        Outcome::Capacity,
        Outcome::ServerFault,
        Outcome::Transport,
        Outcome::Timeout,
    ] {
        let mut bench = Bench::new(policy());
        assert_eq!(bench.attempts(9, outcome), 5);
        assert_eq!(bench.left(), Some(5));
    }
}

#[test]
fn a_success_breaks_the_row_and_what_is_neutral_does_not() {
    let mut bench = Bench::new(policy().share(1.0, 99));
    for _ in 0..9 {
        assert_eq!(bench.attempts(4, Outcome::ServerFault), 4);
        bench.attempt(Outcome::Success);
    }
    assert_eq!(bench.attempts(4, Outcome::ServerFault), 4);
    for neutral in [
        Outcome::CallerFault,
        Outcome::Cancelled,
        Outcome::ContextTooLong,
    ] {
        assert_eq!(bench.attempts(99, neutral), 99);
    }
    assert_eq!(bench.attempts(9, Outcome::ServerFault), 1);
}

#[test]
fn more_than_half_of_at_least_five_open_it() {
    let mut bench = Bench::new(policy());
    for _ in 0..2 {
        bench.attempt(Outcome::Success);
        bench.attempt(Outcome::ServerFault);
    }
    assert_eq!(bench.attempts(9, Outcome::ServerFault), 1, "three of five");

    let mut bench = Bench::new(policy());
    for _ in 0..50 {
        bench.attempt(Outcome::Success);
        bench.attempt(Outcome::ServerFault);
    }
    assert_eq!(bench.left(), None, "half is not more than half");
}

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let mut bench = Bench::new(policy().consecutive(None));
    bench.attempts(4, Outcome::ServerFault);
    bench.wait(60);
    assert_eq!(bench.attempts(4, Outcome::ServerFault), 4);
    bench.wait(40);
    assert_eq!(bench.attempts(4, Outcome::ServerFault), 1);
}

#[test]
fn being_limited_or_turned_down_opens_it_at_once_for_the_hint() {
    for outcome in [Outcome::RateLimited, Outcome::Auth, Outcome::Misconfigured] {
        for (hint, left) in [(42, 42), (2, 5), (100 * 60 * 60, 24 * 60 * 60)] {
            let mut bench = Bench::new(policy());
            bench.attempt(hinted(outcome, hint));
            assert_eq!(bench.left(), Some(left));
        }
    }
}

#[test]
fn allowed_fails_are_counted_together_and_by_no_other_rule() {
    let policy = policy()
        .allowed_fails(3)
        .rule(Outcome::Timeout, Rule::Allowed(1));
    let mut bench = Bench::new(policy.clone());
    bench.attempt(Outcome::RateLimited);
    bench.attempt(Outcome::ServerFault);
    bench.attempt(Outcome::Auth);
    assert_eq!(bench.attempts(9, Outcome::ServerFault), 1, "the fourth");

    let mut bench = Bench::new(policy);
    bench.attempt(Outcome::ServerFault);
    assert_eq!(
        bench.attempts(9, Outcome::Timeout),
        1,
        "the second is one too many"
    );

    let mut bench = Bench::new(BreakerPolicy::new().allowed_fails(999));
    assert_eq!(bench.attempts(999, Outcome::ServerFault), 999);
}

#[test]
fn one_that_never_opens_does_not() {
    let mut bench = Bench::new(BreakerPolicy::never());
    for outcome in Outcome::ALL {
        assert_eq!(bench.attempts(100, outcome), 100);
    }
}

#[test]
fn a_success_of_the_head_is_taken_back_when_the_body_breaks_off() {
    let mut bench = Bench::new(policy());
    let cut = |bench: &mut Bench| {
        let ticket = bench.acquire().unwrap();
        let ticket = bench.report(ticket, Outcome::Success);
        bench.report(ticket, Outcome::Transport);
    };
    for _ in 0..5 {
        assert_eq!(bench.left(), None);
        cut(&mut bench);
    }
    assert_eq!(
        bench.left(),
        Some(5),
        "five of five, though each began well"
    );

    // A probe's head closes the circuit; a body that breaks off then counts as one failure of one.
    bench.wait(5);
    cut(&mut bench);
    assert_eq!(bench.machine.phase(), Phase::Closed);
    let counts = bench.machine.counts(&bench.policy, bench.now);
    assert_eq!((counts.successes, counts.failures), (0, 1));
}
