//! Checks over real sockets: what goes over the wire, and what comes of it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{
    Gateway,
    balance::Gate,
    breaker::{BreakerPolicy, Circuit},
    config::Config,
    health::{Health, HealthBuilder, HealthGate, HealthPolicy, Subject},
    provider::{
        Target,
        client::{Client, ClientParams},
    },
};
use headworks_upstream::{Answer, DeadPort, Upstream, openai};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

const CANARY: &str = "sk-canary-7f3a";

/// Far more than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

fn client() -> Client<Full<Bytes>> {
    let params = ClientParams::default();
    params.client(params.connector().unwrap())
}

/// The deployments of one group, named by their place, at these addresses.
fn checks(policy: HealthPolicy, urls: &[String]) -> (Health, Vec<HealthGate>) {
    let mut checks = HealthBuilder::new(policy);
    let gates = urls.iter().enumerate().map(|(id, url)| {
        let target = Target::builder("openai/m").api_base(format!("{url}/v1"));
        let target = target.api_key(CANARY.into()).build().unwrap();
        let circuit = Circuit::new(BreakerPolicy::new());
        checks.add(Subject::new(id.to_string(), "g", target, circuit, client()))
    });
    let gates = gates.collect();
    (checks.build(), gates)
}

fn list() -> Answer {
    Answer::json(json!({ "object": "list", "data": [{ "id": "m", "object": "model" }] }))
}

async fn told(health: &Health) -> Value {
    let report = tokio::time::timeout(BOUND, health.report(None))
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&report).contains(CANARY));
    serde_json::from_slice(&report).unwrap()
}

#[tokio::test]
async fn a_report_tells_who_is_there_and_what_ails_the_others() {
    let upstreams = Upstream::start_many(5).await;
    upstreams[0].answer(list());
    // The second knows no such list.
    upstreams[2].answer(openai::error(401, "x", &format!("wrong key {CANARY}")));
    upstreams[3].answer(Answer::silence());
    upstreams[4].answer(list().cut_after(0));
    let dead = DeadPort::new();
    let mut urls: Vec<_> = upstreams.iter().map(Upstream::base_url).collect();
    urls.push(dead.base_url());

    let policy = HealthPolicy::new().timeout(Duration::from_secs(2));
    let (health, _gates) = checks(policy, &urls);
    let report = told(&health).await;
    let healthy = report["healthy_endpoints"].as_array().unwrap();
    let healthy: Vec<_> = healthy.iter().map(|entry| &entry["model_id"]).collect();
    assert_eq!(healthy, ["0", "1"]);
    let unhealthy = report["unhealthy_endpoints"].as_array().unwrap();
    let errors: Vec<_> = unhealthy
        .iter()
        .map(|entry| entry["error"].as_str().unwrap())
        .collect();
    assert_eq!(errors[0], "status 401: auth");
    assert_eq!(errors[1], "no answer within 2s");
    assert!(errors[2].starts_with("no answer: "), "{}", errors[2]);
    assert_eq!(errors[3], "no answer: connection refused");
    assert_eq!(errors.len(), 4);
    assert_eq!(unhealthy[3]["api_base"], format!("{}/v1", dead.base_url()));

    for upstream in &upstreams {
        let received = upstream.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].method, http::Method::GET);
        assert_eq!(received[0].path(), "/v1/models");
        let key = received[0].header("authorization");
        assert_eq!(key, Some(format!("Bearer {CANARY}").as_str()));
        assert!(received[0].body.is_empty());
    }
}

#[tokio::test]
async fn in_the_background_what_falls_sick_is_taken_out_and_comes_back() {
    let upstreams = Upstream::start_many(2).await;
    for upstream in &upstreams {
        upstream.answer(list());
    }
    let urls: Vec<_> = upstreams.iter().map(Upstream::base_url).collect();
    let policy = HealthPolicy::new().background(true).routing(true);
    let (health, gates) = checks(policy.interval(Duration::from_millis(100)), &urls);

    for (answer, open) in [(list(), true), (Answer::status(503), false), (list(), true)] {
        upstreams[0].answer(answer);
        // One may be under way with the answer before; of the next, the second begins when the first is noted.
        let before = upstreams[0].seen().requests;
        let came = upstreams[0]
            .wait_for(BOUND, |seen| seen.requests >= before + 3)
            .await;
        came.unwrap();
        assert_eq!(gates[0].check().is_ok(), open);
        assert!(gates[1].check().is_ok());
        let counts = told(&health).await;
        assert_eq!(counts["unhealthy_count"], u8::from(!open));
    }
}

