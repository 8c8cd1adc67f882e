//! How long an attempt and a request may take.

use crate::*;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_deployment_has_its_own_time_and_a_stream_another() {
    let gateway = gateway(
        r#"
model_list:
  - model_name: m
    litellm_params: { model: simulated/x, timeout: 5, stream_timeout: 2, simulated: { latency_ms: 60000 } }
router_settings: { num_retries: 0 }
"#,
    );
    for (body, seconds) in [(HELLO, 5), (STREAM, 2)] {
        let began = Instant::now();
        let response = ask(&gateway, chat(body)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(seconds));
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(response.headers()["x-headworks-error"], "timeout");
        assert_eq!(error(response).await["type"], "timeout_error");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_may_ask_for_less_time() {
    let gateway = gateway(
        r#"
model_list: [{ model_name: m, litellm_params: { model: simulated/x, simulated: { latency_ms: 60000 } } }]
router_settings: { num_retries: 0, timeout: 30 }
"#,
    );
    let mut by_header = chat(HELLO);
    by_header
        .headers_mut()
        .insert("x-litellm-timeout", "1.5".parse().unwrap());
    let in_body = HELLO.replace("{\"model\"", "{\"timeout\":0.25,\"model\"");
    for (request, milliseconds) in [(by_header, 1500), (chat(&in_body), 250)] {
        let began = Instant::now();
        let response = ask(&gateway, request).await;
        assert_eq!(began.elapsed(), Duration::from_millis(milliseconds));
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    }
}

#[tokio::test(start_paused = true)]
async fn the_total_time_covers_every_attempt_but_no_stream() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { latency_ms: 60000 } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { latency_ms: 60000 } } }
router_settings: { timeout: 4 }
headworks: { total_timeout: 6 }
"#,
    );
    let began = Instant::now();
    let response = ask(&gateway, chat(HELLO)).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(began.elapsed(), Duration::from_secs(6));

    let began = Instant::now();
    let response = ask(&gateway, chat(STREAM)).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(
        began.elapsed(),
        Duration::from_secs(8),
        "an attempt on each"
    );
}
