//! A deployment whose host has many addresses: upstreams on one port of many addresses of loopback, and a name
//! server that tells them.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{Gateway, ResponseBody, config::Config};
use headworks_upstream::{Answer, Gate, NameAnswer, NameServer, Upstream};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// Far above anything a loopback takes: it ends a test that would hang, and decides nothing else.
const LIMIT: Duration = Duration::from_secs(30);

const HELLO: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

/// Seconds between lookups, in a test that waits for them.
const SOON: f64 = 0.01;

/// `m` at `host`, looked up at `server` every `interval` seconds, and whatever else.
fn gateway(host: &str, server: &NameServer, interval: f64, more: &str) -> Gateway {
    let config = format!(
        "
model_list:
  - model_name: m
    litellm_params:
      {{model: hosted_vllm/x, weight: 1, api_base: 'http://{host}/v1', kubernetes_pod_discovery: true}}
    model_info: {{id: engines}}
{more}
headworks: {{dns_servers: ['{}'], dns_refresh_interval: {interval}, dns_timeout: 0.2}}
",
        server.addr()
    );
    let config = Config::parse(&config, "config.yaml").unwrap().config;
    Gateway::new(&config).unwrap()
}

/// The usual host, which nothing but the name server of the test knows, with the port of the upstreams.
fn engines(upstreams: &[Upstream]) -> String {
    format!("engines.example:{}", upstreams[0].addr().port())
}

async fn send(gateway: &Gateway, request: Request<Full<Bytes>>) -> Response<ResponseBody> {
    let answer = timeout(LIMIT, gateway.clone().oneshot(request)).await;
    let Ok(response) = answer.unwrap();
    response
}

async fn ask(gateway: &Gateway) -> Response<ResponseBody> {
    let request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    send(gateway, request.body(HELLO.into()).unwrap()).await
}

async fn bytes(response: Response<ResponseBody>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// Asks `times`, and expects an answer at the first attempt each time.
async fn ask_well(gateway: &Gateway, times: usize) {
    for _ in 0..times {
        let response = ask(gateway).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-litellm-attempted-retries"], "0");
        assert_eq!(response.headers()["x-litellm-model-id"], "engines");
        bytes(response).await;
    }
}

async fn pods(gateway: &Gateway) -> Value {
    let request = Request::get("/model/engines/kubernetes_pods").body(Full::default());
    let response = send(gateway, request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_slice(&bytes(response).await).unwrap()
}

/// Waits until the list of addresses is as `expected`.
async fn until(gateway: &Gateway, expected: impl Fn(&Value) -> bool) {
    let waiting = async {
        while !expected(&pods(gateway).await) {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LIMIT, waiting).await.unwrap();
}

/// Waits until these are the addresses, by their last numbers.
async fn until_at(gateway: &Gateway, lasts: &[u8]) {
    let addresses: Vec<_> = lasts.iter().map(|n| format!("127.0.0.{n}")).collect();
    let expected = Value::from(addresses);
    until(gateway, |pods| pods["pod_ips"] == expected).await;
}

fn counts(upstreams: &[Upstream]) -> Vec<usize> {
    upstreams.iter().map(|u| u.received().len()).collect()
}

#[tokio::test]
async fn requests_are_spread_over_all_addresses_under_the_hosts_own_name() {
    let upstreams = Upstream::start_beside(3).await;
    let server = NameServer::start(NameAnswer::loopback(&[1, 2, 3])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1, 2, 3]).await;

    ask_well(&gateway, 300).await;

    let counts = counts(&upstreams);
    assert_eq!(counts.iter().sum::<usize>(), 300);
    // 100 each, give or take five standard deviations.
    assert!(counts.iter().all(|n| (60..=140).contains(n)), "{counts:?}");
    for upstream in &upstreams {
        assert_eq!(upstream.last().header("host"), Some(&*engines(&upstreams)));
    }
}

#[tokio::test]
async fn who_is_busier_than_the_others_is_not_asked_and_the_list_shows_it() {
    let upstreams = Upstream::start_beside(2).await;
    let server = NameServer::start(NameAnswer::loopback(&[1, 2])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1, 2]).await;
    let gate = Gate::new();
    for upstream in &upstreams {
        upstream.answer_next(Answer::json(serde_json::json!({})).hold_head(&gate));
    }
    let held = [0, 1].map(|_| {
        let gateway = gateway.clone();
        tokio::spawn(async move { bytes(ask(&gateway).await).await })
    });
    let busy = |pods: &Value| {
        let mut pods = pods["pods"].as_array().unwrap().iter();
        pods.all(|pod| pod["in_flight"] == 1)
    };
    until(&gateway, busy).await;
    gate.open();
    for held in held {
        timeout(LIMIT, held).await.unwrap().unwrap();
    }
    until(&gateway, |pods| pods["pods"][0]["in_flight"] == 0).await;
    until(&gateway, |pods| pods["pods"][1]["in_flight"] == 0).await;
}

#[tokio::test]
async fn a_session_stays_at_its_address() {
    let upstreams = Upstream::start_beside(3).await;
    let server = NameServer::start(NameAnswer::loopback(&[1, 2, 3])).await;
    let sticky = "router_settings: {optional_pre_call_checks: [session_affinity]}";
    let gateway = gateway(&engines(&upstreams), &server, SOON, sticky);
    until_at(&gateway, &[1, 2, 3]).await;

    let mut used = [false; 3];
    for session in 0..10 {
        let before = counts(&upstreams);
        for _ in 0..5 {
            let request = Request::post("/v1/chat/completions")
                .header("content-type", "application/json")
                .header("x-litellm-session-id", session);
            let response = send(&gateway, request.body(HELLO.into()).unwrap()).await;
            assert_eq!(response.status(), StatusCode::OK);
            bytes(response).await;
        }
        let after = counts(&upstreams);
        let at = (0..3).find(|at| after[*at] == before[*at] + 5);
        used[at.unwrap_or_else(|| panic!("{before:?} to {after:?}"))] = true;
    }
    assert_eq!(used, [true; 3]);
}

#[tokio::test]
async fn a_connection_that_is_refused_is_no_attempt_and_the_address_rests() {
    let upstreams = Upstream::start_beside(2).await;
    // Nobody listens at the third.
    let server = NameServer::start(NameAnswer::loopback(&[1, 2, 3])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1, 2, 3]).await;

    ask_well(&gateway, 60).await;

    assert_eq!(counts(&upstreams).iter().sum::<usize>(), 60);
    let resting = &pods(&gateway).await["pods"];
    assert!(resting[0]["resting_seconds"].is_null() && resting[1]["resting_seconds"].is_null());
    assert!(resting[2]["resting_seconds"].is_number(), "{resting}");
}

