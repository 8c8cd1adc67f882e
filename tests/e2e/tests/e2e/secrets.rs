//! No key comes out anywhere, whatever goes wrong.

use crate::{CHAT, chat, chat_stream};
use headworks_e2e::{BOUND, Headworks, bounded, config};
use headworks_upstream::{Answer, DeadPort, Upstream, openai};
use http::Method;
use http_body_util::{BodyExt, Full};
use serde_json::json;

/// What stands in every secret of the configuration, and nowhere else.
const CANARY: &str = "canary";

#[tokio::test]
async fn the_fault_matrix_shows_no_key() {
    let upstream = Upstream::start().await;
    let dead = DeadPort::new();
    let key = format!(
        "api_key: sk-{CANARY}-key, timeout: 0.3, extra_headers: {{ x-own-key: {CANARY}-header }}"
    );
    let entry = |group: &str, id: &str, model: &str, base: String| {
        format!(
            "  - model_name: {group}\n    litellm_params: {{ model: {model}, api_base: \"{base}\", {key} }}\n    \
             model_info: {{ id: {id} }}\n"
        )
    };
    let deployments = [
        entry("openai", "o", "openai/gpt", upstream.base_url() + "/v1"),
        entry("azure", "z", "azure/gpt", upstream.base_url()),
        entry("anthropic", "n", "anthropic/claude", upstream.base_url()),
        entry("dead", "d", "openai/gpt", dead.base_url()),
    ];
    let rest = format!(
        "router_settings: {{ num_retries: 1, redis_host: r.test, redis_password: {CANARY}-redis }}\n\
         general_settings: {{ master_key: sk-{CANARY}-master }}\n\
         environment_variables: {{ OWN_KEY: {CANARY}-variable }}\n"
    );
    let variables = [("RUST_LOG", "trace"), ("OPENAI_API_KEY", "canary-process")];
    let headworks = Headworks::start_with(&config::of(&deployments, &rest), &variables).await;
    let client = headworks.client().with_key(&format!("sk-{CANARY}-master"));

    let mut came_out = String::new();
    for answer in [
        openai::chat("m"),
        openai::chat_stream("m", true),
        openai::chat_stream("m", true).cut_after(2),
        openai::error(401, "authentication_error", "no such key"),
        openai::error(429, "rate_limit_error", "slow").header("retry-after", "1000"),
        openai::error(500, "server_error", "oops"),
        Answer::bytes("not json"),
        Answer::silence(),
        Answer::reset(),
        Answer::hang_up(),
    ] {
        upstream.answer(answer);
        for (path, body) in [
            (CHAT, chat("openai")),
            (CHAT, chat_stream("openai")),
            (CHAT, chat("azure")),
            (CHAT, chat_stream("dead")),
            ("/v1/messages", chat("anthropic")),
        ] {
            let response = client.open(path, body.to_string()).await;
            came_out.push_str(&format!("{:?}\n", response.headers()));
            // Some break off; what came before that counts.
            let mut body = response.into_body();
            while let Some(Ok(frame)) = bounded(body.frame()).await {
                if let Ok(data) = frame.into_data() {
                    came_out.push_str(&String::from_utf8_lossy(&data));
                }
            }
        }
    }
    for path in [
        "/v1/models",
        "/model/info",
        "/model_group/info",
        "/metrics",
        "/health/readiness",
        "/nowhere",
    ] {
        came_out.push_str(&format!("{:?}\n", client.get(path).await));
    }
    for wrong in [format!("{CANARY}-wrong"), String::new()] {
        let request = headworks
            .client()
            .request(Method::GET, "/v1/models")
            .header("authorization", format!("Bearer {wrong}"));
        let response = client.send(request.body(Full::default()).unwrap()).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        came_out.push_str(&String::from_utf8_lossy(&body));
    }
    upstream
        .wait_for(BOUND, |seen| seen.in_flight == 0)
        .await
        .unwrap();
    headworks.terminate().await;
    headworks.logs("stopping").await;
    came_out.push_str(&headworks.log());
    came_out.push_str(&headworks.out());

    // The keys were in use: the upstream has seen them.
    let received = format!("{:?}", upstream.received());
    for sent in ["canary-key", "canary-header"] {
        assert!(received.contains(sent), "{sent} was not sent");
    }
    assert!(
        !received.contains("canary-master"),
        "the caller's key was passed on"
    );
    let found = came_out.lines().find(|line| line.contains(CANARY));
    assert_eq!(found, None, "a key came out");
}

#[tokio::test]
async fn an_upstream_that_repeats_the_key_in_its_error_does_not_tell_the_client() {
    let upstream = Upstream::start().await;
    upstream.answer_with(|received| {
        let sent = received
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        Answer::json(json!({ "error": { "message": format!("Incorrect key: {sent}.") } }))
            .with_status(401)
            .header("x-echo", &sent)
    });
    let group = config::openai("gpt-4o", "a", &upstream.base_url());
    let group = group.replace("sk-a", "sk-canary-of-a-key");
    let headworks = Headworks::start(&config::of(&[group], "")).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 401);
    assert!(
        upstream
            .last()
            .header("authorization")
            .unwrap()
            .contains(CANARY)
    );
    let said = format!("{:?} {}", answer.headers, answer.json());
    assert!(!said.contains(CANARY), "{said}");
    assert!(said.contains("Incorrect key: Bearer [redacted]*"), "{said}");
}
