//! What the client is told at the end: how often and where it was tried, why it ended so, and what to do next.

use crate::{HELLO, ask, gateway, header, hello, json, post};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn an_answer_tells_every_attempt() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, order: 1, simulated: { latency_ms: 120, errors: { "503": 1.0 } } }, model_info: { id: sick } }
  - { model_name: m, litellm_params: { model: simulated/x, order: 2, simulated: { latency_ms: 40 } }, model_info: { id: "well,too" } }
"#,
    );
    for more in ["", "\"stream\":true,"] {
        let response = ask(&gateway, hello(more)).await;
        assert_eq!(response.status(), 200);
        let told = header(&response, "x-headworks-attempts");
        let outcomes = told.split(", ").map(|told| told.split_once(';').unwrap().0);
        assert!(
            outcomes.eq(["sick=capacity", "well%2Ctoo=success"]),
            "{told}"
        );
        assert!(told.ends_with("ms"), "{told}");
        assert_eq!(header(&response, "x-should-retry"), "");
        assert_eq!(header(&response, "x-headworks-fallback-reason"), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_tells_why_the_first_group_was_left() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { errors: { "503": 1.0 } } }, model_info: { id: sick } }
  - { model_name: next, litellm_params: { model: simulated/x, simulated: { errors: { "401": 1.0 } } }, model_info: { id: locked } }
  - { model_name: last, litellm_params: { model: simulated/x }, model_info: { id: well } }
router_settings: { num_retries: 0, fallbacks: [{ m: [next, last] }] }
"#,
    );
    let response = ask(&gateway, hello("")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-litellm-attempted-fallbacks"), "2");
    assert_eq!(header(&response, "x-headworks-fallback-reason"), "capacity");
    let told = header(&response, "x-headworks-attempts");
    let outcomes = told.split(", ").map(|told| told.split_once(';').unwrap().0);
    assert!(
        outcomes.eq(["sick=capacity", "locked=auth", "well=success"]),
        "{told}"
    );

    // When all fail it is the first one's answer, and all are told of.
    let response = ask(&gateway, hello(r#""fallbacks":["next"],"#)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "x-litellm-attempted-fallbacks"), "1");
    assert_eq!(header(&response, "x-headworks-fallback-reason"), "capacity");
    assert!(header(&response, "x-headworks-attempts").contains("locked=auth;"));
    assert_eq!(header(&response, "x-headworks-error"), "");
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_mend_is_not_to_be_tried_again() {
    for status in [400, 401, 402, 403, 404, 422] {
        let gateway = gateway(&format!(
            "model_list: [{{model_name: m, litellm_params: {{model: simulated/x, simulated: {{errors: {{\"{status}\": 1.0}}}}}}}}]"
        ));
        let response = ask(&gateway, hello("")).await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "x-should-retry"), "false", "{status}");
        assert_eq!(header(&response, "x-headworks-error"), "", "its own words");
    }
    for status in [408, 500, 503, 529] {
        let gateway = gateway(&format!(
            "model_list: [{{model_name: m, litellm_params: {{model: simulated/x, simulated: {{errors: {{\"{status}\": 1.0}}}}}}}}]"
        ));
        let response = ask(&gateway, hello("")).await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "x-should-retry"), "", "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_its_candidates_and_when_to_come_back() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, cooldown_time: 30, simulated: { errors: { "429": 1.0 } } }, model_info: { id: a } }
  - { model_name: m, litellm_params: { model: simulated/x, cooldown_time: 20, simulated: { errors: { "429": 1.0 } } }, model_info: { id: b } }
router_settings: { num_retries: 1 }
"#,
    );
    ask(&gateway, hello("")).await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let response = ask(&gateway, post(path, HELLO)).await;
        assert_eq!(response.status(), 429);
        assert_eq!(header(&response, "x-headworks-error"), "all_resting");
        let told = header(&response, "x-headworks-refused");
        assert!(
            told.starts_with("a=resting;") && told.contains(", b=resting;"),
            "{told}"
        );
        let wait: u64 = header(&response, "retry-after").parse().unwrap();
        assert!((15..=60).contains(&wait), "{wait}");
        assert_eq!(header(&response, "x-should-retry"), "");
        assert_eq!(
            header(&response, "x-headworks-attempts"),
            "",
            "nobody was asked"
        );
        assert_eq!(json(response).await["error"]["code"], "all_resting");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_when_told_to_is_let_in() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { rpm: 1 } } }
  - { model_name: m, litellm_params: { model: simulated/y, simulated: { rpm: 1 } } }
router_settings: { num_retries: 1, routing_strategy: round-robin }
"#,
    );
    for _ in 0..2 {
        assert_eq!(ask(&gateway, hello("")).await.status(), 200);
    }
    let response = ask(&gateway, hello("")).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "x-headworks-error"), "", "as it came");
    let wait: u64 = header(&response, "retry-after").parse().unwrap();
    tokio::time::advance(Duration::from_secs(wait)).await;
    let response = ask(&gateway, hello("")).await;
    // The rest of a deployment has jitter, so that not all come back at once; then it says so itself.
    if response.status() != 200 {
        let wait: u64 = header(&response, "retry-after").parse().unwrap();
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert_eq!(ask(&gateway, hello("")).await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slash_at_the_end_of_a_path_makes_no_difference() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/x}}]");
    for path in [
        "/v1/chat/completions/",
        "/openai/deployments/m/chat/completions/",
    ] {
        assert_eq!(
            ask(&gateway, post(path, HELLO)).await.status(),
            200,
            "{path}"
        );
    }
}
