//! How a stream that was handed on goes on, and ends.

use crate::*;
use headworks_contract::Failure;
use headworks_core::{End, Finish, Foretold, Guard, GuardedBody, Hint, Outcome, Verdict, Watch};
use headworks_openai::stream::StreamErrorKind;
use http::StatusCode;
use parking_lot::Mutex;
use std::{pin::Pin, time::Duration};
use tokio_test::{assert_pending, assert_ready, task};

const CUT: &str = "\n\ndata: {\"error\":{\"message\":\"the answer was cut off before it was finished\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_cut\"}}\n\n";

async fn told(steps: fn() -> Vec<Step>) -> (String, Option<StreamErrorKind>) {
    let response = ask(CommitLayer::default(), steps).await.unwrap();
    let (told, error) = read(response.into_body()).await;
    (told, error.as_ref().map(kind))
}

#[tokio::test]
async fn it_is_forwarded_without_a_copy() {
    const EVENTS: [&str; 4] = [ROLE, HELLO, STOP, DONE];
    let response = ask(CommitLayer::default(), || EVENTS.map(data).into());
    let mut body = Box::pin(response.await.unwrap().into_body());
    for event in EVENTS {
        let frame = body.frame().await.unwrap().unwrap();
        let forwarded = frame.into_data().unwrap();
        assert_eq!(forwarded.as_ptr(), event.as_ptr());
        assert_eq!(forwarded.len(), event.len());
    }
    assert!(body.frame().await.is_none());
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_cut_tells_lets_go_pauses_and_breaks_off() {
    let alive = Arc::new(());
    let counted = alive.clone();
    let service = commit(CommitLayer::default(), move || {
        stream([data(HELLO)]).map(|body| body.counted_by(&counted))
    });
    let answer = service.oneshot(chat()).await.unwrap();
    let mut body = Box::pin(answer.into_body());
    let first = body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), HELLO);
    assert_eq!(Arc::strong_count(&alive), 2);

    let event = body.frame().await.unwrap().unwrap();
    assert_eq!(event.into_data().unwrap(), CUT);
    assert_eq!(Arc::strong_count(&alive), 1, "the provider is let go of");
    assert!(!body.is_end_stream(), "an error is to come");

    let mut last = task::spawn(body);
    let poll = |last: &mut task::Spawn<Pin<Box<CommitBody<ScriptedBody>>>>| {
        last.enter(|cx, body| body.get_mut().as_mut().poll_frame(cx))
    };
    assert_pending!(poll(&mut last));
    assert!(last.is_woken());
    let error = assert_ready!(poll(&mut last)).unwrap().unwrap_err();
    assert_eq!(kind(&error), StreamErrorKind::Cut);
    assert!(assert_ready!(poll(&mut last)).is_none());
    assert!(last.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn it_does_not_wait_for_ever_for_a_reader_that_keeps_what_it_reads() {
    let response = ask(CommitLayer::default(), || vec![data(HELLO)]).await;
    let collected = response.unwrap().into_body().collect();
    let began = tokio::time::Instant::now();
    assert_eq!(kind(&collected.await.unwrap_err()), StreamErrorKind::Cut);
    assert_eq!(began.elapsed(), std::time::Duration::from_millis(100));
}

#[tokio::test]
async fn each_way_to_fail_ends_in_an_error() {
    let broken = || vec![data(HELLO), Step::Fail(Failure::reset())];
    let cut = Some(StreamErrorKind::Cut);
    assert_eq!(told(broken).await, ([HELLO, CUT].concat(), cut));

    let trailers = || vec![data(HELLO), Step::Trailers(Default::default())];
    assert_eq!(told(trailers).await, ([HELLO, CUT].concat(), cut));

    let refused = || vec![data(HELLO), data(ERROR), data(DONE), Step::Stall];
    let in_band = Some(StreamErrorKind::InBand);
    assert_eq!(told(refused).await, ([HELLO, ERROR].concat(), in_band));

    let (told, error) = told(|| vec![data(HELLO), data("data: {]\n\n"), Step::Stall]).await;
    assert!(told.contains("stream_malformed") && !told.contains("{]"));
    assert_eq!(error, Some(StreamErrorKind::Malformed));
}

#[tokio::test]
async fn a_stall_that_a_clock_within_ends_is_told_as_one() {
    let stalled = || vec![data(HELLO), Step::Fail(Failure::elapsed())];
    let response = ask(CommitLayer::default(), stalled).await.unwrap();
    let (told, error) = read(response.into_body()).await;
    assert!(told.contains("stream_stalled"), "{told}");
    let verdict = Verdict::of_error(&*error.unwrap());
    assert_eq!(verdict.outcome, Outcome::Timeout);
}

#[tokio::test]
async fn an_error_event_is_judged_the_same_by_who_reads_on_and_by_who_leaves() {
    let refused = || vec![data(HELLO), data(ERROR), Step::Stall];
    let response = ask(CommitLayer::default(), refused).await.unwrap();
    let foretold = response.extensions().get::<Foretold>().unwrap().clone();
    let (_, error) = read(response.into_body()).await;
    let limited = Verdict::from(Outcome::RateLimited);
    assert_eq!(foretold.failure().unwrap().verdict(), limited);
    assert_eq!(Verdict::of_error(&*error.unwrap()), limited);
}

#[tokio::test]
async fn whoever_has_a_rule_for_errors_is_shown_them_before_the_commit_point_and_after_it() {
    let layer = CommitLayer::default().judge_by(|told| {
        assert_eq!(told.status, Some(StatusCode::TOO_MANY_REQUESTS));
        assert!(told.body.starts_with(b"{\"error\":{"));
        // Of the head there is nothing to be had once it is gone.
        Verdict {
            outcome: Outcome::Capacity,
            hint: Some(Hint::after(Duration::from_secs(
                1 + told.headers.len() as u64,
            ))),
        }
    });
    let verdict = |headers| Verdict {
        outcome: Outcome::Capacity,
        hint: Some(Hint::after(Duration::from_secs(1 + headers))),
    };
    let at_once = || vec![data(ERROR)];
    let response = ask(layer.clone(), at_once).await.unwrap();
    let headers = stream([]).headers().len() as u64;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.extensions().get(), Some(&verdict(headers)));

    // In one piece with the first token, and after it.
    for steps in [
        (|| vec![data(HELLO), data(ERROR), Step::Stall]) as fn() -> Vec<Step>,
        || vec![Step::Data([HELLO, ERROR].concat().into()), Step::Stall],
    ] {
        let response = ask(layer.clone(), steps).await.unwrap();
        let foretold = response.extensions().get::<Foretold>().unwrap().clone();
        let (_, error) = read(response.into_body()).await;
        assert_eq!(Verdict::of_error(&*error.unwrap()), verdict(0));
        assert_eq!(foretold.failure().unwrap().verdict(), verdict(0));
    }
}

