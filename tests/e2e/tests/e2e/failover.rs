//! What fails in one place is tried in another, and the client notices nothing.

use crate::{CHAT, chat, group_at};
use headworks_e2e::{Headworks, config};
use headworks_upstream::{Answer, DeadPort, Upstream, openai};

#[tokio::test]
async fn a_dead_deployment_is_never_seen_by_a_client() {
    let (dead, live) = (DeadPort::new(), Upstream::start().await);
    let deployments = [
        config::openai("gpt-4o", "dead", &dead.base_url()),
        config::openai("gpt-4o", "live", &live.base_url()),
    ];
    let headworks = Headworks::start(&config::of(&deployments, "")).await;
    let client = headworks.client();
    for _ in 0..100 {
        let answer = client.post(CHAT, &chat("gpt-4o")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-litellm-model-id"), "live");
    }
    assert_eq!(live.seen().answered, 100);
}

#[tokio::test]
async fn each_kind_of_failure_is_tried_elsewhere() {
    let upstreams = Upstream::start_many(2).await;
    // Without rests: what fails is to be asked again and again.
    let never = "router_settings: { disable_cooldowns: true }\n";
    let headworks = Headworks::start(&group_at(&upstreams, never)).await;
    let client = headworks.client();
    let failures = [401, 408, 409, 429, 500, 502, 503, 504, 529].map(Answer::status);
    let failures = failures
        .into_iter()
        .chain([Answer::reset(), Answer::hang_up()]);
    for failure in failures {
        upstreams[0].answer(failure.clone());
        // Until it has gone to the failing one first, which half of the requests do.
        loop {
            let answer = client.post(CHAT, &chat("gpt-4o")).await;
            assert_eq!(answer.status, 200, "{failure:?}");
            assert_eq!(answer.header("x-litellm-model-id"), "b");
            if answer.header("x-litellm-attempted-retries") == "1" {
                assert_eq!(answer.header("x-litellm-max-retries"), "2");
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_callers_own_fault_is_told_at_once_as_it_was() {
    let upstreams = Upstream::start_many(2).await;
    let fault = || openai::error(400, "invalid_request_error", "messages must not be empty");
    for upstream in &upstreams {
        upstream.answer(fault());
    }
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error"]["message"],
        "messages must not be empty"
    );
    assert!(!answer.headers.contains_key("x-headworks-error"));
    let asked: usize = upstreams.iter().map(|u| u.seen().requests).sum();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_retry_goes_somewhere_new_and_the_last_answer_is_passed_on() {
    let upstreams = Upstream::start_many(3).await;
    for (upstream, name) in upstreams.iter().zip(["a", "b", "c"]) {
        upstream.answer(openai::error(500, "server_error", name));
    }
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.json()["error"]["message"],
        answer.header("x-litellm-model-id")
    );
    assert_eq!(answer.header("x-litellm-attempted-retries"), "2");
    let asked: Vec<_> = upstreams.iter().map(|u| u.seen().requests).collect();
    assert_eq!(asked, [1, 1, 1]);
}

#[tokio::test]
async fn who_stays_silent_is_given_up_and_another_asked() {
    let upstreams = Upstream::start_many(2).await;
    upstreams[0].answer(Answer::silence());
    let deployments = [
        config::with(
            "gpt-4o",
            "a",
            &upstreams[0].base_url(),
            "timeout: 0.2, weight: 1",
        ),
        config::with("gpt-4o", "b", &upstreams[1].base_url(), "weight: 0"),
    ];
    let headworks = Headworks::start(&config::of(&deployments, "")).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-litellm-model-id"), "b");
    assert_eq!(answer.header("x-litellm-attempted-retries"), "1");
    assert_eq!(upstreams[0].seen().clients_left, 1);
}

#[tokio::test]
async fn when_nobody_can_be_asked_the_error_says_so_and_names_no_address() {
    let dead = DeadPort::new();
    let deployment = config::openai("gpt-4o", "dead", &dead.base_url());
    let rest = "router_settings: { num_retries: 0 }";
    let headworks = Headworks::start(&config::of(&[deployment], rest)).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.error()["code"], "upstream_unreachable");
    assert_eq!(answer.header("x-headworks-error"), "upstream_unreachable");
    let port = dead.addr().port().to_string();
    assert!(!String::from_utf8_lossy(&answer.body).contains(&port));
}

#[tokio::test]
async fn a_timeout_is_a_408() {
    let upstream = Upstream::start().await;
    upstream.answer(Answer::silence());
    let deployment = config::with("gpt-4o", "a", &upstream.base_url(), "timeout: 0.1");
    let rest = "router_settings: { num_retries: 0 }";
    let headworks = Headworks::start(&config::of(&[deployment], rest)).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.error()["type"], "timeout_error");
}

#[tokio::test]
async fn a_rate_limit_nobody_else_can_help_with_is_passed_on_with_its_hint() {
    let upstream = Upstream::start().await;
    let limited = openai::error(429, "rate_limit_error", "slow down");
    upstream.answer(limited.header("retry-after", "120"));
    let headworks = Headworks::start(&group_at(std::slice::from_ref(&upstream), "")).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), "120");
    assert_eq!(answer.json()["error"]["message"], "slow down");
}
