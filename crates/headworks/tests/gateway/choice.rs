//! Whom the configuration lets a request go to.

use crate::*;

#[tokio::test(start_paused = true)]
async fn tags_choose_among_the_deployments() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, tags: [free] }, model_info: { id: free } }
  - { model_name: m, litellm_params: { model: simulated/y, tags: [paid] }, model_info: { id: paid } }
router_settings: { enable_tag_filtering: true }
"#,
    );
    for _ in 0..8 {
        let body = HELLO.replace("{\"model\"", "{\"tags\":[\"paid\"],\"model\"");
        let response = ask(&gateway, chat(&body)).await;
        assert_eq!(response.headers()["x-litellm-model-id"], "paid");
    }
    let body = HELLO.replace("{\"model\"", "{\"tags\":[\"none\"],\"model\"");
    let response = ask(&gateway, chat(&body)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()["x-headworks-error"], "no_match");
}

#[tokio::test(start_paused = true)]
async fn a_lower_order_goes_first_and_the_next_follows_its_failure() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, order: 1, simulated: { errors: { "503": 1.0 } } }, model_info: { id: first } }
  - { model_name: m, litellm_params: { model: simulated/y, order: 2 }, model_info: { id: second } }
"#,
    );
    let response = ask(&gateway, chat(HELLO)).await;
    assert_eq!(response.headers()["x-litellm-model-id"], "second");
    assert_eq!(response.headers()["x-litellm-attempted-retries"], "1");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_takes_as_many_at_a_time_as_it_has_slots_whatever_limits_are_for() {
    for limits in [
        "",
        "headworks: { limits: weigh }",
        "headworks: { limits: enforce }",
        "headworks: { limits: learn }",
    ] {
        let gateway = gateway(&format!(
            r#"
model_list:
  - model_name: m
    litellm_params: {{ model: simulated/x, max_parallel_requests: 2, rpm: 1000, simulated: {{ latency_ms: 1000 }} }}
router_settings: {{ num_retries: 0 }}
{limits}
"#
        ));
        let asked = (0..3).map(|_| ask(&gateway, chat(HELLO)));
        let answers = futures_util::future::join_all(asked).await;
        let statuses = answers.iter().map(|response| response.status().as_u16());
        assert_eq!(statuses.collect::<Vec<_>>(), [200, 200, 429], "{limits}");
    }
}
