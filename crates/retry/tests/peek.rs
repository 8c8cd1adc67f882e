//! The head of an answer is held until it is known whether anything follows it.

use bytes::Bytes;
use headworks_contract::{
    Failure, Inner, OddBody, Play, ScriptedBody, Step, bodies, checks, request, run,
};
use headworks_core::{BoxError, GrpcClassifier, Outcome, Verdict};
use headworks_retry::{PeekLayer, RetryLayer, RetryPolicy, peek::PeekBody};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::Body;
use http_body_util::BodyExt;
use std::{pin::pin, time::Duration};
use tokio::time::timeout;
use tower::{Layer, ServiceExt};

fn trailers(status: u32) -> Step {
    let name = HeaderName::from_static("grpc-status");
    let status = HeaderValue::from(status);
    Step::Trailers(HeaderMap::from_iter([(name, status)]))
}

fn message() -> Step {
    Step::Data(Bytes::from_static(b"a message"))
}

fn layer() -> PeekLayer<GrpcClassifier> {
    PeekLayer::default()
}

async fn peeked(make: fn() -> ScriptedBody) -> Result<Response<PeekBody<ScriptedBody>>, BoxError> {
    layer()
        .layer(Inner::answering(make))
        .oneshot(request())
        .await
}

fn verdict<B>(response: &Response<B>) -> Option<Outcome> {
    let verdict = response.extensions().get::<Verdict>();
    verdict.map(|verdict| verdict.outcome)
}

#[tokio::test]
async fn trailers_without_a_message_are_judged_with_the_head_and_still_pass() {
    let response = peeked(|| ScriptedBody::new([trailers(14)])).await.unwrap();
    assert_eq!(verdict(&response), Some(Outcome::Capacity));
    let body = response.into_body();
    assert!(!body.is_end_stream());
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "14");
}

#[tokio::test]
async fn trailers_of_success_and_trailers_after_a_message_leave_no_verdict() {
    for make in [
        || ScriptedBody::new([trailers(0)]),
        || ScriptedBody::new([message(), trailers(14)]),
    ] {
        let response = peeked(make).await.unwrap();
        assert_eq!(verdict(&response), None);
        let trailers = response.into_body().collect().await.unwrap();
        assert!(trailers.trailers().unwrap().contains_key("grpc-status"));
    }
}

#[tokio::test]
async fn a_message_that_was_seen_is_still_counted_in_the_length() {
    let response = peeked(ScriptedBody::good).await.unwrap();
    let mut body = pin!(response.into_body());
    assert_eq!(body.size_hint().exact(), Some(11));
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "Hello"
    );
    assert_eq!(body.size_hint().exact(), Some(6));
}

#[tokio::test]
async fn a_body_that_breaks_before_its_first_frame_is_an_error_and_later_an_error_of_the_body() {
    let error = peeked(|| ScriptedBody::new([Step::Fail(Failure::reset())])).await;
    assert!(error.unwrap_err().is::<Failure>());

    let response = peeked(|| ScriptedBody::new([message(), Step::Fail(Failure::reset())])).await;
    let mut body = pin!(response.unwrap().into_body());
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_head_waits_for_the_first_frame_unless_it_is_a_failure_itself() {
    let stalled = || ScriptedBody::new([Step::Stall]);
    let answer = layer().layer(Inner::answering(stalled)).oneshot(request());
    assert!(timeout(Duration::from_secs(60), answer).await.is_err());

    let refusing = Inner::new(move || {
        let mut response = Response::new(stalled());
        let headers = response.headers_mut();
        headers.insert("grpc-status", HeaderValue::from(8));
        Play::Answer(response)
    });
    let answer = layer().layer(refusing).oneshot(request());
    let answer = timeout(Duration::from_secs(60), answer).await.unwrap();
    assert_eq!(answer.unwrap().headers()["grpc-status"], "8");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_in_its_trailers_is_tried_again() {
    let inner = Inner::answering(|| ScriptedBody::new([trailers(14)]));
    let policy = RetryPolicy::new(2).classifier(GrpcClassifier::default());
    let stack = RetryLayer::new(policy).layer(layer().layer(inner.clone()));
    let request = request().map(|_| ());
    let response = stack.oneshot(request).await.unwrap();
    assert_eq!(verdict(&response), Some(Outcome::Capacity));
    assert_eq!(inner.calls(), 3);
}

#[test]
fn it_is_a_layer_like_any_other() {
    checks::auto_traits(&layer());
    run(checks::a_clone_for_each_request(layer()));
    run(checks::one_instance_for_all(layer()));
    run(checks::behind_a_buffer(layer()));
    run(checks::only_what_was_polled_ready(layer()));
    run(checks::inner_errors_are_the_source(layer()));
    run(checks::what_is_dropped_ends_within(layer()));
    run(checks::request_body_passes(layer(), bodies::odd));
    run(checks::response_body_passes(layer(), OddBody::one_frame));
}
