//! Streams that fall silent: elsewhere before the first token, an honest end after it, and the upstream let go.

use crate::{CHAT, chat_stream, group_at};
use headworks_e2e::{Headworks, bounded, config, read_until};
use headworks_upstream::{Answer, Gate, Upstream, openai};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const IDLE: &str = "headworks: { stream_idle_timeout: 0.3 }";

/// A streamed endpoint.
struct Endpoint {
    path: &'static str,
    request: Value,
    answer: fn() -> Answer,
    /// After how many chunks its first token is there, and how it reads.
    token: (usize, &'static str),
    /// How the error event begins.
    error: &'static str,
}

fn endpoints() -> [Endpoint; 4] {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    [
        Endpoint {
            path: "/v1/chat/completions",
            request: json!({"model": "gpt", "stream": true, "messages": messages}),
            answer: || openai::chat_stream("a-model", false),
            token: (2, "Hello"),
            error: "data: {\"error\":{",
        },
        Endpoint {
            path: "/v1/completions",
            request: json!({"model": "gpt", "stream": true, "prompt": "Hello"}),
            answer: || openai::completion_stream("a-model", false),
            token: (1, "Hello"),
            error: "data: {\"error\":{",
        },
        Endpoint {
            path: "/v1/responses",
            request: json!({"model": "gpt", "stream": true, "input": "Hello"}),
            answer: || openai::response_stream("a-model"),
            token: (2, "Hello"),
            error: "event: response.failed\n",
        },
        Endpoint {
            path: "/v1/messages",
            request: json!({"model": "claude", "stream": true, "max_tokens": 9, "messages": messages}),
            answer: || openai::message_stream("a-model"),
            token: (3, "Hello"),
            error: "event: error\n",
        },
    ]
}

/// One upstream behind two deployments of either group: who is silent is not asked again.
async fn start() -> (Upstream, Headworks) {
    let upstream = Upstream::start().await;
    let url = upstream.base_url();
    let deployments = [
        config::openai("gpt", "gpt", &url),
        config::openai("gpt", "gpt-too", &url),
        config::anthropic("claude", "claude", &url),
        config::anthropic("claude", "claude-too", &url),
    ];
    let headworks = Headworks::start(&config::of(&deployments, IDLE)).await;
    (upstream, headworks)
}

#[tokio::test]
async fn a_stall_after_the_first_token_ends_in_the_endpoints_own_error_event() {
    let (upstream, headworks) = start().await;
    let client = headworks.client();
    for (at, endpoint) in endpoints().iter().enumerate() {
        let (chunks, token) = endpoint.token;
        upstream.answer_next((endpoint.answer)().stall_after(chunks));
        let mut response = client
            .open(endpoint.path, endpoint.request.to_string())
            .await;
        assert_eq!(response.status(), 200, "{}", endpoint.path);
        let mut text = read_until(response.body_mut(), token).await;
        let broken = loop {
            match bounded(response.frame()).await {
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap();
                    text.push_str(std::str::from_utf8(&data).unwrap());
                }
                other => break other.is_some(),
            }
        };
        assert!(
            broken,
            "{} ended as if it were whole: {text}",
            endpoint.path
        );
        assert!(text.contains(endpoint.error), "{text}");
        assert!(text.contains("idle timeout of 300ms elapsed"), "{text}");
        assert!(!text.contains("[DONE]"), "{text}");
        // One attempt, and its connection is given up.
        let gone = upstream.wait_for(Duration::from_secs(5), |seen| seen.clients_left == at + 1);
        gone.await.unwrap();
        assert_eq!(upstream.seen().requests, at + 1);
    }
    let metrics = client.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    let timeouts = metrics
        .lines()
        .filter(|line| line.contains("outcomes_total") && line.contains("\"timeout\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap());
    assert_eq!(timeouts.sum::<usize>(), endpoints().len(), "{metrics}");
}

#[tokio::test]
async fn a_stall_before_the_first_token_is_tried_elsewhere() {
    let (upstream, headworks) = start().await;
    let client = headworks.client();
    for endpoint in endpoints() {
        let (chunks, token) = endpoint.token;
        if chunks == 1 {
            // Its first event is its first token.
            continue;
        }
        upstream.answer_next((endpoint.answer)().stall_after(chunks - 1));
        let mut response = client
            .open(endpoint.path, endpoint.request.to_string())
            .await;
        assert_eq!(response.status(), 200, "{}", endpoint.path);
        assert_eq!(response.headers()["x-litellm-attempted-retries"], "1");
        read_until(response.body_mut(), token).await;
        assert!(bounded(response.into_body().collect()).await.is_ok());
    }
}

#[tokio::test]
async fn what_stalls_everywhere_is_a_timeout_of_its_own() {
    let upstreams = Upstream::start_many(2).await;
    for upstream in &upstreams {
        upstream.answer(openai::chat_stream("a-model", false).stall_after(1));
    }
    let headworks = Headworks::start(&group_at(&upstreams, IDLE)).await;
    let answer = headworks.client().post(CHAT, &chat_stream("gpt-4o")).await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.error()["type"], "timeout_error");
    assert_eq!(answer.error()["code"], "stream_idle_timeout");
}

#[tokio::test]
async fn a_client_that_reads_slowly_does_not_make_the_stream_idle() {
    let upstreams = Upstream::start_many(1).await;
    let (flood, last) = (Gate::new(), Gate::new());
    // More than all buffers on the way hold, and then the end.
    let word = "x".repeat(1024 * 1024);
    let event = openai::event(&json!({"choices": [{"index": 0, "delta": {"content": word}}]}));
    let mut events = vec![event; 24];
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    events.push(openai::event(&finish));
    events.push("data: [DONE]\n\n".into());
    upstreams[0].answer(
        Answer::sse(events)
            .hold_before(1, &flood)
            .hold_before(25, &last),
    );
    let headworks = Headworks::start(&group_at(&upstreams, IDLE)).await;
    let mut response = headworks
        .client()
        .open(CHAT, chat_stream("gpt-4o").to_string())
        .await;
    flood.open();
    // Nothing is read for longer than a stream may be silent: the upstream has more all the while.
    tokio::time::sleep(Duration::from_secs(1)).await;
    last.open();
    let text = read_until(response.body_mut(), "[DONE]").await;
    assert!(!text.contains("\"error\""));
    assert!(bounded(response.frame()).await.is_none());
}

#[tokio::test]
async fn a_head_that_does_not_come_is_a_timeout_of_its_own() {
    let upstreams = Upstream::start_many(1).await;
    let headworks =
        Headworks::start(&group_at(&upstreams, "headworks: { headers_timeout: 0.3 }")).await;
    upstreams[0].answer(Answer::silence());
    let answer = headworks.client().post(CHAT, &chat_stream("gpt-4o")).await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.error()["code"], "headers_timeout");
    // A plain answer may think for as long as its attempt may take.
    let late = openai::chat("a-model").latency(Duration::from_millis(600));
    upstreams[0].answer(late);
    let answer = headworks.client().post(CHAT, &crate::chat("gpt-4o")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_first_token_that_does_not_come_is_a_timeout_of_its_own() {
    let upstreams = Upstream::start_many(1).await;
    upstreams[0].answer(openai::chat_stream("a-model", false).stall_after(1));
    let headworks =
        Headworks::start(&group_at(&upstreams, "headworks: { ttft_timeout: 0.3 }")).await;
    let answer = headworks.client().post(CHAT, &chat_stream("gpt-4o")).await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.error()["code"], "first_token_timeout");
}

#[tokio::test]
async fn a_group_that_commits_to_whole_answers_fails_over_at_its_last_event() {
    let upstreams = Upstream::start_many(2).await;
    let whole = "headworks: { stream_idle_timeout: 0.3, model_group_commit: { gpt-4o: complete } }";
    let headworks = Headworks::start(&group_at(&upstreams, whole)).await;
    // Wherever the first attempt goes.
    let stalled = Arc::new(AtomicBool::new(false));
    for upstream in &upstreams {
        let stalled = stalled.clone();
        upstream.answer_with(move |_| {
            let answer = openai::chat_stream("a-model", false);
            if stalled.swap(true, Ordering::Relaxed) {
                answer
            } else {
                answer.stall_after(4)
            }
        });
    }
    let answer = headworks.client().post(CHAT, &chat_stream("gpt-4o")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-litellm-attempted-retries"), "1");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(text.matches("Hello").count(), 1);
    assert!(text.ends_with("data: [DONE]\n\n"));
}
