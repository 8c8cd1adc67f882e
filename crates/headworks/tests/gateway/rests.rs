//! Who rests, and for how long.

use crate::*;
use headworks::{breaker::Phase, core::Outcome, provider::verdict::Case};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_rested_and_asked_no_more() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { errors: { "500": 1.0 } } }, model_info: { id: sick } }
  - { model_name: m, litellm_params: { model: simulated/y }, model_info: { id: well } }
router_settings: { routing_strategy: round-robin }
"#,
    );
    let mut retried = 0;
    for _ in 0..40 {
        let response = ask(&gateway, chat(HELLO)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-litellm-model-id"], "well");
        retried += usize::from(response.headers()["x-litellm-attempted-retries"] != "0");
    }
    assert_eq!(retried, 5, "five failures in a row and no more");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_rests_a_deployment_for_as_long_as_it_says() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { rpm: 1 } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { rpm: 1 } } }
router_settings: { num_retries: 1, routing_strategy: round-robin }
"#,
    );
    for _ in 0..2 {
        assert_eq!(ask(&gateway, chat(HELLO)).await.status(), StatusCode::OK);
    }
    // Both say 429 now; the client is handed the last of them, as it came.
    let response = ask(&gateway, chat(HELLO)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().get("x-headworks-error").is_none());
    // Then both rest, and nobody is asked.
    let response = ask(&gateway, chat(HELLO)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["x-headworks-error"], "all_resting");
    let wait = response.headers()["retry-after"].to_str().unwrap();
    let wait = Duration::from_secs(wait.parse().unwrap());
    assert!(wait > Duration::from_secs(50), "{wait:?}");
    assert_eq!(error(response).await["type"], "all_deployments_in_cooldown");

    tokio::time::advance(wait + Duration::from_secs(10)).await;
    assert_eq!(ask(&gateway, chat(HELLO)).await.status(), StatusCode::OK);
}

/// Two deployments, each of which says after one request to come back in a minute.
const LIMITED: &str = r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { rpm: 1 } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { rpm: 1 } } }
router_settings: { num_retries: 1, routing_strategy: round-robin }
"#;

#[tokio::test(start_paused = true)]
async fn a_hint_is_believed_for_as_long_as_the_configuration_says_and_no_longer() {
    let gateway = gateway(&format!("{LIMITED}headworks: {{ longest_hint: 20 }}"));
    for _ in 0..3 {
        ask(&gateway, chat(HELLO)).await;
    }
    let response = ask(&gateway, chat(HELLO)).await;
    assert_eq!(response.headers()["x-headworks-error"], "all_resting");
    assert_eq!(response.headers()["retry-after"], "20");
    tokio::time::advance(Duration::from_secs(20)).await;
    // Somebody is asked, and says again what it said: the minute is not over.
    let response = ask(&gateway, chat(HELLO)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().get("x-headworks-error").is_none());
}

#[tokio::test(start_paused = true)]
async fn the_program_has_the_last_word_on_what_an_error_means() {
    let config = Config::parse(LIMITED, "config.yaml").unwrap().config;
    let callers = |case: &Case<'_>| (case.status == 429).then(|| Outcome::CallerFault.into());
    let gateway = Gateway::builder(&config).overrule(callers).build().unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&gateway, chat(HELLO)).await.status(), StatusCode::OK);
    }
    // Nobody rests for it, and nobody else is asked.
    for _ in 0..9 {
        let response = ask(&gateway, chat(HELLO)).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(response.headers().get("x-headworks-error").is_none());
        assert_eq!(response.headers()["x-litellm-attempted-retries"], "0");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_deployment_is_asked_again_and_again() {
    let gateway = gateway(
        r#"
model_list: [{ model_name: m, litellm_params: { model: simulated/x, simulated: { rpm: 3 } } }]
router_settings: { num_retries: 0 }
"#,
    );
    for n in 0..6 {
        let response = ask(&gateway, chat(HELLO)).await;
        assert_eq!(response.status() == StatusCode::OK, n < 3);
        assert!(response.headers().get("x-headworks-error").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployments_standing_is_told_by_its_id() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, weight: 1, simulated: { errors: { "429": 1.0 } } }, model_info: { id: sick } }
  - { model_name: m, litellm_params: { model: simulated/x, weight: 0 }, model_info: { id: well } }
"#,
    );
    let response = ask(&gateway, chat(HELLO)).await;
    let (sick, well) = (gateway.standing("sick"), gateway.standing("well"));
    assert!(matches!(sick.unwrap().phase, Phase::Open { .. }));
    assert_eq!(well.unwrap().phase, Phase::Closed);
    assert_eq!(well.unwrap().in_flight, 1, "its answer has not ended");
    drop(response);
    assert_eq!(gateway.standing("well").unwrap().in_flight, 0);
    assert_eq!(gateway.standing("nobody"), None);
}
