//! Answers and failures that are made up on demand.

use crate::*;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_mocked_rate_limit_is_retried_and_the_client_sees_a_completion() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/x}}]");
    let body = HELLO.replace(
        "{\"model\"",
        "{\"mock_testing_rate_limit_error\":true,\"model\"",
    );
    let response = ask(&gateway, chat(&body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-litellm-attempted-retries"], "1");

    let once = body.replace("{\"mock", "{\"num_retries\":0,\"mock");
    let response = ask(&gateway, chat(&once)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn made_up_failures_are_refused_where_they_are_not_allowed() {
    let config = "model_list: [{model_name: m, litellm_params: {model: simulated/x}}]";
    let config = Config::parse(config, "config.yaml").unwrap().config;
    let gateway = Gateway::new(&config).unwrap();
    let body = HELLO.replace(
        "{\"model\"",
        "{\"mock_testing_rate_limit_error\":true,\"model\"",
    );
    let response = ask(&gateway, chat(&body)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let error = error(response).await;
    assert_eq!(error["code"], "mock_not_allowed");
    assert_eq!(error["param"], "mock_testing_rate_limit_error");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_made_up_in_the_request_or_in_the_configuration() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: openai/x, api_key: none, mock_response: from the file } }
  - { model_name: n, litellm_params: { model: openai/x, api_key: none, mock_response: litellm.RateLimitError } }
router_settings: { num_retries: 0 }
"#,
    );
    let content = async |request| {
        let answer = bytes(ask(&gateway, request).await).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(content(chat(HELLO)).await, "from the file");
    let own = HELLO.replace("{\"model\"", "{\"mock_response\":\"my own\",\"model\"");
    assert_eq!(content(chat(&own)).await, "my own");
    let response = ask(&gateway, chat(&HELLO.replace("\"m\"", "\"n\""))).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn fallbacks_may_be_tried_by_asking_for_their_failure() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/m } }
  - { model_name: next, litellm_params: { model: simulated/next } }
  - { model_name: long, litellm_params: { model: simulated/long } }
  - { model_name: lax, litellm_params: { model: simulated/lax } }
router_settings:
  fallbacks: [{ m: [next] }]
  context_window_fallbacks: [{ m: [long] }]
  content_policy_fallbacks: [{ m: [lax] }]
"#,
    );
    for (mock, group) in [
        ("mock_testing_fallbacks", "next"),
        ("mock_testing_context_fallbacks", "long"),
        ("mock_testing_content_policy_fallbacks", "lax"),
    ] {
        let began = Instant::now();
        let response = ask(&gateway, hello("m", &format!("\"{mock}\":true,"))).await;
        assert_eq!(response.status(), StatusCode::OK, "{mock}");
        assert_eq!(response.headers()["x-litellm-model-group"], group);
        assert_eq!(response.headers()["x-litellm-attempted-fallbacks"], "1");
        assert!(
            began.elapsed() < Duration::from_millis(100),
            "{mock} waited"
        );
        let alone = format!("\"{mock}\":true,\"disable_fallbacks\":true,\"num_retries\":0,");
        let response = ask(&gateway, hello("m", &alone)).await;
        assert_ne!(response.status(), StatusCode::OK, "{mock}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_may_be_asked_for() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/m}}]");
    let began = Instant::now();
    let silent = "\"mock_timeout\":true,\"timeout\":2,\"num_retries\":0,";
    let response = ask(&gateway, hello("m", silent)).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    let slow = "\"mock_response\":\"late\",\"mock_delay\":3,";
    let began = Instant::now();
    assert_eq!(
        ask(&gateway, hello("m", slow)).await.status(),
        StatusCode::OK
    );
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    let never = "\"mock_response\":\"late\",\"mock_delay\":1e18,\"timeout\":1,\"num_retries\":0,";
    assert_eq!(
        ask(&gateway, hello("m", never)).await.status(),
        StatusCode::REQUEST_TIMEOUT
    );
}
