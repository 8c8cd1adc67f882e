//! The configurations of `LiteLLM`'s own documentation, as printed, placeholders filled in, and the requests
//! that go with them.

use crate::{CHAT, chat};
use headworks_e2e::Headworks;
use headworks_upstream::Upstream;
use serde_json::Value;

const THREE_DEPLOYMENTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/config/tests/fixtures/1-three-deployments.yaml"
));
const SEVERAL_INSTANCES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/config/tests/fixtures/2-several-instances.yaml"
));
const ALIAS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/config/tests/fixtures/3-alias.yaml"
));
const HIDDEN_ALIAS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/config/tests/fixtures/4-hidden-alias.yaml"
));

/// Fills in the placeholders; every deployment is at `upstream`.
fn filled_in(config: &str, upstream: &Upstream) -> String {
    let url = upstream.base_url();
    let config = config
        .replace("<your-deployment-name>", "gpt-35")
        .replace("<your-azure-endpoint>", &url)
        .replace(
            "https://my-endpoint-canada-berri992.openai.azure.com/",
            &format!("{url}/"),
        )
        .replace(
            "https://openai-france-1234.openai.azure.com/",
            &format!("{url}/"),
        )
        .replace("<your-azure-api-key>", "azure-key")
        .replace("<your redis host>", "redis.test")
        .replace("<your redis password>", "hunter2");
    assert!(!config.contains("<your"), "{config}");
    config
}

fn shown(models: &Value) -> Vec<&str> {
    let models = models["data"].as_array().unwrap();
    models
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn each_answers_a_chat_completion_and_names_the_deployment() {
    for config in [THREE_DEPLOYMENTS, SEVERAL_INSTANCES, ALIAS, HIDDEN_ALIAS] {
        let upstream = Upstream::start().await;
        let headworks = Headworks::start(&filled_in(config, &upstream)).await;
        // As curl and the SDKs send it, with any key.
        let client = headworks.client().with_key("anything");
        for path in ["/chat/completions", CHAT] {
            let answer = client.post(path, &chat("gpt-3.5-turbo")).await;
            assert_eq!(answer.status, 200, "{config}: {answer:?}");
            assert!(!answer.header("x-litellm-model-id").is_empty());
            assert!(answer.header("x-litellm-model-name").starts_with("azure/"));
            let received = upstream.last();
            assert!(
                received.path().starts_with("/openai/deployments/gpt-"),
                "{received:?}"
            );
            assert!(received.path().ends_with("/chat/completions"));
            assert_eq!(received.header("api-key"), Some("azure-key"));
            assert!(
                received
                    .uri
                    .query()
                    .is_some_and(|query| query.contains("api-version="))
            );
        }
    }
}

#[tokio::test]
async fn an_alias_is_asked_for_like_its_group() {
    for config in [THREE_DEPLOYMENTS, ALIAS] {
        let upstream = Upstream::start().await;
        let headworks = Headworks::start(&filled_in(config, &upstream)).await;
        let answer = headworks.client().post(CHAT, &chat("gpt-4")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-litellm-model-group"), "gpt-4");
        let models = headworks.client().get("/v1/models").await.json();
        assert_eq!(shown(&models), ["gpt-3.5-turbo", "gpt-4"]);
    }
}

#[tokio::test]
async fn a_hidden_alias_answers_and_is_listed_nowhere() {
    let upstream = Upstream::start().await;
    let headworks = Headworks::start(&filled_in(HIDDEN_ALIAS, &upstream)).await;
    let client = headworks.client();
    assert_eq!(client.post(CHAT, &chat("GPT-3.5-turbo")).await.status, 200);
    for path in ["/v1/models", "/v1/model/info", "/v1/model_group/info"] {
        let answer = client.get(path).await;
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(
            body.contains("gpt-3.5-turbo") && !body.contains("GPT-3.5-turbo"),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn a_request_that_asks_for_a_rate_limit_error_is_answered_all_the_same() {
    let upstream = Upstream::start().await;
    let headworks = Headworks::start(&filled_in(THREE_DEPLOYMENTS, &upstream)).await;
    let mut body = chat("gpt-3.5-turbo");
    body["mock_testing_rate_limit_error"] = true.into();
    let answer = headworks
        .client()
        .with_key("sk-1234")
        .post("/chat/completions", &body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let received = upstream.last().json();
    assert_eq!(
        received.get("mock_testing_rate_limit_error"),
        None,
        "ours, not the provider's"
    );
}

#[tokio::test]
async fn that_redis_is_not_reached_is_said_at_start() {
    let upstream = Upstream::start().await;
    let headworks = Headworks::start(&filled_in(SEVERAL_INSTANCES, &upstream)).await;
    headworks.logs("Redis does not answer").await;
    assert!(!headworks.log().contains("hunter2"));
}