#[tokio::test]
async fn trailers_come_last() {
    let steps = || {
        let trailers = http::HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
        vec![data(HELLO), data(STOP), Step::Trailers(trailers)]
    };
    let response = ask(CommitLayer::default(), steps).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["etag"], "x");
    assert_eq!(collected.to_bytes(), [HELLO, STOP, DONE].concat());
}

#[tokio::test]
async fn who_guards_the_body_is_told_how_it_ended() {
    #[derive(Clone, Default)]
    struct Ends(Arc<Mutex<Vec<End>>>);
    impl Finish for Ends {
        fn finish(self, end: End) {
            self.0.lock().push(end);
        }
    }
    impl Watch<Bytes> for Ends {}

    for (steps, end) in [
        (
            (|| vec![data(HELLO), data(STOP)]) as fn() -> Vec<Step>,
            End::Complete,
        ),
        (|| vec![data(HELLO)], End::Failed),
        (|| vec![data(HELLO), data(ERROR)], End::Failed),
        (|| vec![data(HELLO), data("data: {]\n\n")], End::Failed),
    ] {
        let ends = Ends::default();
        let response = ask(CommitLayer::default(), steps).await.unwrap();
        let body = GuardedBody::new(response.into_body(), Guard::new(ends.clone()));
        read(body).await;
        assert_eq!(*ends.0.lock(), [end]);
    }

    // Whoever leaves when the event says that it failed has left a failure.
    for steps in [
        (|| vec![data(HELLO)]) as fn() -> Vec<Step>,
        || vec![data(HELLO), data(ERROR), Step::Stall],
        || vec![data(HELLO), data("data: {]\n\n"), Step::Stall],
    ] {
        let ends = Ends::default();
        let response = ask(CommitLayer::default(), steps).await.unwrap();
        let mut body = Box::pin(GuardedBody::of(response, Guard::new(ends.clone())).into_body());
        loop {
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            if std::str::from_utf8(&data).unwrap().contains("error") {
                break;
            }
        }
        drop(body);
        assert_eq!(*ends.0.lock(), [End::Failed]);
    }

    let ends = Ends::default();
    let steps = || vec![data(HELLO), Step::Stall];
    let response = ask(CommitLayer::default(), steps).await.unwrap();
    let mut body = Box::pin(GuardedBody::of(response, Guard::new(ends.clone())).into_body());
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(*ends.0.lock(), [End::Dropped]);
}

#[test]
fn the_body_can_be_moved_if_the_one_within_can() {
    fn assert<T: Unpin + Send + Sync>() {}
    assert::<CommitBody<http_body_util::Full<Bytes>>>();
    assert::<Pin<Box<CommitBody<ScriptedBody>>>>();
}
