//! Another attempt, elsewhere.

use crate::*;
use headworks::core::DeploymentId;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_elsewhere_and_the_client_sees_a_count() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, weight: 1, simulated: { errors: { "503": 1.0 } } }, model_info: { id: sick } }
  - { model_name: m, litellm_params: { model: simulated/x, weight: 0 }, model_info: { id: well } }
"#,
    );
    for body in [HELLO, STREAM] {
        let began = Instant::now();
        let response = ask(&gateway, chat(body)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-litellm-model-id"], "well");
        assert_eq!(response.headers()["x-litellm-attempted-retries"], "1");
        assert_eq!(response.headers()["x-litellm-max-retries"], "2");
        assert_eq!(
            response.extensions().get(),
            Some(&DeploymentId::from("well"))
        );
        assert!(
            began.elapsed() < Duration::from_millis(50),
            "a sibling is asked at once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_is_retried_more_than_it_asks_for() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { errors: { "500": 1.0 } } } }
  - { model_name: m, litellm_params: { model: simulated/z, simulated: { errors: { "500": 1.0 } } } }
"#,
    );
    let with_header = |retries: &str| {
        let mut request = chat(HELLO);
        let headers = request.headers_mut();
        headers.insert("x-litellm-num-retries", retries.parse().unwrap());
        request
    };
    let in_body = HELLO.replace("{\"model\"", "{\"num_retries\":0,\"model\"");
    for (request, retries) in [
        (chat(HELLO), "2"),
        (with_header("1"), "1"),
        (chat(&in_body), "0"),
    ] {
        let response = ask(&gateway, request).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-litellm-attempted-retries"], retries);
        assert!(response.headers().get("x-headworks-error").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_may_not_ask_for_any_number_of_retries() {
    let gateway = gateway(FALLBACKS);
    let own = "\"num_retries\":4000000000,\"disable_fallbacks\":true,";
    let response = ask(&gateway, hello("sick", own)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let retries = response.headers()["x-litellm-attempted-retries"].to_str();
    let retries: u32 = retries.unwrap().parse().unwrap();
    assert!(retries <= 10, "{retries}");
}
