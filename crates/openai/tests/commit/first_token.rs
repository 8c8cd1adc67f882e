//! The clock of the first token.

use crate::*;
use headworks_core::{Clock, Elapsed, Outcome, Timeouts, Verdict};
use std::time::Duration;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, task};

const TIME: Duration = Duration::from_secs(10);
const MS: Duration = Duration::from_millis(1);

fn layer() -> CommitLayer {
    CommitLayer::default().first_token(TIME)
}

fn complete() -> CommitLayer {
    CommitLayer::new(CommitPoint::Complete).first_token(TIME)
}

#[tokio::test(start_paused = true)]
async fn a_first_token_that_is_late_ends_the_attempt_and_drops_it_at_once() {
    for layer in [layer(), complete()] {
        let alive = Arc::new(());
        let counted = alive.clone();
        let service = commit(layer, move || {
            stream([data(ROLE), Step::Stall]).map(|body| body.counted_by(&counted))
        });
        let mut call = task::spawn(service.oneshot(chat()));
        for _ in 0..8 {
            assert_pending!(call.poll());
        }
        // The clock runs from the call, which was made at once.
        advance(TIME - MS).await;
        assert_pending!(call.poll());
        advance(MS).await;
        assert!(call.is_woken());
        let error = assert_ready!(call.poll()).unwrap_err();
        let elapsed = Elapsed::new(Clock::FirstToken, TIME);
        assert_eq!(error.downcast_ref(), Some(&elapsed), "{error}");
        assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Timeout);
        drop(call);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_comes_is_a_late_first_token_too() {
    let service = layer().layer(Inner::new(|| Play::<ScriptedBody>::Silence));
    let mut call = task::spawn(service.oneshot(chat()));
    for _ in 0..4 {
        assert_pending!(call.poll());
    }
    advance(TIME).await;
    assert!(assert_ready!(call.poll()).unwrap_err().is::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn once_the_first_token_is_there_the_clock_stands_still() {
    let held = || stream([data(ROLE), data(HELLO), Step::Stall]);
    let mut call = task::spawn(commit(complete(), held).oneshot(chat()));
    for _ in 0..8 {
        assert_pending!(call.poll());
    }
    advance(TIME * 1000).await;
    assert_pending!(call.poll(), "held to its end, however long that takes");
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_has_no_first_token() {
    let mut plain = chat();
    let mut timeouts = Timeouts::default();
    timeouts.attempt_body = Some(true);
    plain.extensions_mut().insert(timeouts);
    let service = layer().layer(Inner::new(|| Play::<ScriptedBody>::Silence));
    let mut call = task::spawn(service.oneshot(plain));
    for _ in 0..4 {
        assert_pending!(call.poll());
    }
    advance(TIME * 1000).await;
    assert_pending!(call.poll());
}
