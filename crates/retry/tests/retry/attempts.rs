//! When another attempt is made, and what it is like.

use crate::upstream::{Call, Seen, Step, Upstream, reply, status};
use headworks_core::{Attempts, BoxError, Outcome, Verdict};
use headworks_retry::{Backoff, Budget, Retries, Retry, RetryBody, RetryLayer, RetryPolicy};
use http::{Request, Response};
use http_body_util::BodyExt;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The status and the body that a client would see.
async fn ask<R>(upstream: Upstream, policy: RetryPolicy, request: R) -> (u16, String)
where
    R: Into<Call>,
{
    let answer = Retry::new(upstream, policy).oneshot(request.into()).await;
    let response = answer.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_elsewhere_at_once() {
    for fault in [
        status(401),
        status(408),
        status(409),
        status(429),
        status(500),
        status(503),
        status(529),
        Step::Error("reset"),
    ] {
        let (upstream, seen) = Upstream::among([1], [fault]);
        let (status, _) = ask(upstream, RetryPolicy::new(2), Request::new("hi")).await;
        assert_eq!(status, 200);
        assert_eq!(seen.times(), [Duration::ZERO; 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_the_callers_fault_is_handed_on() {
    for fault in [400, 404, 413, 422, 499] {
        let (upstream, seen) = Upstream::among([1], [status(fault)]);
        let answer = ask(upstream, RetryPolicy::new(2), Request::new("hi")).await;
        assert_eq!(answer, (fault, "what happened".to_owned()));
        assert_eq!(seen.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_deployment_is_asked_again_after_a_wait() {
    let (upstream, seen) = Upstream::alone([status(500), status(500)]);
    assert_eq!(
        ask(upstream, RetryPolicy::new(2), Request::new("hi"))
            .await
            .0,
        200
    );
    let times = seen.times();
    assert!(
        times[1] > Duration::ZERO && times[1] <= millis(500),
        "{times:?}"
    );
    assert!(
        times[2] > times[1] && times[2] - times[1] <= millis(1000),
        "{times:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lone_deployment_that_was_silent_or_turned_us_down_is_not_asked_again() {
    for fault in [401, 403, 408, 504] {
        let (upstream, seen) = Upstream::alone([status(fault)]);
        assert_eq!(
            ask(upstream, RetryPolicy::new(2), Request::new("hi"))
                .await
                .0,
            fault
        );
        assert_eq!(seen.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_for_to_the_millisecond() {
    let limited = reply(429, |reply| {
        reply
            .headers
            .insert("retry-after-ms", "1234".parse().unwrap());
    });
    let (upstream, seen) = Upstream::alone([limited]);
    assert_eq!(
        ask(upstream, RetryPolicy::new(2), Request::new("hi"))
            .await
            .0,
        200
    );
    assert_eq!(seen.times(), [millis(0), millis(1234)]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_beyond_the_deadline_is_handed_on_at_once_with_the_answer() {
    let began = Instant::now();
    let ledger = Attempts::new(5);
    ledger.shorten_deadline(began + millis(3000));
    let mut request = Request::new("hi");
    request.extensions_mut().insert(ledger.clone());
    let limited = reply(429, |reply| {
        reply.headers.insert("retry-after", "3".parse().unwrap());
    });
    let (upstream, seen) = Upstream::alone([limited]);
    let retry = Retry::new(upstream, RetryPolicy::new(2));
    let response = retry.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((seen.count(), ledger.left()), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_after_the_last_attempt() {
    let began = Instant::now();
    let (upstream, seen) = Upstream::alone(vec![status(503); 9]);
    let policy = RetryPolicy::new(3).backoff(Backoff::new().shortest(millis(700)));
    assert_eq!(ask(upstream, policy, Request::new("hi")).await.0, 503);
    assert_eq!(seen.count(), 4);
    assert_eq!(seen.times().last(), Some(&began.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn the_plan_the_request_and_the_ledger_each_bound_the_attempts() {
    for (by_policy, by_request, by_ledger, attempts) in [
        (0, None, None, 1),
        (2, None, None, 3),
        (2, Some(4), None, 5),
        (2, Some(0), None, 1),
        (2, None, Some(1), 2),
        (2, None, Some(0), 1),
        (2, Some(4), Some(9), 5),
    ] {
        let mut request = Request::new("hi");
        if let Some(further) = by_ledger {
            request.extensions_mut().insert(Attempts::new(further));
        }
        let mut own = Retries::default();
        own.further = by_request;
        request.extensions_mut().insert(own);
        let (upstream, seen) = Upstream::among(vec![9; 9], vec![status(500); 9]);
        let answer = ask(upstream, RetryPolicy::new(by_policy), request).await;
        assert_eq!(answer, (500, "what happened".to_owned()));
        assert_eq!(seen.count(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_the_budget_bounds_the_attempts_of_all_requests() {
    let (upstream, seen) = Upstream::among(vec![9; 999], vec![status(503); 999]);
    let policy = RetryPolicy::new(3).budget(Budget::new(0.2, 3));
    let layer = RetryLayer::new(policy);
    for _ in 0..100 {
        let answer = layer.layer(upstream.clone()).oneshot(Request::new("hi"));
        assert_eq!(drain(answer.await.unwrap()).await, 503);
    }
    assert_eq!(seen.count(), 120);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_the_whole_request_and_shares_one_ledger() {
    let request = Request::post("http://host/path?query")
        .header("x-mine", "1")
        .extension(7_u8)
        .body("hi")
        .unwrap();
    let (upstream, seen) = Upstream::among([2, 1], [status(500), Step::Error("reset")]);
    assert_eq!(
        ask(upstream, RetryPolicy::new(2), request.clone()).await.0,
        200
    );
    for seen in seen.requests() {
        assert_eq!(seen.method(), request.method());
        assert_eq!(seen.uri(), request.uri());
        assert_eq!(seen.headers(), request.headers());
        assert_eq!(seen.extensions().get::<u8>(), Some(&7));
        assert_eq!(seen.body(), request.body());
        let ledger: &Attempts = seen.extensions().get().unwrap();
        assert_eq!((ledger.begun(), ledger.left()), (3, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_the_users_own_decides() {
    let teapots = |answer: headworks_core::Answer<'_>| -> Verdict {
        match answer {
            headworks_core::Answer::Head { status, .. } if status == 418 => Outcome::Capacity,
            _ => Outcome::Success,
        }
        .into()
    };
    for (status_code, attempts) in [(418, 2), (500, 1)] {
        let (upstream, seen) = Upstream::among([1], [status(status_code)]);
        let policy = RetryPolicy::new(2).classifier(teapots);
        let retry = RetryLayer::new(policy).layer(upstream);
        assert!(retry.oneshot(Request::new("hi")).await.is_ok());
        assert_eq!(seen.count(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn one_long_lived_instance_serves_many_requests_at_once() {
    let (upstream, seen) = Upstream::among([1, 1], [status(500), status(500)]);
    let mut retry = Retry::new(upstream, RetryPolicy::new(2));
    for _ in 0..2 {
        let response = retry.ready().await.unwrap().call(Request::new("hi")).await;
        assert_eq!(drain(response.unwrap()).await, 200);
    }
    assert_eq!(seen.count(), 4);
}

async fn drain<B>(response: Response<RetryBody<B>>) -> u16
where
    B: http_body::Body<Error = BoxError>,
    B::Data: std::fmt::Debug,
{
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status.as_u16()
}

#[test]
fn it_is_as_thread_safe_as_what_it_holds() {
    fn assert<T: Clone + Send + Sync>() {}
    assert::<Retry<()>>();
    assert::<RetryLayer>();
    assert::<Arc<Seen>>();
}
