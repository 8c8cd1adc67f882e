//! From the request to the head of the answer: which clock, how long, and who wins.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_core::{Attempts, BoxError, Clock, Elapsed, Outcome, Timeouts, Verdict};
use headworks_timeout::{AttemptTimeout, AttemptTimeoutLayer, Deadline, DeadlineLayer};
use http::{Request, Response};
use std::{
    future::{pending, poll_fn},
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{
    task::coop::{consume_budget, has_budget_remaining},
    time::{Instant, advance},
};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_service::Service;
use tower_test::mock::{self, Handle, Mock, Spawn};

type Call = Request<()>;
type Answer = Response<String>;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn spawn<L>(layer: L) -> (Spawn<L::Service>, Handle<Call, Answer>)
where
    L: Layer<Mock<Call, Answer>>,
    L::Service: Service<Call, Error = BoxError>,
{
    let (mut service, handle) = mock::spawn_layer(layer);
    assert_ready_ok!(service.poll_ready());
    (service, handle)
}

fn with(timeouts: impl FnOnce(&mut Timeouts)) -> Call {
    let mut request = Request::new(());
    let mut own = Timeouts::default();
    timeouts(&mut own);
    request.extensions_mut().insert(own);
    request
}

fn with_ledger() -> (Call, Attempts) {
    let ledger = Attempts::new(0);
    let mut request = Request::new(());
    request.extensions_mut().insert(ledger.clone());
    (request, ledger)
}

fn elapsed(error: &BoxError) -> (Clock, Duration) {
    let elapsed = error.downcast_ref::<Elapsed>().unwrap();
    (elapsed.clock(), elapsed.after())
}

#[tokio::test(start_paused = true)]
async fn a_clock_runs_out_at_its_time_and_not_before() {
    let (mut service, mut handle) = spawn(DeadlineLayer::new(secs(10)));
    let mut answer = task::spawn(service.call(Request::new(())));
    let (_, _send) = handle.next_request().await.unwrap();
    assert_pending!(answer.poll());
    advance(secs(10) - Duration::from_millis(1)).await;
    assert_pending!(answer.poll());
    advance(Duration::from_millis(1)).await;
    assert!(answer.is_woken());
    let error = assert_ready_err!(answer.poll());
    assert_eq!(elapsed(&error), (Clock::Total, secs(10)));
    assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Timeout);
}

