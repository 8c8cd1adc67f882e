//! Answers that the provider's content policy withheld, told by their finish in a 200: who is asked next, and what
//! the client gets. Over sockets, to scripted upstreams.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{Gateway, ResponseBody, config::Config};
use headworks_upstream::{Answer, Received, Upstream, openai};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

/// Far above anything a loopback takes: it ends a test that would hang, and decides nothing else.
const LIMIT: Duration = Duration::from_secs(30);

const TO_F: &str = "content_policy_fallbacks: [{m: [f]}]";

/// A strict deployment `a` of the group `m`, and another, `b`, of the group `f`.
struct Stage {
    gateway: Gateway,
    a: Upstream,
    b: Upstream,
}

/// What a client got, to its end.
struct Got {
    status: u16,
    head: Response<()>,
    body: String,
}

impl Stage {
    /// With these router settings, and these of the gateway's own.
    async fn of(router: &str, own: &str) -> Self {
        Self::with(router, own, "").await
    }

    /// The same, with these parameters of `a`.
    async fn with(router: &str, own: &str, params: &str) -> Self {
        let (a, b) = (Upstream::start().await, Upstream::start().await);
        a.answer_with(withheld);
        let entry = |group: &str, id: &str, upstream: &Upstream, params: &str| {
            let url = upstream.base_url();
            format!(
                "- {{model_name: {group}, litellm_params: {{model: openai/{id}, api_base: '{url}/v1', api_key: none{params}}}, model_info: {{id: {id}}}}}\n"
            )
        };
        let config = format!(
            "model_list:\n{}{}router_settings: {{num_retries: 2, {router}}}\nheadworks: {{limits: enforce, {own}}}\n",
            entry("m", "a", &a, params),
            entry("f", "b", &b, "")
        );
        let config = Config::parse(&config, "config.yaml").unwrap().config;
        let gateway = Gateway::builder(&config).build().unwrap();
        Self { gateway, a, b }
    }

    async fn ask(&self, path: &str, more: Value) -> Got {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}], "input": "Hello",
            "prompt": "Hello"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(body.to_string())));
        let answer = async {
            let Ok(response) = self.gateway.clone().oneshot(request.unwrap()).await;
            let (head, body): (_, ResponseBody) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Got {
                status: head.status.as_u16(),
                head: Response::from_parts(head, ()),
                body: String::from_utf8(body.into()).unwrap(),
            }
        };
        timeout(LIMIT, answer).await.unwrap()
    }

    async fn chat(&self, more: Value) -> Got {
        self.ask("/v1/chat/completions", more).await
    }

    /// How often `a` was asked, and how often `b`.
    fn calls(&self) -> (usize, usize) {
        (self.a.seen().requests, self.b.seen().requests)
    }
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let value = self.head.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn is_withheld(&self) -> bool {
        self.body.contains("content_filter")
    }
}

