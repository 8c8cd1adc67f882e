//! From one group to the next.

use crate::*;

#[tokio::test(start_paused = true)]
async fn a_group_that_fails_is_followed_by_its_fallbacks() {
    let gateway = gateway(FALLBACKS);
    for more in ["", "\"stream\":true,"] {
        let response = ask(&gateway, hello("short", more)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-litellm-model-group"], "long");
        assert_eq!(response.headers()["x-litellm-attempted-fallbacks"], "1");
    }
    let response = ask(&gateway, hello("well", "")).await;
    assert_eq!(response.headers()["x-litellm-attempted-fallbacks"], "0");
}

#[tokio::test(start_paused = true)]
async fn a_request_may_bring_its_own_fallbacks_or_none() {
    let gateway = gateway(FALLBACKS);
    let own = [
        r#""fallbacks":["alias"],"#,
        r#""fallbacks":[{"model":"well","max_tokens":3}],"#,
    ];
    for own in own {
        let response = ask(&gateway, hello("sick", own)).await;
        assert_eq!(response.status(), StatusCode::OK, "{own}");
        assert_eq!(response.headers()["x-litellm-model-group"], "well");
        assert_eq!(response.headers()["x-litellm-model-name"], "simulated/well");
    }
    let response = ask(&gateway, hello("sick", "\"disable_fallbacks\":true,")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["x-litellm-attempted-fallbacks"], "0");
}

#[tokio::test(start_paused = true)]
async fn a_request_may_bring_a_list_for_each_kind_of_failure() {
    let gateway = gateway(FALLBACKS);
    let lists = r#""fallbacks":[{"sick":["alias"]}],"context_window_fallbacks":[{"model":"long","max_tokens":3}],"#;
    for (model, answered) in [("sick", "well"), ("short", "long")] {
        let response = ask(&gateway, hello(model, lists)).await;
        assert_eq!(response.status(), StatusCode::OK, "{model}");
        assert_eq!(response.headers()["x-litellm-model-group"], answered);
    }
    let none = r#""context_window_fallbacks":[],"#;
    let response = ask(&gateway, hello("short", none)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()["x-should-retry"], "false");
    let refused = r#""content_policy_fallbacks":"long","#;
    let response = ask(&gateway, hello("short", refused)).await;
    assert_eq!(error(response).await["param"], "content_policy_fallbacks");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_model_is_answered_by_the_default_fallback_and_said_so() {
    let gateway = gateway(
        r#"
model_list: [{ model_name: well, litellm_params: { model: simulated/well } }]
router_settings: { default_fallbacks: [well] }
"#,
    );
    let response = ask(&gateway, hello("wlel", "")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-litellm-model-group"], "well");
    assert_eq!(response.headers()["x-headworks-unknown-model"], "wlel");
}
