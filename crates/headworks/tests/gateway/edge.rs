//! What is found out at the edge, before anybody is asked.

use crate::*;
use headworks::provider::Endpoint;
use serde_json::json;
use std::collections::HashSet;

#[tokio::test(start_paused = true)]
async fn every_endpoint_is_answered_streamed_or_not() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/x}}]");
    for endpoint in Endpoint::ALL {
        if endpoint == Endpoint::AudioTranscriptions {
            continue; // A form, below.
        }
        for stream in [false, true] {
            let body = json!({
                "model": "m", "stream": stream, "input": "Hello", "prompt": "Hello", "query": "Hello",
                "documents": ["Hello"], "messages": [{"role": "user", "content": "Hello"}],
            });
            let response = ask(&gateway, post(endpoint.path(), &body.to_string())).await;
            assert_eq!(response.status(), StatusCode::OK, "{endpoint:?}");
            assert_eq!(response.headers()["x-litellm-model-name"], "simulated/x");
            assert!(!bytes(response).await.is_empty(), "{endpoint:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_is_routed_by_its_model_field() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/x}}]");
    let form = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b--\r\n";
    let request = Request::post("/v1/audio/transcriptions")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Full::new(Bytes::from(form)))
        .unwrap();
    let response = ask(&gateway, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    assert!(answer["text"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_alias_is_answered_by_its_group_and_reported_as_it_was_asked() {
    let gateway = gateway(
        r#"
model_list: [{ model_name: m, litellm_params: { model: simulated/x } }]
router_settings: { model_group_alias: { gpt-4: chained, chained: { model: m, hidden: true } } }
"#,
    );
    for alias in ["gpt-4", "chained"] {
        let response = ask(
            &gateway,
            chat(&HELLO.replace("\"m\"", &format!("{alias:?}"))),
        )
        .await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-litellm-model-group"], alias);
    }
    let listed = ask(
        &gateway,
        Request::get("/v1/models").body(Full::default()).unwrap(),
    )
    .await;
    let listed: Value = serde_json::from_slice(&bytes(listed).await).unwrap();
    let models = listed["data"].as_array().unwrap().iter();
    let ids: HashSet<_> = models.filter_map(|model| model["id"].as_str()).collect();
    assert_eq!(ids, HashSet::from(["m", "gpt-4"]));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_model_is_a_404_that_names_the_nearest() {
    let gateway =
        gateway("model_list: [{model_name: gpt-4o, litellm_params: {model: simulated/x}}]");
    let response = ask(&gateway, chat(&HELLO.replace("\"m\"", "\"gpt-4p\""))).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()["x-headworks-error"], "unknown_model");
    let error = error(response).await;
    assert_eq!(error["code"], "unknown_model");
    assert!(error["message"].as_str().unwrap().contains("gpt-4o"));
}

#[tokio::test(start_paused = true)]
async fn the_key_is_checked_before_the_body_is_read() {
    let gateway = gateway(
        r#"
model_list: [{ model_name: m, litellm_params: { model: simulated/x } }]
general_settings: { master_key: sk-canary-0123456789 }
"#,
    );
    // A body that never ends: who reads it never answers.
    let endless = http_body_util::StreamBody::new(tokio_stream::pending::<
        Result<http_body::Frame<Bytes>, std::convert::Infallible>,
    >());
    let request = Request::post("/v1/chat/completions").body(endless).unwrap();
    let Ok(response) = gateway.clone().oneshot(request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let wrong = || Request::post("/v1/chat/completions").header("authorization", "Bearer sk-wrong");
    let response = ask(&gateway, wrong().body(Full::default()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(!String::from_utf8_lossy(&bytes(response).await).contains("canary"));

    let mut request = chat(HELLO);
    let key = "Bearer sk-canary-0123456789".parse().unwrap();
    request.headers_mut().insert("authorization", key);
    assert_eq!(ask(&gateway, request).await.status(), StatusCode::OK);
    let health = Request::get("/health/readiness")
        .body(Full::default())
        .unwrap();
    assert_eq!(ask(&gateway, health).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn readiness_ends_when_draining_begins_and_requests_go_on() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/x}}]");
    gateway.drain();
    let readiness = Request::get("/health/readiness")
        .body(Full::default())
        .unwrap();
    let response = ask(&gateway, readiness).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&gateway, chat(HELLO)).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_client_error_is_told_in_the_form_of_its_protocol() {
    let gateway = gateway("model_list: [{model_name: m, litellm_params: {model: simulated/x}}]");
    let response = ask(&gateway, post("/v1/messages", "[]")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "invalid_request_error");

    let response = ask(&gateway, chat(r#"{"messages":[]}"#)).await;
    assert_eq!(response.headers()["x-headworks-error"], "missing_model");
    assert_eq!(error(response).await["param"], "model");
}

#[tokio::test(start_paused = true)]
async fn a_name_of_any_length_is_not_looked_up_nor_returned() {
    let gateway = gateway(FALLBACKS);
    let response = ask(&gateway, hello(&"x".repeat(10_000), "")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(!response.headers().contains_key("x-litellm-model-group"));
    assert!(bytes(response).await.len() < 500);
}

#[tokio::test(start_paused = true)]
async fn anthropics_clients_are_told_of_a_missing_key_in_their_form() {
    let gateway = gateway(
        r#"
model_list: [{ model_name: m, litellm_params: { model: simulated/x } }]
general_settings: { master_key: sk-0123456789abcdef }
"#,
    );
    let response = ask(&gateway, post("/v1/messages", HELLO)).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    assert_eq!(body["error"]["type"], "authentication_error");
    assert_eq!(body["type"], "error");
}