/// A good answer whose finish says that it was filtered.
fn withheld(request: &Received) -> Answer {
    let good = openai::good(request);
    let chunks = good.chunks().iter().map(|chunk| {
        let text = String::from_utf8_lossy(chunk);
        text.replace(r#"_reason":"stop""#, r#"_reason":"content_filter""#)
    });
    if request.json()["stream"] == true {
        return Answer::sse(chunks);
    }
    let whole: String = chunks.collect();
    Answer::json(serde_json::from_str(&whole).unwrap())
}

/// The same, before a word of it.
fn withheld_at_once(request: &Received) -> Answer {
    let all = withheld(request);
    let words = openai::WORDS;
    let silent = all.chunks().iter().filter(|chunk| {
        let text = String::from_utf8_lossy(chunk);
        !words.iter().any(|word| text.contains(word))
    });
    Answer::sse(silent.cloned())
}

#[tokio::test]
async fn a_plain_answer_goes_to_the_content_fallbacks_and_nowhere_before() {
    let stage = Stage::of(TO_F, "").await;
    for path in ["/v1/chat/completions", "/v1/completions"] {
        let got = stage.ask(path, json!({})).await;
        assert_eq!(got.status, 200, "{}", got.body);
        assert_eq!(got.header("x-litellm-model-id"), "b", "{}", got.body);
        assert_eq!(got.header("x-litellm-model-group"), "f");
        assert_eq!(got.header("x-headworks-fallback-reason"), "content_refused");
        assert_eq!(got.header("x-litellm-attempted-retries"), "0");
        assert!(
            got.header("x-headworks-attempts")
                .starts_with("a=content_refused;")
        );
        assert!(!got.is_withheld(), "{}", got.body);
    }
    assert_eq!(stage.calls(), (2, 2));
}

#[tokio::test]
async fn without_content_fallbacks_it_passes_as_it_came() {
    for router in [
        "",
        "fallbacks: [{m: [f]}]",
        "content_policy_fallbacks: [{f: [m]}]",
    ] {
        let stage = Stage::of(router, "").await;
        for stream in [false, true] {
            let got = stage.chat(json!({"stream": stream})).await;
            assert_eq!(got.status, 200, "{router}: {}", got.body);
            assert!(got.is_withheld(), "{router}: {}", got.body);
            assert_eq!(got.header("x-should-retry"), "");
            assert_eq!(got.header("x-litellm-attempted-fallbacks"), "0");
            assert!(got.header("x-headworks-attempts").starts_with("a=success;"));
        }
        assert_eq!(stage.calls(), (2, 0));
    }
    // What a request says of itself goes before what is configured.
    let stage = Stage::of(TO_F, "").await;
    for own in [
        json!({"disable_fallbacks": true}),
        json!({"max_fallbacks": 0}),
        json!({"content_policy_fallbacks": []}),
    ] {
        let got = stage.chat(own).await;
        assert!(got.status == 200 && got.is_withheld(), "{}", got.body);
    }
    assert_eq!(stage.calls(), (3, 0));
}

#[tokio::test]
async fn a_request_may_bring_its_own_content_fallbacks() {
    let stage = Stage::of("", "").await;
    for own in [
        json!({"content_policy_fallbacks": ["f"]}),
        json!({"content_policy_fallbacks": [{"m": ["f"]}]}),
        json!({"fallbacks": ["f"]}),
    ] {
        let got = stage.chat(own.clone()).await;
        assert_eq!(got.header("x-litellm-model-id"), "b", "{own}: {}", got.body);
    }
    assert_eq!(stage.calls(), (3, 3));
}

#[tokio::test]
async fn a_stream_that_is_held_whole_goes_there_too() {
    let stage = Stage::of(TO_F, "commit: complete").await;
    let got = stage.chat(json!({"stream": true})).await;
    assert_eq!(got.header("x-litellm-model-id"), "b", "{}", got.body);
    assert!(
        !got.is_withheld() && got.body.ends_with("data: [DONE]\n\n"),
        "{}",
        got.body
    );
    assert_eq!(stage.calls(), (1, 1));
}

#[tokio::test]
async fn a_stream_that_has_said_something_passes_and_one_that_has_not_goes_elsewhere() {
    let stage = Stage::of(TO_F, "").await;
    let got = stage.chat(json!({"stream": true})).await;
    assert_eq!(got.header("x-litellm-model-id"), "a");
    assert!(
        got.is_withheld() && got.body.contains("Hello"),
        "{}",
        got.body
    );
    assert_eq!(stage.calls(), (1, 0));

    stage.a.answer_with(withheld_at_once);
    let got = stage.chat(json!({"stream": true})).await;
    assert_eq!(got.header("x-litellm-model-id"), "b", "{}", got.body);
    assert_eq!(stage.calls(), (2, 1));
}

#[tokio::test]
async fn where_the_fallback_fails_the_client_gets_the_answer_that_was_withheld() {
    let stage = Stage::of(TO_F, "").await;
    stage
        .b
        .answer_with(|_| openai::error(503, "server_error", "no room"));
    let got = stage.chat(json!({})).await;
    let sent = withheld(&stage.a.last()).chunks().concat();
    assert_eq!(got.body.as_bytes(), sent, "to the byte");
    assert_eq!(got.status, 200);
    assert_eq!(got.header("x-litellm-model-id"), "a");
    assert_eq!(got.header("x-litellm-attempted-fallbacks"), "1");
    assert_eq!(got.header("x-headworks-fallback-reason"), "content_refused");
    assert_eq!(got.header("x-should-retry"), "", "a 200 is no error");
    assert_eq!(got.header("content-length"), sent.len().to_string());
}

#[tokio::test]
async fn however_long_a_plain_answer_is_it_is_not_lost_where_the_fallback_fails() {
    let stage = Stage::of(TO_F, "").await;
    let long = |request: &Received| {
        let short = withheld(request).chunks().concat();
        let mut answer: Value = serde_json::from_slice(&short).unwrap();
        answer["choices"][0]["message"]["content"] = "word ".repeat(20 * 1024).into();
        Answer::json(answer)
    };
    stage.a.answer_with(long);
    stage
        .b
        .answer_with(|_| openai::error(503, "server_error", "no room"));
    let got = stage.chat(json!({})).await;
    let sent = long(&stage.a.last()).chunks().concat();
    assert_eq!((got.status, got.header("x-litellm-model-id")), (200, "a"));
    assert!(sent.len() > 100 * 1024 && got.body.as_bytes() == sent);
    assert_eq!(got.header("content-length"), sent.len().to_string());
    assert_eq!(stage.calls().0, 1);
}

#[tokio::test]
async fn however_long_a_held_stream_is_it_is_not_lost_where_the_fallback_fails() {
    let stage = Stage::of(TO_F, "commit: complete").await;
    let chunk = |delta: Value, finish: Value| {
        openai::event(
            &json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "a",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}),
        )
    };
    let mut events = vec![chunk(json!({"content": "word "}), Value::Null); 700];
    events.push(chunk(json!({}), "content_filter".into()));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    let sent = events.concat();
    stage
        .a
        .answer_with(move |_| Answer::sse(events.iter().cloned()));
    stage
        .b
        .answer_with(|_| openai::error(503, "server_error", "no room"));
    let got = stage.chat(json!({"stream": true})).await;
    assert_eq!((got.status, got.header("x-litellm-model-id")), (200, "a"));
    assert!(sent.len() > 100 * 1024 && got.body.as_bytes() == sent);
    assert_eq!(got.header("x-headworks-fallback-reason"), "content_refused");
    assert_eq!(stage.calls().0, 1);
}

