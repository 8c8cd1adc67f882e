//! Usage that is asked for where the client did not ask.

use crate::{CHAT, chat, chat_stream, group_at};
use headworks_e2e::{Answer, Headworks};
use headworks_upstream::Upstream;
use serde_json::{Value, json};

pub(crate) const ASKS: &str = "general_settings: { always_include_stream_usage: true }";

/// Upstreams that are known to take `stream_options`, and what runs in front of them.
pub(crate) fn vllm_at(upstreams: &[Upstream], rest: &str) -> String {
    group_at(upstreams, rest).replace("model: openai/", "model: hosted_vllm/")
}

fn text(answer: &Answer) -> &str {
    str::from_utf8(&answer.body).unwrap()
}

/// The tokens counted so far: of prompts, and of answers.
async fn tokens(headworks: &Headworks) -> (u64, u64) {
    let answer = headworks.client().get("/metrics").await;
    let metrics = text(&answer);
    let kind = |kind: &str| {
        let kind = format!("kind=\"{kind}\"");
        let counted = metrics.lines().filter(|line| {
            line.starts_with("headworks_deployment_tokens_total") && line.contains(&kind)
        });
        let counted = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counted.sum()
    };
    (kind("input"), kind("output"))
}

#[tokio::test]
async fn a_client_that_did_not_ask_sees_none_and_its_tokens_are_counted() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&vllm_at(&upstreams, ASKS)).await;
    let client = headworks.client();
    let mut options = chat_stream("gpt-4o");
    options["stream_options"] = json!({"include_obfuscation": false});
    let mut prompt = json!({"model": "gpt-4o", "prompt": "Hello", "stream": true});
    prompt["stream_options"] = Value::Null;
    for (asked, (path, body)) in (1..).zip([
        (CHAT, chat_stream("gpt-4o")),
        (CHAT, options),
        ("/v1/completions", prompt),
    ]) {
        let answer = client.post_bytes(path, body.to_string()).await;
        assert_eq!(answer.status, 200);
        let text = text(&answer);
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert!(!text.contains("\"choices\":[]"), "{text}");
        assert!(!text.contains("prompt_tokens"), "{text}");

        let sent = upstreams[0].last().json();
        assert_eq!(sent["stream_options"]["include_usage"], true);
        let mut expected = body;
        expected["model"] = "a-model".into();
        if expected["stream_options"].is_null() {
            expected["stream_options"] = json!({});
        }
        expected["stream_options"]["include_usage"] = true.into();
        assert_eq!(sent, expected);
        assert_eq!(tokens(&headworks).await, (5 * asked, 3 * asked));
    }
}

#[tokio::test]
async fn a_client_that_asked_sees_it() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&vllm_at(&upstreams, ASKS)).await;
    let mut body = chat_stream("gpt-4o");
    body["stream_options"] = json!({"include_usage": true});
    let answer = headworks.client().post_bytes(CHAT, body.to_string()).await;
    let text = text(&answer);
    assert!(text.contains("\"prompt_tokens\":5"), "{text}");
    assert_eq!(tokens(&headworks).await, (5, 3));
}

#[tokio::test]
async fn nobody_is_asked_who_is_not_known_to_take_it_or_where_it_is_not_wanted() {
    let upstreams = Upstream::start_many(1).await;
    let wanted = chat_stream("gpt-4o");
    let mut no = chat_stream("gpt-4o");
    no["stream_options"] = json!({"include_usage": false});
    for (config, body) in [
        (group_at(&upstreams, ASKS), &wanted),
        (vllm_at(&upstreams, ""), &wanted),
        (vllm_at(&upstreams, ASKS), &no),
        (vllm_at(&upstreams, ASKS), &chat("gpt-4o")),
    ] {
        let headworks = Headworks::start(&config).await;
        let came = body.to_string();
        let answer = headworks.client().post_bytes(CHAT, came.clone()).await;
        assert_eq!(answer.status, 200);
        let expected = came.replace("gpt-4o", "a-model");
        assert_eq!(upstreams[0].last().body, expected);
    }
}
