//! How requests end, over the assembled gateway on a paused clock: what the client is told, how many attempts
//! there are, and what is left of a request that is dropped.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod cancel;
mod crowd;
mod outage;
mod plan;
mod rig;
mod told;

use bytes::Bytes;
use headworks::{Gateway, ResponseBody, config::Config};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::ServiceExt;

/// A chat completion for the group `m`.
const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

fn gateway(config: &str) -> Gateway {
    let config = Config::parse(config, "config.yaml").unwrap().config;
    Gateway::builder(&config).mock_faults(true).build().unwrap()
}

/// A chat completion for the group `m`, with `more` in front of the members of its body.
fn hello(more: &str) -> Request<Full<Bytes>> {
    chat("m", more)
}

/// The same for any group.
fn chat(group: &str, more: &str) -> Request<Full<Bytes>> {
    let body = HELLO.replacen(
        "{\"model\":\"m\"",
        &format!("{{{more}\"model\":\"{group}\""),
        1,
    );
    post("/v1/chat/completions", &body)
}

fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Full::new(body.to_owned().into())).unwrap()
}

async fn ask(gateway: &Gateway, request: Request<Full<Bytes>>) -> Response<ResponseBody> {
    let Ok(response) = gateway.clone().oneshot(request).await;
    response
}

fn header<'a>(response: &'a Response<ResponseBody>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn json(response: Response<ResponseBody>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}
