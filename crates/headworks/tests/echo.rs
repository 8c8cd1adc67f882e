//! Upstreams that repeat what they were sent: nothing that signs in there reaches the client, and nothing else is
//! touched. Over sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{Gateway, config::Config};
use headworks_upstream::{Answer, Received, Upstream, openai};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

const CANARY: &str = "canary";

/// How each kind of provider is addressed: the model, and the headers its key comes in.
const PROVIDERS: [(&str, &str); 3] = [
    ("openai/x", "authorization"),
    ("azure/x", "api-key"),
    ("anthropic/x", "x-api-key"),
];

async fn stage(model: &str) -> (Gateway, Upstream) {
    let upstream = Upstream::start().await;
    let url = upstream.base_url();
    let config = format!(
        "model_list: [{{model_name: m, litellm_params: {{model: {model}, api_base: '{url}', api_key: sk-{CANARY}-the-key-1, \
         extra_headers: {{x-own-token: {CANARY}-own-token-2, cf-aig-authorization: 'Bearer {CANARY}-gateway-3', \
         x-team: team-of-nobody}}}}}}]\nrouter_settings: {{num_retries: 0}}\n"
    );
    let config = Config::parse(&config, "config.yaml").unwrap().config;
    (Gateway::new(&config).unwrap(), upstream)
}

async fn ask(gateway: &Gateway, model: &str, stream: bool) -> (Response<()>, String) {
    let path = match model.starts_with("anthropic") {
        true => "/v1/messages",
        false => "/v1/chat/completions",
    };
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({"model": "m", "stream": stream, "max_tokens": 9, "messages": messages});
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(body.to_string())));
    let Ok(response) = gateway.clone().oneshot(request.unwrap()).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.into()).unwrap();
    (Response::from_parts(head, ()), body)
}

/// What it was sent, in pieces that cut whatever there is, and in headers.
fn echo(request: &Received, status: u16) -> Answer {
    let answer = openai::echo(request).with_status(status).in_chunks(7);
    let own = request.header("x-own-token").unwrap();
    answer.header("x-echo", own).header("x-fine", "yes")
}

/// The same in a stream, in the words of an answer.
fn echoing_stream(request: &Received) -> Answer {
    let all = openai::echo(request).chunks().concat();
    let all = String::from_utf8_lossy(&all).into_owned();
    let word = match request.path().ends_with("/messages") {
        true => {
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": all}})
        }
        false => json!({"choices": [{"index": 0, "delta": {"content": all}}]}),
    };
    openai::good(request).insert(1, openai::named_event(&word))
}

#[tokio::test]
async fn nothing_that_signs_in_comes_back_and_everything_else_does() {
    for (model, header) in PROVIDERS {
        let (gateway, upstream) = stage(model).await;
        for status in [200, 400, 401, 500] {
            upstream.answer_with(move |request| echo(request, status));
            let (head, body) = ask(&gateway, model, false).await;
            let sent = upstream.last();
            let key = sent.header(header).unwrap();
            assert!(key.ends_with("sk-canary-the-key-1"), "it was in use: {key}");
            let what = format!("{model} {status}: {:?} {body}", head.headers());
            assert_eq!(head.status().as_u16(), status, "{what}");
            assert!(!what.contains(CANARY), "{what}");
            assert_eq!(head.headers()["x-fine"], "yes", "{what}");
            // As long as it was, and the same but for the secrets.
            let wanted = openai::echo(&sent).chunks().concat();
            assert_eq!(body.len(), wanted.len(), "{what}");
            let told: Value = serde_json::from_str(&body).unwrap();
            let headers = &told["headers"];
            assert_eq!(headers["x-team"], "team-of-nobody", "{what}");
            assert_eq!(headers["x-own-token"], "[redacted]********", "{what}");
            assert_eq!(
                headers["cf-aig-authorization"], "Bearer [redacted]******",
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn a_stream_does_not_tell_either() {
    for (model, _) in PROVIDERS {
        let (gateway, upstream) = stage(model).await;
        upstream.answer_with(echoing_stream);
        let (head, body) = ask(&gateway, model, true).await;
        let what = format!("{model}: {:?} {body}", head.headers());
        assert_eq!(head.status(), 200, "{what}");
        assert!(!what.contains(CANARY), "{what}");
        assert!(
            body.contains("team-of-nobody") && body.contains("[redacted]*"),
            "{what}"
        );
    }
}
