//! What each `routing_strategy` does in the gateway, on a paused clock, over simulated deployments.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{
    Gateway,
    balance::{Candidates, Strategy},
    config::Config,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use tokio::time::{advance, sleep};
use tower::ServiceExt;

/// What a client saw of one answer.
struct Seen {
    status: StatusCode,
    deployment: String,
    retries: String,
}

fn gateway(config: &str) -> Gateway {
    let config = Config::parse(config, "config.yaml").unwrap().config;
    Gateway::builder(&config).build().unwrap()
}

fn chat(stream: bool) -> Request<Full<Bytes>> {
    let body = json!({
        "model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hello"}],
    });
    Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Full::new(body.to_string().into()))
        .unwrap()
}

/// Asks, and reads the answer to its end.
async fn ask(gateway: Gateway, stream: bool) -> Seen {
    let Ok(response) = gateway.oneshot(chat(stream)).await;
    let header = |name| {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let seen = Seen {
        status: response.status(),
        deployment: header("x-litellm-model-id"),
        retries: header("x-litellm-attempted-retries"),
    };
    response.into_body().collect().await.unwrap();
    seen
}

/// Asks `n` times, once `every`, whether or not what was asked before has been answered.
async fn ask_many(gateway: &Gateway, n: u32, every: Duration, stream: bool) -> Vec<Seen> {
    let mut running = Vec::new();
    for _ in 0..n {
        running.push(tokio::spawn(ask(gateway.clone(), stream)));
        sleep(every).await;
    }
    let mut all = Vec::new();
    for running in running {
        all.push(running.await.unwrap());
    }
    all
}

fn count(seen: &[Seen]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for seen in seen {
        *counts.entry(&*seen.deployment).or_default() += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn latency_avoids_one_that_is_ten_times_slower_streamed_or_not() {
    for (stream, usual, slow) in [
        (false, "latency_ms: 200", "latency_ms: 2000"),
        (true, "first_token_ms: 100", "first_token_ms: 1000"),
        (true, "tokens_per_second: 200", "tokens_per_second: 20"),
    ] {
        let deployment = |id: &str, simulated: &str| {
            format!(
                "
  - {{ model_name: m, litellm_params: {{ model: simulated/x, simulated: {{ answer_tokens: 40, {simulated} }} }}, model_info: {{ id: {id} }} }}"
            )
        };
        let gateway = gateway(&format!(
            "model_list:{}{}{}\nrouter_settings: {{ routing_strategy: latency-based-routing }}",
            deployment("a", usual),
            deployment("b", usual),
            deployment("slow", slow),
        ));
        let seen = ask_many(&gateway, 600, Duration::from_millis(20), stream).await;
        let counts = count(&seen);
        let slow = counts.get("slow").copied().unwrap_or_default();
        assert!(slow <= 12, "{usual}: {counts:?}");
        assert!(counts["a"] > 200 && counts["b"] > 200, "{counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fast_failure_attracts_nothing() {
    for status in [429, 500, 401] {
        // Without a breaker, so that the strategy is all there is.
        let gateway = gateway(&format!(
            r#"
model_list:
  - {{ model_name: m, litellm_params: {{ model: simulated/x, simulated: {{ latency_ms: 500 }} }}, model_info: {{ id: a }} }}
  - {{ model_name: m, litellm_params: {{ model: simulated/x, simulated: {{ latency_ms: 500 }} }}, model_info: {{ id: b }} }}
  - {{ model_name: m, litellm_params: {{ model: simulated/x, simulated: {{ errors: {{ "{status}": 1.0 }} }} }}, model_info: {{ id: sick }} }}
router_settings: {{ routing_strategy: latency-based-routing, num_retries: 2, disable_cooldowns: true }}
"#
        ));
        let seen = ask_many(&gateway, 500, Duration::from_millis(10), false).await;
        assert!(seen.iter().all(|seen| seen.status == StatusCode::OK));
        let met = seen.iter().filter(|seen| seen.retries != "0").count();
        assert!(met <= 10, "{status}: {met} of 500 met it");
    }
}

#[tokio::test(start_paused = true)]
async fn usage_goes_to_who_has_used_the_lesser_share_of_its_limits() {
    for strategy in ["usage-based-routing", "usage-based-routing-v2"] {
        let gateway = gateway(&format!(
            "
model_list:
  - {{ model_name: m, litellm_params: {{ model: simulated/x, rpm: 1000 }}, model_info: {{ id: small }} }}
  - {{ model_name: m, litellm_params: {{ model: simulated/x, rpm: 3000 }}, model_info: {{ id: large }} }}
router_settings: {{ routing_strategy: {strategy} }}
"
        ));
        let seen = ask_many(&gateway, 80, Duration::from_millis(10), false).await;
        let counts = count(&seen);
        assert!((18..=22).contains(&counts["small"]), "{counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn usage_counts_the_tokens_that_answers_report_and_forgets_them_after_a_minute() {
    let gateway = gateway(
        "
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, tpm: 100000, simulated: { answer_tokens: 990 } }, model_info: { id: long } }
  - { model_name: m, litellm_params: { model: simulated/x, tpm: 100000, simulated: { answer_tokens: 90 } }, model_info: { id: short } }
router_settings: { routing_strategy: usage-based-routing-v2 }
",
    );
    for _ in 0..2 {
        let seen = ask_many(&gateway, 110, Duration::from_millis(10), false).await;
        let counts = count(&seen);
        assert!((5..=15).contains(&counts["long"]), "{counts:?}");
        advance(Duration::from_secs(61)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn usage_believes_what_the_provider_says_is_left() {
    // Nothing is configured of what they are good for; their headers tell it.
    let gateway = gateway(
        "
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { rpm: 40 } }, model_info: { id: small } }
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { rpm: 120 } }, model_info: { id: large } }
router_settings: { routing_strategy: usage-based-routing, num_retries: 0 }
",
    );
    let seen = ask_many(&gateway, 140, Duration::from_millis(1), false).await;
    assert!(seen.iter().all(|seen| seen.status == StatusCode::OK));
    let counts = count(&seen);
    assert!((30..=40).contains(&counts["small"]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn cost_goes_to_the_cheapest_and_to_the_next_while_that_rests() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x }, model_info: { id: unpriced } }
  - { model_name: m, litellm_params: { model: simulated/x, input_cost_per_token: 1e-6, output_cost_per_token: 9e-6 }, model_info: { id: dear } }
  - { model_name: m, litellm_params: { model: simulated/x, input_cost_per_token: 3e-6, output_cost_per_token: 1e-6 }, model_info: { id: cheap } }
  - { model_name: m, litellm_params: { model: simulated/x, input_cost_per_token: 0, output_cost_per_token: 1e-6, simulated: { rpm: 7 } }, model_info: { id: cheapest } }
router_settings: { routing_strategy: cost-based-routing, num_retries: 1 }
"#,
    );
    let seen = ask_many(&gateway, 100, Duration::from_millis(10), false).await;
    assert!(seen.iter().all(|seen| seen.status == StatusCode::OK));
    // After the seventh it says for how long it takes no more, and rests that long.
    let ids: Vec<_> = seen.iter().map(|seen| &*seen.deployment).collect();
    assert_eq!(ids[..7], ["cheapest"; 7]);
    assert_eq!(ids[7..], ["cheap"; 93]);
    assert_eq!(seen.iter().filter(|seen| seen.retries != "0").count(), 1);

    sleep(Duration::from_secs(70)).await;
    assert_eq!(ask(gateway.clone(), false).await.deployment, "cheapest");
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_the_programs_own_chooses_from_those_that_may_take_the_request() {
    let text = "\
model_list:
  - {model_name: m, litellm_params: {model: simulated/a}, model_info: {id: a}}
  - {model_name: m, litellm_params: {model: simulated/b}, model_info: {id: b}}
  - {model_name: m, litellm_params: {model: simulated/c, simulated: {errors: {429: 1.0}}}, model_info: {id: c}}
";
    let config = Config::parse(text, "config.yaml").unwrap().config;
    let last = |candidates: &Candidates<'_>| candidates.iter().last().map(|(place, _)| place);
    let builder = Gateway::builder(&config).strategy(Strategy::picker(last));
    let gateway = builder.build().unwrap();
    // The last is tried once and rests then; the last of the others has all.
    let seen = ask_many(&gateway, 20, Duration::from_millis(10), false).await;
    assert_eq!(count(&seen), HashMap::from([("b", 20)]));
    let retried = seen.iter().filter(|seen| seen.retries != "0").count();
    assert_eq!(retried, 1);
}
