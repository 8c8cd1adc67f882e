//! What can be played on a paused clock: when who is asked, to the millisecond, and a minute of flapping.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{Gateway, config::Config};
use headworks_matrix::{Kind, Topology};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use std::time::Duration;
use tokio::time::{Instant, advance};
use tower::ServiceExt;

/// A gateway over deployments in its own process that answer at once; the first has these settings too.
fn gateway(topology: Topology, sick: &str) -> Gateway {
    let deployment = |group: &str, id: &str, weight: u32, settings: &str| {
        format!(
            "- model_name: {group}\n  litellm_params: {{ model: simulated/x, weight: {weight}, simulated: {{ \
             latency_ms: 0, first_token_ms: 0, answer_tokens: 1, tokens_per_second: 1000000, {settings} }} }}\n  \
             model_info: {{ id: {id} }}\n"
        )
    };
    let (mut text, mut router) = (
        deployment("m", "sick", 1, sick),
        "num_retries: 1".to_owned(),
    );
    match topology {
        Topology::Lone => {}
        Topology::Sibling => text += &deployment("m", "other", 0, ""),
        Topology::Fallback => {
            text += &deployment("f", "other", 1, "");
            router += ", fallbacks: [{ m: [f] }]";
        }
    }
    let text = format!("model_list:\n{text}router_settings: {{ {router} }}\n");
    Gateway::new(&Config::parse(&text, "config.yaml").unwrap().config).unwrap()
}

/// Asks, and reads the answer to its end: its status, who gave it, and how long its head took.
async fn ask(gateway: &Gateway, kind: Kind) -> (StatusCode, String, Duration) {
    let (content_type, body) = kind.request();
    let request = Request::post(kind.endpoint.path()).header("content-type", content_type);
    let request: Request<Full<Bytes>> = request.body(Full::new(body)).unwrap();
    let began = Instant::now();
    let Ok(response) = gateway.clone().oneshot(request).await;
    let took = began.elapsed();
    let id = response.headers()["x-litellm-model-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let status = response.status();
    assert!(
        !response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
    (status, id, took)
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_out_to_the_millisecond_and_only_where_nobody_else_is_free() {
    for kind in Kind::all() {
        for topology in Topology::ALL {
            // One request a minute; the next is told how much of the minute is left.
            let gateway = gateway(topology, "rpm: 1");
            let first = ask(&gateway, kind).await;
            assert_eq!((first.0, &*first.1), (StatusCode::OK, "sick"), "{kind}");
            advance(Duration::from_secs(20)).await;
            let (status, id, took) = ask(&gateway, kind).await;
            let (wanted, within) = match topology {
                Topology::Lone => ("sick", Duration::from_secs(40)),
                Topology::Sibling | Topology::Fallback => ("other", Duration::ZERO),
            };
            let name = format!("{kind}, {}", topology.as_str());
            assert_eq!((status, &*id), (StatusCode::OK, wanted), "{name}");
            // A timer of tokio's may be a millisecond late.
            let late = took.saturating_sub(within);
            assert!(
                took >= within && late <= Duration::from_millis(2),
                "{name}: {took:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_flapping_is_not_seen_by_whoever_has_another() {
    for kind in Kind::all() {
        for topology in [Topology::Sibling, Topology::Fallback] {
            let gateway = gateway(topology, r#"seed: 7, errors: { "503": 0.6 }"#);
            let mut by_the_sick = 0;
            for _ in 0..240 {
                let (status, id, took) = ask(&gateway, kind).await;
                assert_eq!(status, StatusCode::OK, "{kind}, {}", topology.as_str());
                assert!(
                    took < Duration::from_millis(50),
                    "nobody waits for the sick one: {took:?}"
                );
                by_the_sick += u32::from(id == "sick");
                advance(Duration::from_millis(250)).await;
            }
            assert!(by_the_sick < 80, "it rests most of the time: {by_the_sick}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_flapping_alone_gives_answers_or_its_own_errors() {
    for kind in Kind::all() {
        let gateway = gateway(Topology::Lone, r#"seed: 7, errors: { "503": 0.6 }"#);
        let mut answered = 0;
        for _ in 0..200 {
            let (status, id, _) = ask(&gateway, kind).await;
            let known = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
            assert!(known && id == "sick", "{kind}: {status} of {id}");
            answered += u32::from(status == StatusCode::OK);
            advance(Duration::from_millis(300)).await;
        }
        // Two tries each, of which four in ten succeed: 64 % by chance, here and there.
        assert!((90..170).contains(&answered), "{kind}: {answered} of 200");
    }
}
