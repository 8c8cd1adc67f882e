use super::*;
use crate::Outcome;
use std::time::Duration;

const WHY: Why = Why::new("test");

#[test]
fn copies_draw_on_one_count() {
    let attempts = Attempts::new(1);
    let copy = attempts.clone();
    assert!(attempts.claim_another());
    assert!(!copy.claim_another());
    assert_eq!(copy.left(), 0);
}

#[test]
fn further_groups_are_counted_beside_the_further_attempts() {
    let attempts = Attempts::new(0);
    assert!(!attempts.claim_fallback(), "none was planned for");
    attempts.plan_fallbacks(2);
    attempts.plan_fallbacks(9);
    let copy = attempts.clone();
    assert!(attempts.claim_fallback());
    assert_eq!((copy.fallbacks(), copy.fallbacks_left()), (1, 1));
    assert!(copy.claim_fallback());
    assert!(!attempts.claim_fallback());
    assert_eq!((attempts.fallbacks(), attempts.fallbacks_left()), (2, 0));
    assert!(!attempts.claim_another());
}

#[test]
fn the_candidates_of_a_group_are_not_those_of_the_next() {
    let attempts = Attempts::new(0);
    attempts.plan_fallbacks(1);
    let _running = attempts.begin(&"g".into(), &"d".into(), WHY, 3);
    assert_eq!(attempts.others(), 3);
    assert!(attempts.claim_fallback());
    assert_eq!(attempts.others(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_verdict_stands_with_its_time() {
    let attempts = Attempts::new(0);
    let (group, id) = (Group::from("g"), DeploymentId::from("d"));
    let first = attempts.begin(&group, &id, WHY, 0);
    assert_eq!(attempts.last_verdict(&id), None);
    assert_eq!(attempts.attempts()[0].ended, None);
    tokio::time::advance(Duration::from_secs(2)).await;
    attempts.end(first, Outcome::Capacity.into());
    tokio::time::advance(Duration::from_secs(2)).await;
    attempts.end(first, Outcome::Cancelled.into());
    assert_eq!(attempts.last_verdict(&id), Some(Outcome::Capacity.into()));
    let first = &attempts.attempts()[0];
    assert_eq!(first.ended, Some(first.began + Duration::from_secs(2)));
}

#[test]
fn an_attempt_that_was_never_made_is_taken_back() {
    let attempts = Attempts::new(0);
    let full = NotAdmitted::new(Reason::Full);
    let begin = |id: &str| attempts.begin(&"g".into(), &id.into(), WHY, 1);
    let first = begin("a");
    attempts.withdraw(first, full);
    assert_eq!((attempts.begun(), attempts.others()), (0, 0));
    assert!(!attempts.tried(&"a".into()));
    let passed_over = &attempts.passed_over()[0];
    assert_eq!((passed_over.attempt, passed_over.reason), (0, Reason::Full));

    let second = begin("b");
    let _third = begin("c");
    attempts.withdraw(second, full);
    assert_eq!(attempts.begun(), 2);
    let verdict = attempts.last_verdict(&"b".into());
    assert_eq!(verdict, Some(Outcome::Capacity.into()));
}

#[test]
fn attempts_are_shown_oldest_first() {
    let attempts = Attempts::new(1);
    for id in ["a", "b"] {
        let number = attempts.begin(&"g".into(), &id.into(), WHY, 0);
        attempts.end(number, Outcome::Capacity.into());
    }
    let mut seen = Vec::new();
    attempts.for_each(|attempt| seen.push(attempt.deployment.as_str().to_owned()));
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(attempts.last_deployment(), Some("b".into()));
    assert_eq!(Attempts::new(1).last_deployment(), None);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_only_ever_shortens() {
    let attempts = Attempts::new(0);
    let now = Instant::now();
    let (near, far) = (now + Duration::from_secs(1), now + Duration::from_secs(9));
    attempts.shorten_deadline(far);
    attempts.shorten_deadline(near);
    attempts.shorten_deadline(far);
    assert_eq!(attempts.deadline(), Some(near));
}

#[test]
fn the_record_is_bounded_and_the_count_goes_on() {
    let attempts = Attempts::new(0);
    let (group, id) = (Group::from("g"), DeploymentId::from("d"));
    for _ in 0..100 {
        attempts.pass_over(&id, Reason::Tried);
        let number = attempts.begin(&group, &id, WHY, 0);
        attempts.end(number, Outcome::Capacity.into());
    }
    assert_eq!(attempts.begun(), 100);
    assert_eq!(attempts.attempts().len(), MAX_RECORDS);
    assert_eq!(attempts.passed_over().len(), MAX_RECORDS);
}
