//! A plain 200 that is no answer: nothing at all, or an error and nothing else. Both are tried elsewhere.

use crate::group_at;
use headworks_e2e::Headworks;
use headworks_upstream::{Answer, Upstream, openai};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// The path and the request of every endpoint that answers with something.
fn endpoints() -> Vec<(&'static str, Value)> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    vec![
        ("chat/completions", json!({"messages": messages})),
        ("completions", json!({"prompt": "Hello"})),
        ("embeddings", json!({"input": ["Hello"]})),
        ("responses", json!({"input": "Hello"})),
        ("messages", json!({"messages": messages, "max_tokens": 9})),
        ("messages/count_tokens", json!({"messages": messages})),
        ("moderations", json!({"input": "Hello"})),
        ("rerank", json!({"query": "q", "documents": ["a", "b"]})),
        ("images/generations", json!({"prompt": "a lake"})),
        ("audio/speech", json!({"input": "Hello", "voice": "alloy"})),
    ]
}

/// Asks every endpoint for what first comes to `answer`, wherever it goes.
async fn tried_elsewhere(answer: Answer) {
    let upstreams = Upstream::start_many(2).await;
    let settings = "router_settings: { disable_cooldowns: true }";
    let headworks = Headworks::start(&group_at(&upstreams, settings)).await;
    for (path, mut request) in endpoints() {
        request["model"] = "gpt-4o".into();
        let before: usize = upstreams.iter().map(|u| u.seen().requests).sum();
        let spoilt = Arc::new(AtomicBool::new(false));
        for upstream in &upstreams {
            let (spoilt, answer) = (spoilt.clone(), answer.clone());
            upstream.answer_with(move |request| {
                if spoilt.swap(true, Ordering::Relaxed) {
                    openai::good(request)
                } else {
                    answer.clone()
                }
            });
        }
        let answer = headworks
            .client()
            .post(&format!("/v1/{path}"), &request)
            .await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(!answer.body.is_empty(), "{path}");
        assert_eq!(answer.header("x-litellm-attempted-retries"), "1", "{path}");
        let after: usize = upstreams.iter().map(|u| u.seen().requests).sum();
        assert_eq!(after - before, 2, "{path}");
    }
}

#[tokio::test]
async fn an_empty_200_is_tried_elsewhere_at_every_endpoint() {
    tried_elsewhere(Answer::status(200)).await;
    let json = Answer::status(200).header("content-type", "application/json");
    tried_elsewhere(json).await;
}

#[tokio::test]
async fn a_200_that_holds_an_error_is_tried_elsewhere_at_every_endpoint() {
    let error = json!({"error": {"message": "the model is loading", "code": 503}});
    tried_elsewhere(Answer::json(error)).await;
}

#[tokio::test]
async fn a_200_that_holds_an_error_has_the_errors_status_when_nobody_else_can_answer() {
    let upstreams = Upstream::start_many(1).await;
    let error = json!({"error": {"message": "no such thing", "type": "invalid_request_error"}});
    upstreams[0].answer(Answer::json(error.clone()).in_chunks(7));
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let answer = headworks
        .client()
        .post(crate::CHAT, &crate::chat("gpt-4o"))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json(), error);
}

#[tokio::test]
async fn an_error_late_in_a_stream_does_not_repeat_the_key() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&crate::config::of(
        &[crate::config::openai(
            "gpt-4o",
            "secret-canary-1",
            &upstreams[0].base_url(),
        )],
        "",
    ))
    .await;
    let error = openai::error_event("server_error", "failed with key sk-secret-canary-1, sorry");
    upstreams[0].answer(openai::chat_stream("a-model", false).only(3).chunk(error));
    let mut response = headworks
        .client()
        .open(crate::CHAT, crate::chat_stream("gpt-4o").to_string())
        .await;
    let text = headworks_e2e::read_until(response.body_mut(), "sorry").await;
    assert!(text.contains("failed with key [redacted]*"), "{text}");
}
