//! Ten thousand requests at once, while half of the deployments fail every third of what they are sent.

use crate::{ask, hello, rig::run};
use futures_util::{StreamExt, stream::FuturesUnordered};
use http_body_util::BodyExt;
use std::fmt::Write;

const REQUESTS: usize = 10_000;

/// Ten deployments, every other of which fails at random 30 % of the time, in its own way.
fn half_sick(seed: usize, settings: &str) -> String {
    const FAULTS: [&str; 5] = [
        r#""500": 0.3"#,
        r#""503": 0.3"#,
        r#""502": 0.15, "529": 0.15"#,
        r#""500": 0.3"#,
        r#""503": 0.3"#,
    ];
    let mut text = String::from("model_list:\n");
    for at in 0..10 {
        let faults = if at % 2 == 0 { FAULTS[at / 2] } else { "" };
        writeln!(
            text,
            "- {{ model_name: m, litellm_params: {{ model: simulated/x, simulated: {{ latency_ms: 400, jitter_ms: 200, \
             answer_tokens: 2, seed: {}, errors: {{ {faults} }} }} }}, model_info: {{ id: d{at} }} }}",
            seed + at,
        )
        .unwrap();
    }
    writeln!(text, "router_settings: {{ num_retries: 3, {settings} }}").unwrap();
    text
}

/// Sends them all and gives how many were answered right, and how many attempts there were for each.
fn crowd(config: &str, more: &str) -> (usize, f64) {
    run(config, async |gateway, mut rig| {
        let ask = async || {
            let response = ask(&gateway, hello(more)).await;
            let status = response.status();
            let whole = response
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            status == 200
                && match &whole {
                    Ok(answer) if more.is_empty() => {
                        answer.starts_with(b"{") && answer.ends_with(b"}")
                    }
                    Ok(answer) => answer.trim_ascii_end().ends_with(b"data: [DONE]"),
                    Err(_) => false,
                }
        };
        let mut asked: FuturesUnordered<_> = (0..REQUESTS).map(|_| ask()).collect();
        let mut right = 0;
        while let Some(is_right) = asked.next().await {
            right += usize::from(is_right);
        }
        rig.read();
        assert_eq!(rig.in_flight, 0.0);
        let sent = rig.sent();
        (right, sent as f64 / REQUESTS as f64)
    })
}

/// All are answered right, with fewer than 1.6 attempts each; what is found in fact is 1.16.
fn holds(seed: usize, settings: &str, more: &str) {
    fastrand::seed(seed as u64);
    let (right, each) = crowd(&half_sick(seed, settings), more);
    assert_eq!(right, REQUESTS);
    assert!((1.0..1.6).contains(&each), "{each} attempts each");
}

#[test]
fn ten_thousand_at_once_are_all_answered_though_half_the_deployments_are_sick() {
    holds(1, "", "");
}

#[test]
fn so_are_ten_thousand_streams() {
    holds(2, "", "\"stream\":true,");
}

/// Without rests it is the retries alone that keep away from the sick. By chance alone two in ten thousand
/// would meet nobody else.
#[test]
fn so_are_they_where_nobody_rests() {
    holds(3, "disable_cooldowns: true", "");
}