#[tokio::test]
async fn a_check_that_finds_them_well_ends_an_outage_long_before_the_rests_are_over() {
    let upstreams = Upstream::start_many(2).await;
    let deployments: Vec<_> = upstreams
        .iter()
        .map(|upstream| {
            upstream.answer(Answer::status(503));
            format!(
                "- {{ model_name: m, litellm_params: {{ model: openai/big, api_base: \"{}/v1\", api_key: k }} }}\n",
                upstream.base_url()
            )
        })
        .collect();
    let config = format!(
        "model_list:\n{}router_settings: {{ num_retries: 1, allowed_fails: 0, cooldown_time: 600 }}\n\
         general_settings: {{ background_health_checks: true, health_check_interval: 0.2 }}",
        deployments.concat()
    );
    let config = Config::parse(&config, "config.yaml").unwrap().config;
    let gateway = Gateway::new(&config).unwrap();
    let ask = async |request: Request<Full<Bytes>>| {
        let Ok(response) = gateway.clone().oneshot(request).await;
        response
    };
    let chat = || {
        let request =
            Request::post("/v1/chat/completions").header("content-type", "application/json");
        let body = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
        request.body(Full::<Bytes>::from(body)).unwrap()
    };

    // A client's request has found both out, and so have the checks.
    assert_eq!(ask(chat()).await.status(), 503);
    let refused = ask(chat()).await;
    assert_eq!(refused.headers()["x-headworks-error"], "all_resting");
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(wait > 500, "{wait}");
    for upstream in &upstreams {
        let before = upstream.seen().requests;
        let checked = upstream
            .wait_for(BOUND, |seen| seen.requests >= before + 3)
            .await;
        checked.unwrap();
    }

    for upstream in &upstreams {
        upstream.answer_with(|request| match request.path() {
            "/v1/models" => list(),
            _ => openai::chat("big"),
        });
    }
    let back = async {
        while ask(chat()).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let back = tokio::time::timeout(BOUND, back).await;
    assert!(back.is_ok(), "they rest, and are well");
}

#[tokio::test]
async fn when_the_one_who_asked_leaves_the_provider_sees_it() {
    let upstream = Upstream::start().await;
    upstream.answer(Answer::silence());
    let (health, _gates) = checks(HealthPolicy::new(), &[upstream.base_url()]);
    let asking = tokio::spawn(health.report(None));
    let asked = upstream.wait_for(BOUND, |seen| seen.requests == 1).await;
    asked.unwrap();
    asking.abort();
    let left = upstream
        .wait_for(BOUND, |seen| seen.clients_left == 1)
        .await;
    left.unwrap();
}

/// What is checked by completion where that is asked for: the path and the body of each check.
async fn asked_by_completion(deployment: &str) -> (String, serde_json::Value) {
    let upstream = Upstream::start().await;
    let config = format!(
        "model_list: [{{model_name: m, litellm_params: {{model: openai/big, api_base: \"{}/v1\", api_key: k}}, \
         model_info: {{{deployment}}}}}]\nheadworks: {{health_check: completion}}",
        upstream.base_url()
    );
    let config = headworks::config::Config::parse(&config, "config.yaml").unwrap();
    let gateway = headworks::Gateway::new(&config.config).unwrap();
    let health =
        http::Request::get("/health").body(http_body_util::Full::<bytes::Bytes>::default());
    let Ok(report) = tower::ServiceExt::oneshot(gateway, health.unwrap()).await;
    let report = http_body_util::BodyExt::collect(report.into_body())
        .await
        .unwrap()
        .to_bytes();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["healthy_count"], 1, "{report}");
    let checked = upstream.last();
    let body = serde_json::from_slice(&checked.body).unwrap_or_default();
    (checked.path().to_owned(), body)
}

#[tokio::test]
async fn a_check_is_a_small_completion_where_that_is_asked_for() {
    for (info, path, model, bound, tokens) in [
        ("", "/v1/chat/completions", "big", "max_tokens", Some(16)),
        (
            "health_check_model: openai/small",
            "/v1/chat/completions",
            "small",
            "max_tokens",
            Some(16),
        ),
        (
            "mode: completion, health_check_max_tokens: 3",
            "/v1/completions",
            "big",
            "max_tokens",
            Some(3),
        ),
        (
            "mode: responses, supports_reasoning: true, health_check_max_tokens_reasoning: 64, health_check_max_tokens_non_reasoning: 2",
            "/v1/responses",
            "big",
            "max_output_tokens",
            Some(64),
        ),
        (
            "health_check_max_tokens_reasoning: 64, health_check_max_tokens_non_reasoning: 2",
            "/v1/chat/completions",
            "big",
            "max_tokens",
            Some(2),
        ),
        (
            "health_check_supports_max_tokens: false",
            "/v1/chat/completions",
            "big",
            "max_tokens",
            None,
        ),
        (
            "mode: embedding",
            "/v1/embeddings",
            "big",
            "max_tokens",
            None,
        ),
    ] {
        let (asked, body) = asked_by_completion(info).await;
        assert_eq!(asked, path, "{info}");
        assert_eq!(body["model"], model, "{info}");
        assert_eq!(body[bound].as_u64(), tokens, "{info}");
    }
    let (asked, body) = asked_by_completion("mode: audio_speech, health_check_voice: onyx").await;
    assert_eq!(
        (&*asked, &body["voice"]),
        ("/v1/audio/speech", &"onyx".into())
    );
    // Of what a little is not enough there is the list.
    assert_eq!(
        asked_by_completion("mode: image_generation").await.0,
        "/v1/models"
    );
}

#[tokio::test]
async fn a_model_to_check_with_that_leads_nowhere_is_refused_at_the_start() {
    let config = "model_list: [{model_name: m, litellm_params: {model: openai/big, api_key: k}, \
        model_info: {health_check_model: opneai/small}}]";
    let config = headworks::config::Config::parse(config, "config.yaml").unwrap();
    let error = headworks::Gateway::new(&config.config)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("health_check_model") && error.contains("opneai"),
        "{error}"
    );
}
