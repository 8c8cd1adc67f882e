//! Shares are met within statistics, over 100,000 requests in the process, and no request is lost.

use crate::{CHAT, chat};
use bytes::Bytes;
use futures_util::future::join_all;
use headworks::{Gateway, config::Config};
use headworks_e2e::config;
use headworks_upstream::DeadPort;
use http::Request;
use http_body_util::{BodyExt, Full};
use std::collections::HashMap;
use tower::ServiceExt;

const REQUESTS: usize = 100_000;
const AT_ONCE: usize = 100;

/// Sends all requests and counts who answered.
async fn counts(deployments: &[String], rest: &str) -> HashMap<String, usize> {
    let yaml = config::of(deployments, rest);
    let config = Config::parse(&yaml, "config.yaml").unwrap().config;
    let gateway = Gateway::new(&config).unwrap();
    let body = Bytes::from(chat("gpt-4o").to_string());

    let clients = (0..AT_ONCE).map(|_| {
        let (gateway, body) = (gateway.clone(), body.clone());
        tokio::spawn(async move {
            let mut counts: HashMap<String, usize> = HashMap::new();
            for _ in 0..REQUESTS / AT_ONCE {
                let request = Request::post(CHAT).body(Full::new(body.clone())).unwrap();
                let Ok(response) = gateway.clone().oneshot(request).await;
                assert_eq!(response.status(), 200);
                let id = response.headers()["x-litellm-model-id"].to_str().unwrap();
                *counts.entry(id.to_owned()).or_default() += 1;
                response.into_body().collect().await.unwrap();
            }
            counts
        })
    });
    let mut all = HashMap::new();
    for counts in join_all(clients).await {
        for (id, count) in counts.unwrap() {
            *all.entry(id).or_default() += count;
        }
    }
    all
}

/// Pearson's chi-squared of what was counted against these shares.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn chi_squared(counts: &HashMap<String, usize>, shares: &[(&str, f64)]) -> f64 {
    let whole: f64 = shares.iter().map(|(_, share)| share).sum();
    let deviation = |(id, share): &(&str, f64)| {
        let expected = REQUESTS as f64 * share / whole;
        let counted = counts.get(*id).copied().unwrap_or_default() as f64;
        (counted - expected).powi(2) / expected
    };
    shares.iter().map(deviation).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_of_three_to_one() {
    let deployments = [
        config::simulated("gpt-4o", "heavy", "weight: 3"),
        config::simulated("gpt-4o", "light", "weight: 1"),
    ];
    let counts = counts(&deployments, "").await;
    assert_eq!(counts.values().sum::<usize>(), REQUESTS);
    // 23.9: the value of one degree of freedom that chance exceeds once in a million runs.
    let deviation = chi_squared(&counts, &[("heavy", 3.0), ("light", 1.0)]);
    assert!(deviation < 23.9, "{counts:?}: {deviation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpm_of_six_six_and_1440() {
    let deployments = [
        config::simulated("gpt-4o", "small", "rpm: 6"),
        config::simulated("gpt-4o", "small-too", "rpm: 6"),
        config::simulated("gpt-4o", "large", "rpm: 1440"),
    ];
    let counts = counts(&deployments, "").await;
    assert_eq!(counts.values().sum::<usize>(), REQUESTS);
    // 27.6: the same for two degrees of freedom.
    let shares = [("small", 6.0), ("small-too", 6.0), ("large", 1440.0)];
    let deviation = chi_squared(&counts, &shares);
    assert!(deviation < 27.6, "{counts:?}: {deviation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_deployment_answers_nobody_and_loses_nobody() {
    let dead = DeadPort::new();
    let deployments = [
        config::with("gpt-4o", "dead", &dead.base_url(), "weight: 1"),
        config::simulated("gpt-4o", "one", "weight: 2"),
        config::simulated("gpt-4o", "other", "weight: 2"),
    ];
    // Without rests every fifth request meets it first.
    let rest = "router_settings: { disable_cooldowns: true }\n";
    let counts = counts(&deployments, rest).await;
    assert_eq!(counts.values().sum::<usize>(), REQUESTS);
    assert!(!counts.contains_key("dead"), "{counts:?}");
}