#[tokio::test]
async fn addresses_come_and_go_while_requests_run() {
    let upstreams = Upstream::start_beside(2).await;
    let server = NameServer::start(NameAnswer::loopback(&[1])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1]).await;
    ask_well(&gateway, 10).await;
    assert_eq!(counts(&upstreams), [10, 0]);

    // What can be kept for an hour is not: the interval decides.
    let both = ["127.0.0.1", "127.0.0.2"].map(|ip| ip.parse().unwrap());
    server.answer(NameAnswer::Addresses(both.to_vec(), 3600));
    until_at(&gateway, &[1, 2]).await;
    // Enough at a time for the newcomer too, which starts slowly.
    let gate = Gate::new();
    let answer = Answer::json(serde_json::json!({"object": "chat.completion", "choices": []}));
    for upstream in &upstreams {
        upstream.answer(answer.clone().hold_head(&gate));
    }
    let asking = [0; 60].map(|_| {
        let gateway = gateway.clone();
        tokio::spawn(async move { ask(&gateway).await })
    });
    let in_flight = |pods: &Value, at: usize| pods["pods"][at]["in_flight"].as_u64().unwrap();
    let all_held = |pods: &Value| in_flight(pods, 0) + in_flight(pods, 1) == 60;
    until(&gateway, all_held).await;
    assert!(in_flight(&pods(&gateway).await, 1) > 0);

    // The first leaves, and what is under way there runs on.
    server.answer(NameAnswer::loopback(&[2]));
    until_at(&gateway, &[2]).await;
    gate.open();
    for asking in asking {
        let response = timeout(LIMIT, asking).await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        bytes(response).await;
    }
    let at_first = counts(&upstreams)[0];
    ask_well(&gateway, 10).await;
    assert_eq!(counts(&upstreams)[0], at_first);
}

