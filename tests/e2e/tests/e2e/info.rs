//! The lists, in `LiteLLM`'s shapes.

use headworks_e2e::Headworks;
use serde_json::{Value, json};

const CONFIG: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params: { model: azure/eu, api_base: "https://eu.example.com", api_key: sk-1, rpm: 6, tpm: 1000, api_version: "2024-10-21" }
    model_info: { id: eu, mode: chat, max_input_tokens: 128000, supports_vision: true }
  - model_name: gpt-4o
    litellm_params: { model: openai/gpt-4o, api_key: sk-2, rpm: 4 }
    model_info: { id: us }
  - model_name: embed
    litellm_params: { model: openai/text-embedding-3-small, api_key: sk-3 }
router_settings:
  model_group_alias: { gpt-4: gpt-4o, secret: { model: gpt-4o, hidden: true } }
"#;

async fn get(path: &str) -> Value {
    let headworks = Headworks::start(CONFIG).await;
    let client = headworks.client();
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.header("content-type"), "application/json");
    let versioned = client.get(&format!("/v1{path}")).await;
    assert_eq!(answer.body, versioned.body, "/v1{path}");
    answer.json()
}

fn names<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let list = list["data"].as_array().unwrap();
    list.iter()
        .map(|entry| entry[key].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn models_are_groups_and_aliases_that_are_shown() {
    let models = get("/models").await;
    assert_eq!(models["object"], "list");
    assert_eq!(names(&models, "id"), ["embed", "gpt-4", "gpt-4o"]);
    for model in models["data"].as_array().unwrap() {
        assert_eq!(model["object"], "model");
        assert_eq!(model["created"], 1_677_610_602);
        assert_eq!(model["owned_by"], "openai");
    }
}

#[tokio::test]
async fn one_model_is_found_by_its_name() {
    let headworks = Headworks::start(CONFIG).await;
    let client = headworks.client();
    for name in ["gpt-4o", "gpt-4"] {
        let answer = client.get(&format!("/v1/models/{name}")).await;
        assert_eq!(answer.json()["id"], name);
    }
    let answer = client.get("/v1/models/gpt-5").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.error()["code"], "unknown_model");
}

#[tokio::test]
async fn model_info_has_each_deployment_and_no_key() {
    let info = get("/model/info").await;
    assert_eq!(
        names(&info, "model_name"),
        ["embed", "gpt-4", "gpt-4", "gpt-4o", "gpt-4o"]
    );
    let eu = &info["data"][3];
    assert_eq!(eu["model_info"]["id"], "eu");
    assert_eq!(eu["model_info"]["max_input_tokens"], 128_000);
    assert_eq!(eu["litellm_params"]["model"], "azure/eu");
    assert_eq!(eu["litellm_params"]["rpm"], 6);
    assert_eq!(eu["litellm_params"].get("api_key"), None);
    // Who gave no id has one, made of its settings.
    assert!(
        info["data"][0]["model_info"]["id"]
            .as_str()
            .is_some_and(|id| id.len() >= 16)
    );
}

#[tokio::test]
async fn group_info_sums_what_its_deployments_have() {
    let info = get("/model_group/info").await;
    assert_eq!(names(&info, "model_group"), ["embed", "gpt-4", "gpt-4o"]);
    let group = &info["data"][2];
    assert_eq!(group["providers"], json!(["azure", "openai"]));
    assert_eq!((&group["rpm"], &group["tpm"]), (&json!(10), &json!(1000)));
    assert_eq!(group["max_input_tokens"], 128_000);
    assert_eq!(group["mode"], "chat");
    assert_eq!(group["supports_vision"], true);
}

#[tokio::test]
async fn health_is_told_in_litellms_words() {
    let headworks = Headworks::start(CONFIG).await;
    let client = headworks.client();
    for path in ["/health/liveliness", "/health/liveness"] {
        assert_eq!(client.get(path).await.json(), "I'm alive!");
    }
    let ready = client.get("/health/readiness").await;
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (200, &json!("healthy"))
    );
}

#[tokio::test]
async fn an_id_made_of_settings_is_the_same_after_a_restart() {
    let id = |info: Value| info["data"][0]["model_info"]["id"].clone();
    assert_eq!(id(get("/model/info").await), id(get("/model/info").await));
}
