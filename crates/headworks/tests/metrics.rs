//! What a deployment's metrics say after each way an attempt can end.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{Gateway, config::Config};
use http::Request;
use http_body_util::{BodyExt, Full};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::future::Future;
use tower::ServiceExt;

/// Runs `test` on a gateway made of `deployment`, whose metrics `test` can look at.
fn with_metrics<F: Future<Output = ()>>(
    deployment: &str,
    test: impl FnOnce(Gateway, Snapshotter) -> F,
) {
    with_settings(deployment, "", test);
}

/// The same, with further settings.
fn with_settings<F: Future<Output = ()>>(
    deployment: &str,
    settings: &str,
    test: impl FnOnce(Gateway, Snapshotter) -> F,
) {
    let recorder = DebuggingRecorder::new();
    let config = format!(
        "model_list: [{{model_name: m, litellm_params: {deployment}, model_info: {{id: d}}}}]\n\
         router_settings: {{num_retries: 0}}\n{settings}"
    );
    let config = Config::parse(&config, "config.yaml").unwrap().config;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let snapshotter = recorder.snapshotter();
    // Handles are bound to the recorder that is there when the gateway is built.
    let gateway = runtime.block_on(async {
        metrics::with_local_recorder(&recorder, || Gateway::new(&config).unwrap())
    });
    runtime.block_on(test(gateway, snapshotter));
}

fn chat(stream: bool) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"model":"m","stream":{stream},"stream_options":{{"include_usage":true}},"messages":[]}}"#
    );
    let request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    request.body(Full::new(body.into())).unwrap()
}

/// The value of every metric that is not zero, as `name{label}=value`, without the labels all share.
fn nonzero(snapshotter: &Snapshotter) -> Vec<String> {
    let mut lines: Vec<_> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .filter_map(|(key, _, _, value)| {
            let name = key.key().name().strip_prefix("headworks_deployment_")?;
            let label = key
                .key()
                .labels()
                .find(|label| ["outcome", "kind"].contains(&label.key()))
                .map_or(String::new(), |label| format!("{{{}}}", label.value()));
            let value = match value {
                DebugValue::Counter(0) => return None,
                DebugValue::Counter(count) => count.to_string(),
                DebugValue::Gauge(gauge) => gauge.to_string(),
                DebugValue::Histogram(samples) if samples.is_empty() => return None,
                DebugValue::Histogram(samples) => format!("{} samples", samples.len()),
            };
            Some(format!("{name}{label}={value}"))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_plain_answer_counts_its_tokens_and_its_success() {
    let deployment = "{model: simulated/x, simulated: {latency_ms: 10, answer_tokens: 5}}";
    with_metrics(deployment, async |gateway, snapshotter| {
        let Ok(response) = gateway.oneshot(chat(false)).await;
        response.into_body().collect().await.unwrap();
        assert_eq!(
            nonzero(&snapshotter),
            [
                "attempts_total=1",
                "duration_seconds=1 samples",
                "in_flight=0",
                "outcomes_total{success}=1",
                "time_to_headers_seconds=1 samples",
                "tokens_total{input}=21",
                "tokens_total{output}=5",
            ]
        );
    });
}

#[test]
fn a_stream_is_timed_to_its_first_token_and_counted_to_its_end() {
    let deployment = "{model: simulated/x, simulated: {first_token_ms: 10, answer_tokens: 5}}";
    with_metrics(deployment, async |gateway, snapshotter| {
        let Ok(response) = gateway.oneshot(chat(true)).await;
        response.into_body().collect().await.unwrap();
        let lines = nonzero(&snapshotter);
        for line in [
            "outcomes_total{success}=1",
            "time_to_first_token_seconds=1 samples",
            "tokens_total{output}=5",
            "in_flight=0",
        ] {
            assert!(lines.iter().any(|l| l == line), "{line} in {lines:?}");
        }
    });
}

#[test]
fn a_stream_that_did_not_ask_counts_its_tokens_and_does_not_show_them() {
    let deployment = "{model: simulated/x, simulated: {answer_tokens: 5}}";
    let settings = "general_settings: {always_include_stream_usage: true}";
    let chat = || {
        let body = r#"{"model":"m","stream":true,"messages":[]}"#;
        let request =
            Request::post("/v1/chat/completions").header("content-type", "application/json");
        request.body(Full::new(Bytes::from(body))).unwrap()
    };
    for (settings, counts) in [(settings, true), ("", false)] {
        with_settings(deployment, settings, async |gateway, snapshotter| {
            let Ok(response) = gateway.oneshot(chat()).await;
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
            assert!(!body.contains("prompt_tokens"), "{body}");
            let lines = nonzero(&snapshotter);
            let counted = lines.contains(&"tokens_total{output}=5".into());
            assert_eq!(counted, counts, "{lines:?}");
            assert!(lines.contains(&"time_to_first_token_seconds=1 samples".into()));
        });
    }
}

#[test]
fn a_failure_is_counted_by_its_class() {
    let deployment = r#"{model: simulated/x, simulated: {errors: {"429": 1.0}}}"#;
    with_metrics(deployment, async |gateway, snapshotter| {
        let Ok(response) = gateway.oneshot(chat(false)).await;
        response.into_body().collect().await.unwrap();
        let lines = nonzero(&snapshotter);
        assert!(
            lines.contains(&"outcomes_total{rate_limited}=1".into()),
            "{lines:?}"
        );
        assert!(lines.contains(&"in_flight=0".into()), "{lines:?}");
    });
}

#[test]
fn a_client_that_leaves_is_neutral_before_the_head_and_after_it() {
    let deployment = "{model: simulated/x, simulated: {latency_ms: 1000, tokens_per_second: 1}}";
    with_metrics(deployment, async |gateway, snapshotter| {
        let mut before = tokio_test::task::spawn(gateway.clone().oneshot(chat(true)));
        tokio_test::assert_pending!(before.poll());
        drop(before);
        let Ok(response) = gateway.oneshot(chat(true)).await;
        let mut body = Box::pin(response.into_body());
        body.frame().await.unwrap().unwrap();
        drop(body);
        let lines = nonzero(&snapshotter);
        assert!(
            lines.contains(&"outcomes_total{cancelled}=2".into()),
            "{lines:?}"
        );
        assert!(lines.contains(&"in_flight=0".into()), "{lines:?}");
    });
}

#[test]
fn an_attempt_that_runs_out_of_time_is_a_timeout() {
    let deployment = "{model: simulated/x, timeout: 1, simulated: {latency_ms: 5000}}";
    with_metrics(deployment, async |gateway, snapshotter| {
        let Ok(response) = gateway.oneshot(chat(false)).await;
        assert_eq!(response.status(), 408);
        let lines = nonzero(&snapshotter);
        assert!(
            lines.contains(&"outcomes_total{timeout}=1".into()),
            "{lines:?}"
        );
    });
}