#[tokio::test]
async fn what_was_found_last_is_used_while_lookups_fail() {
    let upstreams = Upstream::start_beside(2).await;
    let server = NameServer::start(NameAnswer::loopback(&[1, 2])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1, 2]).await;
    for failure in [
        NameAnswer::NoSuchName,
        NameAnswer::Failure,
        NameAnswer::Silence,
        NameAnswer::loopback(&[]),
    ] {
        server.answer(failure.clone());
        until(&gateway, |pods| pods["error"].is_string()).await;
        ask_well(&gateway, 10).await;
        until_at(&gateway, &[1, 2]).await;
        server.answer(NameAnswer::loopback(&[1, 2]));
        until(&gateway, |pods| pods["error"].is_null()).await;
    }
}

#[tokio::test]
async fn between_lookups_nothing_is_asked_though_nothing_may_be_kept() {
    let upstreams = Upstream::start_beside(2).await;
    let server = NameServer::start(NameAnswer::loopback(&[1, 2])).await;
    let gateway = gateway(&engines(&upstreams), &server, 3600.0, "");
    until_at(&gateway, &[1, 2]).await;
    ask_well(&gateway, 50).await;
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn the_hosts_name_is_used_until_the_first_lookup_has_come() {
    let upstreams = Upstream::start_beside(2).await;
    let server = NameServer::start(NameAnswer::Silence).await;
    // A name that the system knows without a name server: an old way to write 127.0.0.1.
    let host = format!("127.1:{}", upstreams[0].addr().port());
    let gateway = gateway(&host, &server, SOON, "");
    ask_well(&gateway, 5).await;
    assert_eq!(counts(&upstreams), [5, 0]);
    server.answer(NameAnswer::loopback(&[2]));
    until_at(&gateway, &[2]).await;
    ask_well(&gateway, 5).await;
    assert_eq!(counts(&upstreams), [5, 5]);
}

#[tokio::test]
async fn the_deployment_fails_when_all_its_addresses_do_and_comes_back_with_one() {
    let mut upstreams = Upstream::start_beside(2).await;
    let host = engines(&upstreams);
    upstreams.truncate(1);
    upstreams[0].answer(Answer::status(503));
    // Nobody listens at the second and the third.
    let server = NameServer::start(NameAnswer::loopback(&[2, 3])).await;
    let well = "  - {model_name: m, litellm_params: {model: simulated/x, weight: 0}, model_info: {id: well}}";
    let gateway = gateway(&host, &server, SOON, well);
    until_at(&gateway, &[2, 3]).await;

    let response = ask(&gateway).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-litellm-model-id"], "well");
    assert_eq!(response.headers()["x-litellm-attempted-retries"], "1");

    // An answer that has come is no reason to go to another address: the attempt was made.
    server.answer(NameAnswer::loopback(&[1]));
    until_at(&gateway, &[1]).await;
    let response = ask(&gateway).await;
    assert_eq!(response.headers()["x-litellm-model-id"], "well");
    assert_eq!(response.headers()["x-litellm-attempted-retries"], "1");
    assert_eq!(upstreams[0].received().len(), 1);
}

#[tokio::test]
async fn lookups_end_with_the_gateway() {
    let upstreams = Upstream::start_beside(1).await;
    let server = NameServer::start(NameAnswer::loopback(&[1])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1]).await;
    server.asked_again(3, LIMIT).await.unwrap();
    drop(gateway);
    // One may be on its way.
    sleep(Duration::from_millis(100)).await;
    let quiet = server.asked_again(1, Duration::from_millis(300)).await;
    assert!(quiet.is_err());
}

#[tokio::test]
async fn the_list_is_that_of_litellm_and_others_have_none() {
    let upstreams = Upstream::start_beside(1).await;
    let server = NameServer::start(NameAnswer::loopback(&[1])).await;
    let gateway = gateway(&engines(&upstreams), &server, SOON, "");
    until_at(&gateway, &[1]).await;
    let port = upstreams[0].addr().port();
    let listed = pods(&gateway).await;
    assert_eq!(
        listed,
        serde_json::json!({
            "model_id": "engines", "service_host": "engines.example", "port": port, "error": null,
            "pod_count": 1, "pod_ips": ["127.0.0.1"],
            "pods": [{"ip": "127.0.0.1", "in_flight": 0, "resting_seconds": null}],
        })
    );
    let request = Request::get("/model/nobody/kubernetes_pods").body(Full::default());
    let response = send(&gateway, request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()["x-headworks-error"], "no_discovery");
}
