//! A client that leaves, at every point where it can.

use crate::groups::{Step, reply, request, stack, status};
use headworks_fallback::Fallbacks;
use std::time::Duration;
use tokio::time::advance;
use tokio_test::task;
use tower::ServiceExt;

#[tokio::test(start_paused = true)]
async fn leaves_nothing_running_and_a_ledger_that_adds_up() {
    let slow = |code| {
        reply(code, |reply| {
            reply.after = Duration::from_millis(5);
            reply.body_after = Duration::from_millis(10);
        })
    };
    let mut states = 0;
    for patience in 0.. {
        let table = Fallbacks::builder().general("a", ["b", "c", "d"]);
        let (stack, seen) = stack(table, move |group| match group {
            "a" => slow(500),
            "b" => Step::Error,
            "c" => slow(429),
            _ => slow(200),
        });
        let (request, ledger) = request("a");
        let mut answer = task::spawn(stack.oneshot(request));
        let mut done = false;
        for _ in 0..patience {
            done = answer.poll().is_ready();
            if done {
                break;
            }
            advance(Duration::from_millis(1)).await;
        }
        drop(answer);
        states += 1;

        assert_eq!(seen.running(), 0, "after {patience} polls");
        assert_eq!(ledger.begun() as usize, seen.groups().len());
        let attempts = ledger.attempts();
        assert!(attempts.iter().all(|attempt| attempt.verdict.is_some()));
        // Each group after the first was claimed, and at most the one that is about to be asked beyond.
        let claimed = ledger.fallbacks();
        let begun = ledger.begun();
        assert!(
            (begun.saturating_sub(1)..=begun).contains(&claimed),
            "{claimed} of {begun}"
        );
        if done {
            assert_eq!((begun, claimed), (4, 3));
            break;
        }
    }
    assert!(states > 30, "{states} states is not every one of them");
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_the_body_ends_the_group_too() {
    let table = Fallbacks::builder().general("a", ["b"]);
    let (stack, seen) = stack(table, |group| match group {
        "a" => status(500),
        _ => status(200),
    });
    let response = stack.oneshot(request("a").0).await.unwrap();
    assert_eq!(seen.running(), 1);
    drop(response);
    assert_eq!(seen.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_a_group_is_silent_ends_the_group() {
    let table = Fallbacks::builder().general("a", ["b"]);
    let (stack, seen) = stack(table, |group| match group {
        "a" => status(500),
        _ => Step::Silence,
    });
    let mut answer = task::spawn(stack.oneshot(request("a").0));
    while seen.groups().len() < 2 {
        assert!(answer.poll().is_pending());
        advance(Duration::from_millis(1)).await;
    }
    assert_eq!(seen.running(), 1);
    drop(answer);
    assert_eq!(seen.running(), 0);
}
