//! What becomes of the head.

use crate::*;
use headworks_contract::{Failure, caused_by};
use headworks_core::{Outcome, Verdict};
use headworks_openai::stream::StreamErrorKind;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready_ok, task};

#[tokio::test(start_paused = true)]
async fn it_is_held_until_the_first_token() {
    let steps = || vec![data(": ping\n\n"), data(ROLE), data(HELLO), Step::Stall];
    let service = commit(CommitLayer::default(), move || stream(steps()));
    let mut call = task::spawn(service.oneshot(chat()));
    // Readiness, the head and each frame are pending once before they come.
    for step in ["ready", "head", "comment", "role", "content"] {
        assert_pending!(call.poll(), "{step}");
    }
    let response = assert_ready_ok!(call.poll());
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-request-id"], "r-1");
    let length = response.headers().get("content-length");
    assert_eq!(length, None, "an end may be added to what was announced");
    assert!(response.body().size_hint().exact().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_clock_around_it_is_one_for_the_first_token_and_drops_the_attempt() {
    let alive = Arc::new(());
    let counted = alive.clone();
    let service = commit(CommitLayer::default(), move || {
        stream([data(ROLE), Step::Stall]).map(|body| body.counted_by(&counted))
    });
    let before = Arc::strong_count(&alive);
    let began = Instant::now();
    let call = timeout(Duration::from_secs(5), service.oneshot(chat()));
    assert!(call.await.is_err());
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(
        Arc::strong_count(&alive),
        before - 1,
        "service and body are gone"
    );
}

#[tokio::test]
async fn dropping_the_call_at_any_point_drops_what_is_within() {
    for polls in 0..6 {
        let alive = Arc::new(());
        let inner = Inner::new({
            let alive = alive.clone();
            move || {
                let body = [data(ROLE), data(ROLE), Step::Stall];
                Play::Answer(stream(body).map(|body| body.counted_by(&alive)))
            }
        });
        let before = Arc::strong_count(&alive);
        let service = CommitLayer::default().layer(inner.clone());
        let mut call = task::spawn(service.oneshot(chat()));
        for _ in 0..polls {
            assert_pending!(call.poll());
        }
        drop(call);
        assert_eq!(inner.running(), 0, "after {polls} polls");
        assert_eq!(Arc::strong_count(&alive), before, "after {polls} polls");
    }
}

#[tokio::test]
async fn an_error_at_once_is_an_answer_with_its_status() {
    let service = commit(CommitLayer::default(), || {
        let mut answer = stream([data(ROLE), data(ERROR), Step::Stall]);
        answer
            .extensions_mut()
            .insert(Verdict::from(Outcome::Success));
        answer
    });
    let response = service.oneshot(chat()).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["x-request-id"], "r-1");
    assert_eq!(response.headers().get("content-length"), None);
    let verdict: Option<&Verdict> = response.extensions().get();
    assert_eq!(verdict, None, "what was left on the 200 is no longer true");
    let body = response.into_body();
    let json = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    assert_eq!(body.size_hint().exact(), Some(json.len() as u64));
    assert_eq!(read(body).await.0, json);
}

#[tokio::test]
async fn what_ends_before_it_begins_is_an_error() {
    for (steps, wanted) in [
        ((|| vec![]) as fn() -> Vec<Step>, StreamErrorKind::Empty),
        (|| vec![data(": ping\n\n")], StreamErrorKind::Empty),
        (
            || vec![Step::Trailers(Default::default())],
            StreamErrorKind::Empty,
        ),
        (|| vec![data(ROLE)], StreamErrorKind::Cut),
        (
            || vec![data(ROLE), data("data: {oops\n\n")],
            StreamErrorKind::Malformed,
        ),
    ] {
        let error = ask(CommitLayer::default(), steps).await.unwrap_err();
        assert_eq!(kind(&error), wanted);
        assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Transport);
    }
}

#[tokio::test]
async fn what_broke_it_is_the_source_and_a_clock_is_a_timeout() {
    let reset = || vec![data(ROLE), Step::Fail(Failure::reset())];
    let error = ask(CommitLayer::default(), reset).await.unwrap_err();
    assert_eq!(kind(&error), StreamErrorKind::Cut);
    assert!(caused_by::<std::io::Error>(&*error));
    assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Transport);

    let stalled = || vec![data(ROLE), Step::Fail(Failure::elapsed())];
    let error = ask(CommitLayer::default(), stalled).await.unwrap_err();
    assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Timeout);
}

#[tokio::test]
async fn a_whole_answer_is_held_to_its_end_if_that_is_the_commit_point() {
    let complete = CommitLayer::new(CommitPoint::Complete);
    let whole = || vec![data(ROLE), data(HELLO), data(STOP)];
    let response = ask(complete.clone(), whole).await.unwrap();
    let (told, error) = read(response.into_body()).await;
    assert_eq!(told, [ROLE, HELLO, STOP, DONE].concat());
    assert!(error.is_none());

    let cut = || vec![data(ROLE), data(HELLO), Step::Fail(Failure::reset())];
    let error = ask(complete.clone(), cut).await.unwrap_err();
    assert_eq!(kind(&error), StreamErrorKind::Cut);

    let late = || vec![data(HELLO), data(ERROR)];
    assert_eq!(ask(complete, late).await.unwrap().status(), 429);
}

#[tokio::test]
async fn what_is_more_than_is_to_be_held_is_handed_on() {
    let bounded = CommitLayer::new(CommitPoint::Complete).at_most(HELLO.len());
    let long = || vec![data(HELLO), data(HELLO), data(HELLO), Step::Stall];
    let response = ask(bounded, long).await.unwrap();
    let mut body = Box::pin(response.into_body());
    for _ in 0..3 {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), HELLO);
    }
    assert!(tokio_test::task::spawn(body.frame()).poll().is_pending());
}
