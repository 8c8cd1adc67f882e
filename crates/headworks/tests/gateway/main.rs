//! The assembled gateway on a paused clock, over simulated deployments: what each setting does to a request.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod choice;
mod edge;
mod fallbacks;
mod made_up;
mod rests;
mod retries;
mod streams;
mod times;

use bytes::Bytes;
use headworks::{Gateway, ResponseBody, config::Config};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::ServiceExt;

const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

const STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

fn gateway(config: &str) -> Gateway {
    let config = Config::parse(config, "config.yaml").unwrap().config;
    Gateway::builder(&config).mock_faults(true).build().unwrap()
}

fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Full::new(body.to_owned().into())).unwrap()
}

fn chat(body: &str) -> Request<Full<Bytes>> {
    post("/v1/chat/completions", body)
}

async fn ask(gateway: &Gateway, request: Request<Full<Bytes>>) -> Response<ResponseBody> {
    let Ok(response) = gateway.clone().oneshot(request).await;
    response
}

async fn bytes(response: Response<ResponseBody>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn error(response: Response<ResponseBody>) -> Value {
    let body: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    body["error"].clone()
}

/// Three groups: one that fails, one that answers, one whose prompts are always too long.
const FALLBACKS: &str = r#"
model_list:
  - { model_name: sick, litellm_params: { model: simulated/sick, simulated: { errors: { "503": 1.0 } } } }
  - { model_name: well, litellm_params: { model: simulated/well } }
  - { model_name: short, litellm_params: { model: openai/x, api_key: none, mock_response: litellm.ContextWindowExceededError } }
  - { model_name: long, litellm_params: { model: simulated/long } }
router_settings:
  num_retries: 0
  model_group_alias: { alias: well }
  fallbacks: [{ sick: [short, well] }]
  context_window_fallbacks: [{ short: [long] }]
"#;

fn hello(model: &str, more: &str) -> Request<Full<Bytes>> {
    chat(&format!(
        r#"{{"model":"{model}",{more}"messages":[{{"role":"user","content":"Hello"}}]}}"#
    ))
}
