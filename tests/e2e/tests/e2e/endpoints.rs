//! Every endpoint, by every path it has, streamed or not.

use crate::{CHAT, chat};
use headworks_e2e::{Answer, Client, Headworks, config};
use headworks_upstream::Upstream;
use http::{Method, header};
use http_body_util::Full;
use serde_json::{Value, json};

/// The JSON endpoints: path below `/v1`, what else a request says, whether it can be streamed, the group.
fn endpoints() -> Vec<(&'static str, Value, bool, &'static str)> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    vec![
        (
            "/chat/completions",
            json!({"messages": messages}),
            true,
            "gpt",
        ),
        ("/completions", json!({"prompt": "Hello"}), true, "gpt"),
        ("/embeddings", json!({"input": ["Hello"]}), false, "gpt"),
        ("/responses", json!({"input": "Hello"}), true, "gpt"),
        (
            "/messages",
            json!({"messages": messages, "max_tokens": 9}),
            true,
            "claude",
        ),
        (
            "/messages/count_tokens",
            json!({"messages": messages}),
            false,
            "claude",
        ),
        ("/moderations", json!({"input": "Hello"}), false, "gpt"),
        (
            "/rerank",
            json!({"query": "q", "documents": ["a", "b"]}),
            false,
            "gpt",
        ),
        (
            "/images/generations",
            json!({"prompt": "a lake"}),
            false,
            "gpt",
        ),
        (
            "/audio/speech",
            json!({"input": "Hello", "voice": "alloy"}),
            false,
            "gpt",
        ),
    ]
}

async fn start() -> (Upstream, Headworks) {
    let upstream = Upstream::start().await;
    let url = upstream.base_url();
    let deployments = [
        config::openai("gpt", "gpt", &url),
        config::anthropic("claude", "claude", &url),
    ];
    let headworks = Headworks::start(&config::of(&deployments, "")).await;
    (upstream, headworks)
}

/// Asks the gateway for `path`, and the upstream itself for what it has just been asked by the gateway: both
/// must get the same.
async fn passes(upstream: &Upstream, client: &Client, path: &str, body: &Value) -> Answer {
    let through = client.post(path, body).await;
    assert_eq!(through.status, 200, "{path}: {through:?}");
    let received = upstream.last();
    let straight = Client::new(upstream.base_url());
    let direct = straight
        .post_bytes(received.path(), received.body.clone())
        .await;
    assert_eq!(through.body, direct.body, "{path}");
    let content_type = |answer: &Answer| answer.header("content-type").to_owned();
    assert_eq!(content_type(&through), content_type(&direct), "{path}");
    through
}

#[tokio::test]
async fn each_is_answered_with_and_without_version_and_as_a_deployment() {
    let (upstream, headworks) = start().await;
    let client = headworks.client();
    for (endpoint, rest, streams, group) in endpoints() {
        for streamed in [false, true].into_iter().take(1 + usize::from(streams)) {
            let mut body = rest.clone();
            if streamed {
                body["stream"] = true.into();
            }
            let mut named = body.clone();
            named["model"] = group.into();
            for (path, body) in [
                (format!("/v1{endpoint}"), &named),
                (endpoint.to_owned(), &named),
                // Azure's SDK sends no model in the body.
                (format!("/openai/deployments/{group}{endpoint}"), &body),
                (
                    format!("/openai/deployments/{group}{endpoint}?api-version=2024-10-21"),
                    &named,
                ),
            ] {
                let answer = passes(&upstream, &client, &path, body).await;
                assert_eq!(answer.header("x-litellm-model-id"), group, "{path}");
                // The one before it is the gateway's; the last was ours.
                let received = upstream.received().into_iter().rev().nth(1).unwrap();
                assert_eq!(received.uri.to_string(), format!("/v1{endpoint}"), "{path}");
                let mut expected = body.clone();
                expected["model"] = format!("{group}-model").into();
                assert_eq!(received.json(), expected, "{path}");
                let credential = match group {
                    "claude" => received.header("x-api-key") == Some("sk-claude"),
                    _ => received.header("authorization") == Some("Bearer sk-gpt"),
                };
                assert!(credential, "{path}: {:?}", received.headers);
            }
        }
    }
}

#[tokio::test]
async fn a_transcription_names_its_model_in_a_form() {
    let (upstream, headworks) = start().await;
    let client = headworks.client();
    let form = concat!(
        "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n",
        "content-type: audio/wav\r\n\r\nRIFF\u{0}model\r\n",
        "--XX\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngpt\r\n--XX--\r\n",
    );
    for path in ["/v1/audio/transcriptions", "/audio/transcriptions"] {
        let request = client
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XX")
            .body(Full::from(form));
        let answer = Answer::of(client.send(request.unwrap()).await).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["text"], "Hello from upstream");
        let expected = form.replace("\r\n\r\ngpt\r\n", "\r\n\r\ngpt-model\r\n");
        assert_eq!(upstream.last().body, expected);
    }
}

#[tokio::test]
async fn an_alias_reaches_its_group_and_the_answer_says_what_was_asked() {
    let upstream = Upstream::start().await;
    let aliases = "router_settings: { model_group_alias: { gpt-4: gpt, hidden: { model: gpt, hidden: true } } }";
    let deployment = config::openai("gpt", "gpt", &upstream.base_url());
    let headworks = Headworks::start(&config::of(&[deployment], aliases)).await;
    for name in ["gpt", "gpt-4", "hidden"] {
        let answer = headworks.client().post(CHAT, &chat(name)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-litellm-model-group"), name);
        assert_eq!(upstream.last().json()["model"], "gpt-model");
    }
}
