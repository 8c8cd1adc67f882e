//! What becomes of an answer that is not handed on.

use crate::upstream::{Call, Part, Step, Upstream, reply, status};
use bytes::Bytes;
use headworks_core::{Attempts, BoxError, Outcome, Refusal, UnknownGroup};
use headworks_retry::{Further, Retry, RetryPolicy};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use std::time::Duration;
use tokio::time::Instant;
use tower::{ServiceExt, service_fn};

fn retry(upstream: Upstream) -> Retry<Upstream> {
    Retry::new(upstream, RetryPolicy::new(2))
}

/// A request, and the outcomes of its attempts to be.
fn request() -> (Call, Attempts) {
    let ledger = Attempts::new(9);
    let mut request = Request::new("hi");
    request.extensions_mut().insert(ledger.clone());
    (request, ledger)
}

fn outcomes(ledger: &Attempts) -> Vec<Option<Outcome>> {
    let attempts = ledger.attempts();
    let verdicts = attempts.iter().map(|attempt| attempt.verdict);
    verdicts.map(|verdict| verdict.map(|v| v.outcome)).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_read_to_its_end_before_the_next_attempt() {
    let late = reply(503, |reply| reply.body_after = Duration::from_millis(15));
    let (upstream, seen) = Upstream::among([1], [late]);
    let (request, ledger) = request();
    let response = retry(upstream).oneshot(request).await.unwrap();
    assert_eq!(seen.times()[1], Duration::from_millis(15));
    // To the upstream the answer was taken whole, so its connection can be used again.
    assert_eq!(outcomes(&ledger), [Some(Outcome::Success), None]);
    drop(response);
    assert_eq!(seen.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_does_not_come_is_left_after_a_moment() {
    let stalled = reply(503, |reply| reply.body_after = Duration::from_secs(60));
    let (upstream, seen) = Upstream::among([1], [stalled]);
    let (request, ledger) = request();
    let response = retry(upstream).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(seen.times()[1], Duration::from_millis(20));
    assert_eq!(outcomes(&ledger), [Some(Outcome::Cancelled), None]);
}

#[tokio::test(start_paused = true)]
async fn near_the_deadline_a_rest_is_left_sooner() {
    let stalled = reply(503, |reply| reply.body_after = Duration::from_secs(60));
    let (upstream, seen) = Upstream::among([1], [stalled]);
    let (request, ledger) = request();
    ledger.shorten_deadline(Instant::now() + Duration::from_millis(50));
    let response = retry(upstream).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(seen.times()[1], Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn a_wait_counts_from_the_head_of_the_answer() {
    let limited = reply(429, |reply| {
        reply.headers.insert("retry-after", "1".parse().unwrap());
        reply.body_after = Duration::from_secs(60);
    });
    let (upstream, seen) = Upstream::alone([limited]);
    assert!(retry(upstream).oneshot(Request::new("hi")).await.is_ok());
    assert_eq!(seen.times()[1], Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_after_a_wait_is_read_as_the_first_one_is() {
    let limited = reply(429, |reply| {
        reply.headers.insert("retry-after", "1".parse().unwrap());
    });
    let late = reply(503, |reply| reply.body_after = Duration::from_millis(15));
    let (upstream, _) = Upstream::among([0, 1], [limited, late, Step::Refusal]);
    let response = retry(upstream).oneshot(Request::new("hi")).await.unwrap();
    assert_eq!(response.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn of_an_endless_body_only_so_much_is_read() {
    let endless = reply(500, |reply| {
        let chunk = Bytes::from(vec![b'x'; 1024]);
        reply.body = vec![Part::Data(chunk); 1000];
    });
    let (upstream, _) = Upstream::among([1], [endless, Step::Refusal]);
    let (request, ledger) = request();
    let error = retry(upstream).oneshot(request).await.err().unwrap();
    assert!(error.is::<Refusal>(), "what was not read whole is not kept");
    assert_eq!(outcomes(&ledger), [Some(Outcome::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_takes_the_next_attempt_the_last_real_answer_is_handed_on() {
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    let sent = trailers.clone();
    let limited = reply(429, |reply| {
        reply.headers.insert("retry-after", "60".parse().unwrap());
        reply.body.push(Part::Trailers(sent));
    });
    let (upstream, seen) = Upstream::among([2, 1], [status(500), limited, Step::Refusal]);
    let response = retry(upstream).oneshot(Request::new("hi")).await.unwrap();
    assert_eq!(seen.count(), 3);
    assert_eq!(seen.running(), 0, "nothing is held upstream for it");
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "60");
    let body = response.into_body();
    assert_eq!(body.size_hint().exact(), Some(13));
    assert!(!body.is_end_stream());
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), "what happened");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_kept_as_an_answer_is() {
    let (upstream, _) = Upstream::among([1], [Step::Error("reset"), Step::Refusal]);
    let error = retry(upstream)
        .oneshot(Request::new("hi"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "reset");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_first_is_handed_on_and_never_asked_again() {
    let (upstream, seen) = Upstream::alone([Step::Refusal]);
    let (request, ledger) = request();
    let error = retry(upstream).oneshot(request).await.err().unwrap();
    assert!(error.is::<Refusal>());
    assert_eq!((seen.count(), ledger.left()), (1, 9));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_nobody_knows_is_never_asked_for_again() {
    let policy = RetryPolicy::new(Further::new(2).after(Outcome::CallerFault, 5));
    let (request, ledger) = request();
    let groups = service_fn(async |_: Call| {
        let unknown = UnknownGroup::new("m".into());
        Err::<Response<Full<Bytes>>, _>(BoxError::from(unknown))
    });
    let began = Instant::now();
    let error = Retry::new(groups, policy).oneshot(request).await.err();
    assert!(error.unwrap().is::<UnknownGroup>());
    assert_eq!((began.elapsed(), ledger.left()), (Duration::ZERO, 9));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_did_not_admit_is_passed_over_and_hides_no_answer() {
    let (upstream, seen) = Upstream::among([2, 1], [status(500), Step::NotAdmitted]);
    let response = retry(upstream).oneshot(Request::new("hi")).await.unwrap();
    assert_eq!((response.status().as_u16(), seen.count()), (200, 3));

    let script = [status(500), Step::NotAdmitted, Step::NotAdmitted];
    let (upstream, seen) = Upstream::among([2, 1], script);
    let response = retry(upstream).oneshot(Request::new("hi")).await.unwrap();
    assert_eq!((response.status().as_u16(), seen.count()), (500, 3));

    let (upstream, _) = Upstream::among([1], [Step::NotAdmitted, Step::Refusal]);
    let error = retry(upstream)
        .oneshot(Request::new("hi"))
        .await
        .err()
        .unwrap();
    assert!(error.is::<Refusal>(), "nobody was asked");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_ends_the_answer_and_the_next_attempt_follows() {
    let broken = reply(500, |reply| reply.body.push(Part::Error("reset")));
    let (upstream, seen) = Upstream::among([1], [broken]);
    let response = retry(upstream).oneshot(Request::new("hi")).await.unwrap();
    assert_eq!((response.status().as_u16(), seen.count()), (200, 2));
}
