//! Limits that are kept, as the provider tells of them and the client is told.

use crate::{CHAT, chat};
use headworks_e2e::{Headworks, config};
use headworks_upstream::{Upstream, openai};

#[tokio::test]
async fn the_provider_is_believed_when_it_says_that_less_is_left() {
    let upstream = Upstream::start().await;
    let deployment = config::with("gpt-4o", "a", &upstream.base_url(), "rpm: 100");
    let rest = "headworks: { limits: enforce }";
    let headworks = Headworks::start(&config::of(&[deployment], rest)).await;
    let client = headworks.client();
    upstream.answer_with(|_| {
        openai::chat("m")
            .header("x-ratelimit-limit-requests", "60")
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", "20s")
    });
    assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    // By our own count there is room for 99 more.
    let refused = client.post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.error()["code"], "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((19..=21).contains(&wait), "{wait}");
    assert_eq!(upstream.seen().requests, 1);
}

#[tokio::test]
async fn what_a_provider_says_is_used_up_is_asked_for_elsewhere_and_then_refused() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    for upstream in [&first, &second] {
        upstream.answer_with(|_| {
            openai::chat("m")
                .header("x-ratelimit-limit-requests", "10")
                .header("x-ratelimit-remaining-requests", "0")
                .header("x-ratelimit-reset-requests", "20s")
        });
    }
    let deployments = [("a", &first), ("b", &second)]
        .map(|(id, at)| config::with("gpt-4o", id, &at.base_url(), ""));
    let headworks =
        Headworks::start(&config::of(&deployments, "headworks: { limits: learn }")).await;
    let client = headworks.client();
    let mut asked = Vec::new();
    for _ in 0..2 {
        let answer = client.post(CHAT, &chat("gpt-4o")).await;
        assert_eq!(answer.status, 200);
        asked.push(answer.header("x-litellm-model-id").to_owned());
    }
    asked.sort();
    assert_eq!(asked, ["a", "b"], "nobody is asked twice");
    let refused = client.post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.error()["code"], "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((19..=21).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-limit-requests"), "20");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert_eq!((first.seen().requests, second.seen().requests), (1, 1));
}

#[tokio::test]
async fn what_a_provider_says_of_one_deployment_is_not_told_as_if_it_were_the_groups() {
    let upstream = Upstream::start().await;
    upstream.answer_with(|_| {
        openai::chat("m")
            .header("x-ratelimit-limit-requests", "60")
            .header("x-ratelimit-remaining-requests", "59")
            .header("x-ratelimit-reset-requests", "1s")
            .header("x-ratelimit-remaining-req-minute", "59")
            .header("anthropic-ratelimit-requests-remaining", "59")
    });
    for (limit, remaining) in [("", None), ("rpm: 10", Some("9"))] {
        let deployment = config::with("gpt-4o", "a", &upstream.base_url(), limit);
        let headworks = Headworks::start(&config::of(&[deployment], "")).await;
        let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
        assert_eq!(answer.status, 200);
        let header = |name: &str| {
            let value = answer.headers.get(name)?;
            value.to_str().ok()
        };
        assert_eq!(header("x-ratelimit-remaining-requests"), remaining);
        assert_eq!(
            header("x-ratelimit-limit-requests"),
            remaining.map(|_| "10")
        );
        assert_eq!(header("x-ratelimit-reset-requests"), None);
        assert_eq!(header("x-ratelimit-remaining-req-minute"), None);
        for name in [
            "x-ratelimit-remaining-requests",
            "x-ratelimit-remaining-req-minute",
        ] {
            assert_eq!(header(&format!("llm_provider-{name}")), Some("59"));
        }
        // Nobody takes these for ours.
        assert_eq!(header("anthropic-ratelimit-requests-remaining"), Some("59"));
    }
}