#[tokio::test]
async fn where_the_fallback_withholds_it_too_its_answer_is_the_last() {
    let stage = Stage::of(TO_F, "").await;
    stage.b.answer_with(withheld);
    let got = stage.chat(json!({})).await;
    assert!(got.status == 200 && got.is_withheld(), "{}", got.body);
    assert_eq!(got.header("x-litellm-model-id"), "b");
    assert_eq!(stage.calls(), (1, 1));
}

#[tokio::test]
async fn nobody_is_blamed_and_what_it_has_cost_is_settled() {
    let stage = Stage::with(TO_F, "", ", tpm: 100").await;
    let mut answered = 0;
    let refused = loop {
        assert!(answered < 50, "nothing is counted");
        let got = stage.chat(json!({"max_tokens": 3})).await;
        if got.header("x-litellm-model-id") != "b" {
            break got;
        }
        answered += 1;
        assert_eq!(
            stage.calls(),
            (answered, answered),
            "it is asked first each time"
        );
    };
    // Eight tokens each of a hundred a minute; the last of them has to fit as it is estimated.
    assert!((10..=12).contains(&answered), "{answered}");
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(
        refused
            .header("x-headworks-refused")
            .starts_with("a=at_its_limit")
    );
}

#[tokio::test]
async fn a_plain_answer_that_breaks_before_its_end_has_told_nobody_anything() {
    let stage = Stage::of(TO_F, "").await;
    stage.a.answer_with(|request| {
        let good = openai::good(request);
        let length: usize = good.chunks().iter().map(Bytes::len).sum();
        good.in_chunks(length - 1).cut_after(1)
    });
    let got = stage.chat(json!({"num_retries": 1})).await;
    assert_eq!((got.status, stage.calls()), (500, (2, 0)), "{}", got.body);
    assert_eq!(got.header("x-headworks-error"), "stream_cut");
    let said = "broke off before any of it could be passed on";
    assert!(got.body.contains(said), "{}", got.body);
}
