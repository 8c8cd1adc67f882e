//! Prompts that are counted by a tokenizer, where the program has one.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks::{Gateway, config::Config};

const ASKED: &str = "\
model_list:
  - model_name: m
    litellm_params: {model: simulated/a, tpm: 100000, simulated: {errors: {500: 1}}}
    model_info: {base_model: azure/gpt-4o-mini}
headworks: {tokenizer: true, limits: enforce}
router_settings: {disable_cooldowns: true, num_retries: 0}
";

fn config() -> Config {
    Config::parse(ASKED, "config.yaml").unwrap().config
}

#[cfg(not(feature = "tokenizer"))]
#[tokio::test]
async fn a_program_without_a_tokenizer_says_so() {
    let error = Gateway::new(&config()).unwrap_err().to_string();
    assert!(
        error.contains("`headworks.tokenizer`") && error.contains("feature"),
        "{error}"
    );
}

#[cfg(feature = "tokenizer")]
#[tokio::test]
async fn an_estimate_is_right_before_any_provider_has_said_what_a_prompt_costs() {
    use bytes::Bytes;
    use http::Request;
    use http_body_util::{BodyExt, Full};
    use std::time::Duration;
    use tower::ServiceExt;

    let gateway = Gateway::new(&config()).unwrap();
    // Eight letters a token, where four are taken for one.
    let text = "a".repeat(8000);
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"{text}"}}]}}"#
    );
    // What is reserved, as the answer tells it; every one is an error, and gives it back.
    let reserved = async || {
        let request = Request::post("/v1/chat/completions")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.clone())))
            .unwrap();
        let Ok(answer) = gateway.clone().oneshot(request).await;
        let left = &answer.headers()["x-ratelimit-remaining-tokens"];
        let left: u64 = left.to_str().unwrap().parse().unwrap();
        answer.into_body().collect().await.unwrap();
        100_000 - left
    };
    assert_eq!(reserved().await, 2000 + 1);
    let learned = async {
        // One message, and what a reply begins with, beside the text.
        while reserved().await != 1000 + 4 + 3 + 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), learned)
        .await
        .unwrap();
}