#[tokio::test(start_paused = true)]
async fn the_attempt_has_a_clock_of_its_own() {
    let (mut service, mut handle) = spawn(AttemptTimeoutLayer::new(secs(3)));
    let mut answer = task::spawn(service.call(Request::new(())));
    let (_, _send) = handle.next_request().await.unwrap();
    assert_pending!(answer.poll());
    advance(secs(3)).await;
    assert_eq!(
        elapsed(&assert_ready_err!(answer.poll())),
        (Clock::Attempt, secs(3))
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_ready_when_the_clock_runs_out_wins() {
    let (mut service, mut handle) = spawn(DeadlineLayer::new(secs(10)));
    let mut answer = task::spawn(service.call(Request::new(())));
    let (_, send) = handle.next_request().await.unwrap();
    assert_pending!(answer.poll());
    advance(secs(10)).await;
    send.send_response(Response::new("just".into()));
    assert_eq!(*assert_ready_ok!(answer.poll()).body().get_ref(), "just");
}

#[tokio::test(start_paused = true)]
async fn the_time_counts_from_the_call_even_if_nobody_polls() {
    let (mut service, mut handle) = spawn(AttemptTimeoutLayer::new(secs(3)));
    let mut answer = task::spawn(service.call(Request::new(())));
    let (_, _send) = handle.next_request().await.unwrap();
    advance(secs(3)).await;
    assert_ready_err!(answer.poll());
}

#[tokio::test(start_paused = true)]
async fn what_a_clock_covers_is_dropped_with_the_answer() {
    let upstream = Arc::new(());
    let service = AttemptTimeoutLayer::new(secs(3)).layer(service_fn(|_: Call| {
        let upstream = upstream.clone();
        async move {
            pending::<()>().await;
            drop(upstream);
            Ok::<_, BoxError>(Answer::default())
        }
    }));
    assert!(service.oneshot(Request::new(())).await.is_err());
    assert_eq!(Arc::strong_count(&upstream), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_uses_up_its_turn_does_not_stop_the_clock() {
    let service = AttemptTimeoutLayer::new(secs(3)).layer(service_fn(async |_: Call| {
        advance(secs(4)).await;
        for _ in 0..100 {
            // Leaves nothing of the turn for a timer, which then says that it is pending.
            while has_budget_remaining() {
                consume_budget().await;
            }
            let mut first = true;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::take(&mut first) {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        }
        Ok::<_, BoxError>(Answer::default())
    }));
    let error = service.oneshot(Request::new(())).await.unwrap_err();
    assert_eq!(elapsed(&error), (Clock::Attempt, secs(3)));
}

#[tokio::test(start_paused = true)]
async fn without_a_time_there_is_no_clock() {
    let (mut deadline, _deadline) = spawn(DeadlineLayer::new(None));
    let (mut attempt, _attempt) = spawn(AttemptTimeoutLayer::default());
    let mut total = task::spawn(deadline.call(Request::new(())));
    let mut attempt = task::spawn(attempt.call(Request::new(())));
    assert_pending!(total.poll());
    assert_pending!(attempt.poll());
    advance(secs(1_000_000)).await;
    assert!(!total.is_woken() && !attempt.is_woken());
}

#[tokio::test(start_paused = true)]
async fn more_time_than_a_clock_can_show_is_no_limit() {
    let (mut service, _handle) = spawn(DeadlineLayer::new(Duration::MAX));
    let mut answer = task::spawn(service.call(Request::new(())));
    assert_pending!(answer.poll());
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_its_own_times_shorter_or_longer() {
    for own in [secs(1), secs(99)] {
        let (mut service, _handle) = spawn(DeadlineLayer::new(secs(10)));
        let mut answer = task::spawn(service.call(with(|t| t.total = Some(own))));
        assert_pending!(answer.poll());
        advance(own).await;
        assert_eq!(
            elapsed(&assert_ready_err!(answer.poll())),
            (Clock::Total, own)
        );

        let (mut service, _handle) = spawn(AttemptTimeoutLayer::new(secs(10)));
        let mut answer = task::spawn(service.call(with(|t| t.attempt = Some(own))));
        assert_pending!(answer.poll());
        advance(own).await;
        assert_eq!(
            elapsed(&assert_ready_err!(answer.poll())),
            (Clock::Attempt, own)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_says_whether_the_request_shortened_its_time() {
    for (usual, own, shortened) in [
        (Some(secs(9)), Some(secs(5)), true),
        (None, Some(secs(5)), true),
        (Some(secs(5)), Some(secs(5)), false),
        (Some(secs(5)), Some(secs(9)), false),
        (Some(secs(5)), None, false),
    ] {
        let request = with(|t| (t.attempt, t.total) = (own, own));
        let (mut service, _handle) = spawn(AttemptTimeoutLayer::new(usual));
        let attempt = service.call(request.clone()).await.unwrap_err();
        let (mut service, _handle) = spawn(DeadlineLayer::new(usual));
        let total = service.call(request).await.unwrap_err();
        for error in [attempt, total] {
            let elapsed = error.downcast_ref::<Elapsed>().unwrap();
            assert_eq!(elapsed.is_shortened(), shortened, "{own:?} of {usual:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_written_into_the_ledger_and_only_shortens() {
    let (request, ledger) = with_ledger();
    let (mut service, _handle) = spawn(DeadlineLayer::new(secs(10)));
    let _answer = service.call(request.clone());
    assert_eq!(ledger.deadline(), Some(Instant::now() + secs(10)));

    let (mut service, _handle) = spawn(DeadlineLayer::new(secs(20)));
    let _answer = service.call(request);
    assert_eq!(ledger.deadline(), Some(Instant::now() + secs(10)));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_given_no_more_than_what_is_left_until_the_deadline() {
    let (request, ledger) = with_ledger();
    ledger.shorten_deadline(Instant::now() + secs(10));
    // The first attempt has its eight seconds, the second the two that are left.
    for expected in [(Clock::Attempt, secs(8)), (Clock::Total, secs(2))] {
        let (mut service, _handle) = spawn(AttemptTimeoutLayer::new(secs(8)));
        let began = Instant::now();
        let error = service.call(request.clone()).await.unwrap_err();
        assert_eq!(elapsed(&error), expected);
        assert_eq!(began.elapsed(), expected.1);
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_and_errors_are_those_of_the_service_within() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Call, Answer, _>(AttemptTimeoutLayer::new(secs(8)));
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call(Request::new(())));
    let (_, send) = handle.next_request().await.unwrap();
    send.send_error("refused");
    assert_eq!(assert_ready_err!(answer.poll()).to_string(), "refused");
}

#[test]
fn they_are_as_thread_safe_as_what_they_hold() {
    fn assert<T: Clone + Send + Sync>() {}
    assert::<(Deadline<()>, AttemptTimeout<()>)>();
    assert::<(DeadlineLayer, AttemptTimeoutLayer)>();
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_given_the_layers_own_time_to_begin() {
    let layer = AttemptTimeoutLayer::new(secs(30)).head(secs(2));
    for (covers_body, time) in [(true, secs(30)), (false, secs(2))] {
        let (mut service, mut handle) = spawn(layer);
        let request = with(|own| own.attempt_body = Some(covers_body));
        let mut answer = task::spawn(service.call(request));
        let _never = tokio_test::assert_ready!(task::spawn(handle.next_request()).poll());
        advance(time - Duration::from_millis(1)).await;
        assert_pending!(answer.poll());
        advance(Duration::from_millis(1)).await;
        let error = assert_ready_err!(answer.poll());
        assert_eq!(elapsed(&error), (Clock::Attempt, time));
    }
}
