use super::*;
use headworks_core::{Group, Outcome, Why};
use proptest::prelude::*;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A session of a request that brings `ledger`, with `further` attempts by its policy.
fn session(further: u32, ledger: &Attempts, own: Retries) -> Session {
    let mut extensions = Extensions::new();
    extensions.insert(ledger.clone());
    extensions.insert(own);
    Session::new(&RetryPolicy::new(further), &extensions)
}

/// A ledger whose last attempt had so many other candidates.
fn ledger(further: u32, others: usize) -> Attempts {
    let ledger = Attempts::new(further);
    let _running = ledger.begin(&Group::from("g"), &"d".into(), Why::new("test"), others);
    ledger
}

fn hinted(outcome: Outcome, wait: Duration) -> Verdict {
    Verdict {
        hint: Some(Hint::after(wait)),
        ..outcome.into()
    }
}

#[tokio::test(start_paused = true)]
async fn with_others_free_there_is_no_wait_whatever_the_hint() {
    let now = Instant::now();
    for outcome in Outcome::ALL {
        let mut session = session(1, &ledger(1, 3), Retries::default());
        let next = session.next(&Backoff::new(), hinted(outcome, secs(30)), now);
        let expected = match outcome.may_succeed_elsewhere() {
            true => Next::Again(now),
            false => Next::HandOn,
        };
        assert_eq!(next, expected, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn alone_a_deployment_is_waited_for_if_that_may_help() {
    let now = Instant::now();
    for outcome in Outcome::ALL {
        let mut session = session(1, &ledger(1, 0), Retries::default());
        let next = session.next(&Backoff::new(), hinted(outcome, secs(30)), now);
        let expected = match outcome.may_succeed_here() {
            true => Next::Again(now + secs(30)),
            false => Next::HandOn,
        };
        assert_eq!(next, expected, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_does_not_fit_is_handed_on_and_costs_no_attempt() {
    let now = Instant::now();
    let verdict = hinted(Outcome::RateLimited, secs(30));
    let tight = ledger(1, 0);
    tight.shorten_deadline(now + secs(30));
    let loose = ledger(1, 0);
    loose.shorten_deadline(now + secs(31));
    let patience = |longest| Retries {
        longest_wait: Some(longest),
        ..Retries::default()
    };
    let backoff = Backoff::new();
    for (ledger, own, backoff, fits) in [
        (&tight, Retries::default(), backoff, false),
        (&ledger(1, 0), patience(secs(29)), backoff, false),
        (
            &ledger(1, 0),
            Retries::default(),
            backoff.longest_hint(secs(29)),
            false,
        ),
        (&loose, Retries::default(), backoff, true),
        (&ledger(1, 0), patience(secs(30)), backoff, true),
    ] {
        let next = session(1, ledger, own).next(&backoff, verdict, now);
        assert_eq!(next == Next::Again(now + secs(30)), fits);
        assert_eq!(next == Next::HandOn, !fits);
        assert_eq!(ledger.left(), u32::from(!fits));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_at_or_after_the_deadline_even_elsewhere() {
    let now = Instant::now();
    let ledger = ledger(1, 3);
    ledger.shorten_deadline(now);
    let mut session = session(1, &ledger, Retries::default());
    let next = session.next(&Backoff::new(), Outcome::Capacity.into(), now);
    assert_eq!(next, Next::HandOn);
}

#[tokio::test(start_paused = true)]
async fn no_wait_at_all_still_goes_elsewhere() {
    let now = Instant::now();
    let own = Retries {
        longest_wait: Some(Duration::ZERO),
        ..Retries::default()
    };
    let verdict = Outcome::ServerFault.into();
    let next = |others| session(1, &ledger(1, others), own).next(&Backoff::new(), verdict, now);
    assert_eq!(next(1), Next::Again(now));
    assert_eq!(next(0), Next::HandOn);
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_its_own_number() {
    let number = |further, own| {
        let mut extensions = Extensions::new();
        extensions.insert(Retries {
            further: own,
            ..Retries::default()
        });
        let mut session = Session::new(&RetryPolicy::new(further), &extensions);
        let _running = session
            .ledger()
            .begin(&Group::from("g"), &"d".into(), Why::new("test"), 9);
        let next = |session: &mut Session| {
            session.next(&Backoff::new(), Outcome::Capacity.into(), Instant::now())
        };
        std::iter::repeat_with(|| next(&mut session))
            .take_while(|next| *next != Next::HandOn)
            .count()
    };
    assert_eq!(number(2, None), 2);
    assert_eq!(number(2, Some(5)), 5);
    assert_eq!(number(2, Some(0)), 0);
}

#[tokio::test(start_paused = true)]
async fn two_requests_do_not_wait_in_step() {
    let now = Instant::now();
    let waits = || {
        let mut session = session(8, &ledger(8, 0), Retries::default());
        let next = |_| session.next(&Backoff::new(), Outcome::Capacity.into(), now);
        (0..8).map(next).collect::<Vec<_>>()
    };
    assert_ne!(waits(), waits());
    fastrand::seed(7);
    let seeded = waits();
    fastrand::seed(7);
    assert_eq!(waits(), seeded, "a seeded thread repeats itself");
}

proptest! {
    #[test]
    fn attempts_never_exceed_the_plan_and_the_ledger_agrees(
        further in 0_u32..6,
        in_all in 0_u32..6,
        answers in prop::collection::vec((0..Outcome::ALL.len(), 0_usize..3), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let _entered = runtime.enter();
        let ledger = Attempts::new(in_all);
        let mut session = session(further, &ledger, Retries::default());
        let mut again = 0;
        for (outcome, others) in answers {
            let _running = ledger.begin(&Group::from("g"), &"d".into(), Why::new("test"), others);
            let could = session.may_continue();
            let verdict = Outcome::ALL[outcome].into();
            if session.next(&Backoff::new(), verdict, Instant::now()) != Next::HandOn {
                prop_assert!(could);
                again += 1;
            }
        }
        prop_assert!(again <= further.min(in_all));
        prop_assert_eq!(ledger.left(), in_all - again);
    }
}
