//! The assembled gateway on a paused clock, over simulated deployments: what each setting does to a request.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{
    Gateway, ResponseBody,
    breaker::Phase,
    config::Config,
    core::{DeploymentId, Outcome},
    provider::{Endpoint, verdict::Case},
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;
use tower::ServiceExt;

const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
const STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

fn gateway(config: &str) -> Gateway {
    let config = Config::parse(config, "config.yaml").unwrap().config;
    Gateway::builder(&config).mock_faults(true).build().unwrap()
}

fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(Full::new(body.to_owned().into())).unwrap()
}

fn chat(body: &str) -> Request<Full<Bytes>> {
    post("/v1/chat/completions", body)
}

async fn ask(gateway: &Gateway, request: Request<Full<Bytes>>) -> Response<ResponseBody> {
    let Ok(response) = gateway.clone().oneshot(request).await;
    response
}

async fn bytes(response: Response<ResponseBody>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn error(response: Response<ResponseBody>) -> Value {
    let body: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    body["error"].clone()
}

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
async fn a_cut_stream_ends_with_an_error_and_never_as_if_it_were_whole() {
    let gateway = gateway(
        "model_list: [{model_name: m, litellm_params: {model: simulated/x, simulated: {cut_rate: 1.0}}}]",
    );
    let response = ask(&gateway, chat(STREAM)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = Box::pin(response.into_body());
    let mut text = String::new();
    let ended = loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap();
                text.push_str(std::str::from_utf8(&data).unwrap());
            }
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(ended.is_some(), "the connection is not ended in peace");
    assert!(text.contains("\"content\""), "{text}");
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["code"], "stream_cut");
    assert!(!text.contains("[DONE]"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_when_it_reads_that_a_stream_was_cut_leaves_a_failure() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { cut_rate: 1.0 } }, model_info: { id: cut } }
  - { model_name: other, litellm_params: { model: simulated/y } }
router_settings: { fallbacks: [{ m: [other] }] }
"#,
    );
    let phase = || gateway.standing("cut").unwrap().phase;
    for _ in 0..5 {
        assert_eq!(phase(), Phase::Closed);
        let response = ask(&gateway, chat(STREAM)).await;
        assert_eq!(response.headers()["x-litellm-model-id"], "cut");
        let mut body = Box::pin(response.into_body());
        loop {
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            if std::str::from_utf8(&data).unwrap().contains("stream_cut") {
                break;
            }
        }
    }
    assert!(matches!(phase(), Phase::Open { .. }));
    assert_eq!(gateway.standing("cut").unwrap().in_flight, 0);
}

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
async fn a_deployment_takes_as_many_at_a_time_as_it_has_slots() {
    let gateway = gateway(
        r#"
model_list:
  - model_name: m
    litellm_params: { model: simulated/x, max_parallel_requests: 2, simulated: { latency_ms: 1000 } }
router_settings: { num_retries: 0 }
"#,
    );
    let asked = (0..3).map(|_| ask(&gateway, chat(HELLO)));
    let statuses: Vec<_> = futures_util::future::join_all(asked)
        .await
        .iter()
        .map(|response| response.status().as_u16())
        .collect();
    assert_eq!(statuses, [200, 200, 429]);
}

/// Three groups: one that fails, one that answers, one whose prompts are always too long.
const FALLBACKS: &str = r#"
model_list:
  - { model_name: sick, litellm_params: { model: simulated/sick, simulated: { errors: { "503": 1.0 } } } }
  - { model_name: well, litellm_params: { model: simulated/well } }
  - { model_name: short, litellm_params: { model: openai/x, api_key: none, mock_response: litellm.ContextWindowExceededError } }
  - { model_name: long, litellm_params: { model: simulated/long } }
router_settings:
  num_retries: 0
  model_group_alias: { alias: well }
  fallbacks: [{ sick: [short, well] }]
  context_window_fallbacks: [{ short: [long] }]
"#;

fn hello(model: &str, more: &str) -> Request<Full<Bytes>> {
    chat(&format!(
        r#"{{"model":"{model}",{more}"messages":[{{"role":"user","content":"Hello"}}]}}"#
    ))
}

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

#[tokio::test(start_paused = true)]
async fn a_name_of_any_length_is_not_looked_up_nor_returned() {
    let gateway = gateway(FALLBACKS);
    let response = ask(&gateway, hello(&"x".repeat(10_000), "")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(!response.headers().contains_key("x-litellm-model-group"));
    assert!(bytes(response).await.len() < 500);
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
