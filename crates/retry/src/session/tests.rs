use super::*;
use crate::{Budget, Further};
use headworks_core::{Outcome, Why};
use proptest::prelude::*;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A session of a request for the group "g" that brings `ledger`.
fn session(policy: &RetryPolicy, ledger: &Attempts, own: Retries) -> Session {
    let mut extensions = Extensions::new();
    extensions.insert(Group::from("g"));
    extensions.insert(ledger.clone());
    extensions.insert(own);
    Session::new(policy, &extensions)
}

fn policy(further: impl Into<Further>) -> RetryPolicy {
    RetryPolicy::new(further)
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
        let mut session = session(&policy(1), &ledger(1, 3), Retries::default());
        let next = session.next(&policy(1), hinted(outcome, secs(30)), now);
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
        let mut session = session(&policy(1), &ledger(1, 0), Retries::default());
        let next = session.next(&policy(1), hinted(outcome, secs(30)), now);
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
    let patience = |longest| {
        let mut own = Retries::default();
        own.longest_wait = Some(longest);
        own
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
        let policy = policy(1).backoff(backoff);
        let next = session(&policy, ledger, own).next(&policy, verdict, now);
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
    let mut session = session(&policy(1), &ledger, Retries::default());
    let next = session.next(&policy(1), Outcome::Capacity.into(), now);
    assert_eq!(next, Next::HandOn);
}

#[tokio::test(start_paused = true)]
async fn no_wait_at_all_still_goes_elsewhere() {
    let now = Instant::now();
    let mut own = Retries::default();
    own.longest_wait = Some(Duration::ZERO);
    let verdict = Outcome::ServerFault.into();
    let policy = policy(1);
    let next = |others| session(&policy, &ledger(1, others), own).next(&policy, verdict, now);
    assert_eq!(next(1), Next::Again(now));
    assert_eq!(next(0), Next::HandOn);
}

/// How many further attempts a request is given that always ends like this, with others free.
fn number(policy: &RetryPolicy, own: Option<u32>, outcome: Outcome) -> usize {
    let mut retries = Retries::default();
    retries.further = own;
    let mut session = session(policy, &ledger(99, 9), retries);
    let next = || session.next(policy, outcome.into(), Instant::now());
    std::iter::repeat_with(next)
        .take_while(|next| *next != Next::HandOn)
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_its_own_number() {
    for (own, expected) in [(None, 2), (Some(5), 5), (Some(0), 0)] {
        assert_eq!(number(&policy(2), own, Outcome::Capacity), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_may_have_a_number_of_its_own() {
    let policy = policy(
        Further::new(2)
            .after(Outcome::RateLimited, 9)
            .after(Outcome::RateLimited, 4)
            .after(Outcome::Timeout, 0)
            .after(Outcome::CallerFault, 1),
    );
    for (own, outcome, expected) in [
        (None, Outcome::Capacity, 2),
        (None, Outcome::RateLimited, 4),
        (None, Outcome::Timeout, 0),
        (None, Outcome::CallerFault, 1),
        (None, Outcome::Success, 0),
        (Some(3), Outcome::Capacity, 3),
        (Some(3), Outcome::RateLimited, 4),
        (Some(0), Outcome::RateLimited, 0),
    ] {
        assert_eq!(
            number(&policy, own, outcome),
            expected,
            "{own:?} {outcome:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_with_a_number_of_its_own_is_tried_again_even_here() {
    let policy = policy(Further::new(0).after(Outcome::Auth, 1));
    let now = Instant::now();
    let mut session = session(&policy, &ledger(9, 0), Retries::default());
    let next = session.next(&policy, hinted(Outcome::Auth, secs(2)), now);
    assert_eq!(next, Next::Again(now + secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_group_may_have_numbers_of_its_own() {
    let ours = policy(1).group("g", Further::new(3).after(Outcome::Timeout, 0));
    let others = policy(1).group("another", 3);
    assert_eq!(number(&ours, None, Outcome::Capacity), 3);
    assert_eq!(number(&ours, None, Outcome::Timeout), 0);
    assert_eq!(number(&others, None, Outcome::Capacity), 1);
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_hands_on_and_leaves_the_ledger_alone() {
    let policy = policy(9).budget(Budget::new(0.0, 1));
    let ledger = ledger(9, 3);
    let mut one = session(&policy, &ledger, Retries::default());
    let mut other = session(&policy, &ledger, Retries::default());
    let now = Instant::now();
    let verdict = Outcome::Capacity.into();
    assert_eq!(one.next(&policy, verdict, now), Next::Again(now));
    assert_eq!(other.next(&policy, verdict, now), Next::HandOn);
    assert_eq!(ledger.left(), 8);
}

#[tokio::test(start_paused = true)]
async fn each_request_earns_its_share_of_the_budget() {
    let policy = policy(1).budget(Budget::new(0.5, 0));
    let again = |_: &usize| {
        policy.count(&Attempts::new(0));
        let mut session = session(&policy, &ledger(1, 3), Retries::default());
        session.next(&policy, Outcome::Capacity.into(), Instant::now()) != Next::HandOn
    };
    assert_eq!((0..10).filter(again).count(), 5);
}

#[tokio::test(start_paused = true)]
async fn two_requests_do_not_wait_in_step() {
    let now = Instant::now();
    let waits = || {
        let policy = policy(8);
        let mut session = session(&policy, &ledger(8, 0), Retries::default());
        let next = |_| session.next(&policy, Outcome::Capacity.into(), now);
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
        let policy = policy(further);
        let mut session = session(&policy, &ledger, Retries::default());
        let mut again = 0;
        for (outcome, others) in answers {
            let _running = ledger.begin(&Group::from("g"), &"d".into(), Why::new("test"), others);
            let could = session.may_continue();
            let verdict = Outcome::ALL[outcome].into();
            if session.next(&policy, verdict, Instant::now()) != Next::HandOn {
                prop_assert!(could);
                again += 1;
            }
        }
        prop_assert!(again <= further.min(in_all));
        prop_assert_eq!(ledger.left(), in_all - again);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_may_have_a_number_of_its_own_for_its_failures() {
    let policy = policy(1).deployment("d", 3).deployment("never", 0);
    let mut own = Retries::default();
    let further = |own: Retries, of: &str, outcome: Outcome| {
        let ledger = Attempts::new(9);
        let mut session = session(&policy, &ledger, own);
        let mut further = 0;
        loop {
            let number = ledger.begin(&"g".into(), &of.into(), Why::new("test"), 1);
            ledger.end(number, outcome.into());
            match session.next(&policy, outcome.into(), Instant::now()) {
                Next::Again(_) => further += 1,
                Next::HandOn => break further,
            }
        }
    };
    assert_eq!(further(own, "d", Outcome::ServerFault), 3);
    assert_eq!(further(own, "never", Outcome::ServerFault), 0);
    assert_eq!(further(own, "other", Outcome::ServerFault), 1);
    assert_eq!(further(own, "d", Outcome::CallerFault), 0);
    // What the request says comes before it, and so does what is said of an outcome.
    own.further = Some(2);
    assert_eq!(further(own, "d", Outcome::ServerFault), 2);
    own.further = Some(0);
    assert_eq!(further(own, "d", Outcome::ServerFault), 0);
    let policy = self::policy(Further::new(1).after(Outcome::Timeout, 4)).deployment("d", 2);
    let ledger = Attempts::new(9);
    let mut session = session(&policy, &ledger, Retries::default());
    let mut further = 0;
    let _running = ledger.begin(&"g".into(), &"d".into(), Why::new("test"), 1);
    while session.next(&policy, Outcome::Timeout.into(), Instant::now()) != Next::HandOn {
        further += 1;
    }
    assert_eq!(further, 4);
}
