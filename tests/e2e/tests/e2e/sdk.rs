//! The official Python SDKs, against the program.

use crate::{group_at, usage};
use headworks_e2e::{BOUND, Headworks, config};
use headworks_upstream::{Upstream, openai};
use std::process::Stdio;
use tokio::process::Command;

#[tokio::test]
async fn openai_and_langchain_notice_nothing() {
    let upstreams = Upstream::start_many(2).await;
    let key = "general_settings: { master_key: sk-sdk }";
    let headworks = Headworks::start(&group_at(&upstreams, key)).await;
    run("test_sdk", &headworks).await;
    for upstream in &upstreams {
        assert!(upstream.seen().answered > 0, "{:?}", upstream.seen());
    }
}

#[tokio::test]
async fn they_notice_nothing_of_usage_that_is_asked_for_on_their_behalf() {
    let upstreams = Upstream::start_many(2).await;
    let settings = "general_settings: { master_key: sk-sdk, always_include_stream_usage: true }";
    let headworks = Headworks::start(&usage::vllm_at(&upstreams, settings)).await;
    run("test_sdk", &headworks).await;
}

#[tokio::test]
async fn openais_own_retries_hammer_nobody() {
    let names = ["spent", "rested", "rested", "locked", "soon"];
    let upstreams = Upstream::start_many(names.len()).await;
    let limited = |wait| openai::error(429, "rate_limit_error", "slow").header("retry-after", wait);
    for upstream in &upstreams[..3] {
        upstream.answer(limited("3000"));
    }
    upstreams[3].answer(openai::error(401, "invalid_request_error", "bad key"));
    upstreams[4].answer_next(limited("1.2"));

    let deployments = names.iter().zip(["a", "b", "c", "d", "e"]).zip(&upstreams);
    let deployments: Vec<_> = deployments
        .map(|((name, id), upstream)| config::openai(name, id, &upstream.base_url()))
        .collect();
    let rest = "router_settings: { num_retries: 1, model_group_retry_policy: { soon: { RateLimitErrorRetries: 0 } } }\n\
        general_settings: { master_key: sk-sdk }";
    let headworks = Headworks::start(&config::of(&deployments, rest)).await;
    run("test_retries", &headworks).await;
    let received: Vec<_> = upstreams.iter().map(|up| up.received().len()).collect();
    // Of the two that rest each is asked once, by the one request that found neither resting.
    assert_eq!(received, [1, 1, 1, 1, 2]);
}

/// Runs the tests of a module in `tests/e2e/python`, all of which must pass.
#[expect(
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]
async fn run(module: &str, headworks: &Headworks) {
    let python = std::env::var_os("HEADWORKS_PYTHON").expect(
        "HEADWORKS_PYTHON: a Python interpreter with what tests/e2e/python/requirements.txt names; \
         `cargo xtask test` makes one",
    );
    let run = Command::new(python)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
        .args(["-B", "-m", "unittest", "-v", module])
        .env("HEADWORKS_URL", headworks.base_url())
        .env("HEADWORKS_KEY", "sk-sdk")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    // Importing the SDKs takes seconds on a busy machine.
    let run = tokio::time::timeout(4 * BOUND, run).await;
    let run = run.expect("within its time").expect("Python can be run");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("Ran ") && !said.contains("Ran 0"), "{said}");
}
