//! Comments for clients that wait for a stream, on a paused clock, over simulated deployments.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{Gateway, ResponseBody, config::Config};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

const COMMENT: &str = ": keep-alive\n\n";

/// One deployment that takes so long, or fails after as long.
fn gateway(simulated: &str, own: &str) -> Gateway {
    let text = format!(
        "model_list:\n  - {{model_name: m, litellm_params: {{model: simulated/a, simulated: {{{simulated}}}}}, model_info: {{id: a}}}}\n\
         router_settings: {{num_retries: 0}}\nheadworks: {{{own}}}\n"
    );
    Gateway::new(&Config::parse(&text, "config.yaml").unwrap().config).unwrap()
}

async fn ask(gateway: &Gateway, path: &str, stream: bool) -> Response<ResponseBody> {
    let body = json!({
        "model": "m", "stream": stream, "max_tokens": 9, "input": "Hello", "prompt": "Hello",
        "messages": [{"role": "user", "content": "Hello"}],
    });
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let Ok(response) = gateway.clone().oneshot(request).await;
    response
}

/// What came, and whether it came to its end.
async fn read(response: Response<ResponseBody>) -> (String, bool) {
    let mut body = Box::pin(response.into_body());
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap(),
            Err(_) => return (text, false),
        }
    }
    (text, true)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_is_sent_a_comment_from_time_to_time_and_then_its_stream() {
    let slow = gateway("latency_ms: 40000", "stream_keepalive: 15");
    let at_once = gateway("latency_ms: 0", "stream_keepalive: 15");
    for path in [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/messages",
    ] {
        let began = Instant::now();
        let response = ask(&slow, path, true).await;
        assert_eq!(began.elapsed(), Duration::from_secs(15), "{path}");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("x-litellm-call-id"));
        let (text, whole) = read(response).await;
        assert!(whole, "{path}: {text}");
        let stream = text.strip_prefix(&COMMENT.repeat(2)).unwrap();
        assert!(!stream.contains(COMMENT), "{path}: {stream}");
        // It is the stream that others get at once.
        let (usual, _) = read(ask(&at_once, path, true).await).await;
        let events = |text: &str| text.matches("data:").count();
        assert_eq!(events(stream), events(&usual), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_the_first_comment_is_told_as_an_event_and_broken_off() {
    let failing = gateway(
        "latency_ms: 20000, errors: {429: 1.0}",
        "stream_keepalive: 15",
    );
    for (path, begins) in [
        ("/v1/chat/completions", "data: {\"error\":"),
        ("/v1/responses", "event: response.failed\ndata: {"),
        ("/v1/messages", "event: error\ndata: {"),
    ] {
        let (text, whole) = read(ask(&failing, path, true).await).await;
        assert!(!whole, "{path}: it is broken off");
        let event = text.strip_prefix(COMMENT).unwrap();
        assert!(event.starts_with(begins), "{path}: {event}");
        assert!(
            !event.contains("[DONE]") && event.ends_with("\n\n"),
            "{path}: {event}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_first_comment_is_due_and_for_plain_answers_nothing_changes() {
    let keepalive = "stream_keepalive: 15";
    let early = ask(
        &gateway("latency_ms: 14000", keepalive),
        "/v1/chat/completions",
        true,
    )
    .await;
    assert!(early.headers().contains_key("x-litellm-model-id"));
    assert!(!read(early).await.0.contains(COMMENT));

    let failing = gateway("latency_ms: 14000, errors: {429: 1.0}", keepalive);
    let refused = ask(&failing, "/v1/chat/completions", true).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);

    let plain = ask(
        &gateway("latency_ms: 40000", keepalive),
        "/v1/chat/completions",
        false,
    )
    .await;
    assert!(plain.headers().contains_key("x-litellm-model-id"));

    let without = ask(
        &gateway("latency_ms: 40000", ""),
        "/v1/chat/completions",
        true,
    )
    .await;
    assert!(without.headers().contains_key("x-litellm-model-id"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_is_kept_waiting_ends_the_attempt() {
    let slow = gateway("latency_ms: 40000", "stream_keepalive: 15");
    let mut body = Box::pin(ask(&slow, "/v1/chat/completions", true).await.into_body());
    body.frame().await.unwrap().unwrap();
    let in_flight = || slow.standing("a").unwrap().in_flight;
    assert_eq!(in_flight(), 1);
    drop(body);
    assert_eq!(in_flight(), 0);
}
