//! A client that leaves, at every point where it can.

use crate::upstream::{Step, Upstream, reply, status};
use headworks_core::Attempts;
use headworks_retry::{Retry, RetryPolicy};
use http::Request;
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
    let script = [
        slow(500),
        slow(429),
        Step::Error("reset"),
        slow(503),
        slow(200),
    ];
    let mut states = 0;
    for patience in 0.. {
        // Waits before some attempts and not before others, reads late bodies, and succeeds at last.
        fastrand::seed(1);
        let (upstream, seen) = Upstream::among([1, 0, 1, 0], script.clone());
        let ledger = Attempts::new(9);
        let mut request = Request::new("hi");
        request.extensions_mut().insert(ledger.clone());
        let retry = Retry::new(upstream, RetryPolicy::new(4));
        let mut answer = task::spawn(retry.oneshot(request));
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
        let begun = ledger.begun();
        assert_eq!(begun as usize, seen.count());
        assert!(
            ledger
                .attempts()
                .iter()
                .all(|attempt| attempt.verdict.is_some())
        );
        // Each attempt after the first was claimed, and at most the one that is being waited for beyond.
        let claimed = 9 - ledger.left();
        assert!(
            (begun.saturating_sub(1)..=begun).contains(&claimed),
            "{claimed} of {begun}"
        );
        if done {
            assert_eq!((begun, claimed), (5, 4));
            break;
        }
    }
    assert!(states > 30, "{states} states is not every one of them");
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_the_body_ends_the_upstream_too() {
    let (upstream, seen) = Upstream::among([1], [status(500)]);
    let response = Retry::new(upstream, RetryPolicy::new(2))
        .oneshot(Request::new("hi"))
        .await
        .unwrap();
    assert_eq!(seen.running(), 1);
    drop(response);
    assert_eq!(seen.running(), 0);
}
