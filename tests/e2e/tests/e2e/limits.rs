//! Limits that are kept, as the provider tells of them and the client is told.

use crate::{CHAT, chat};
use headworks_e2e::{Headworks, config};
use headworks_upstream::{Answer, Upstream, openai};
use serde_json::{Value, json};

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

#[tokio::test]
async fn a_usage_counts_as_the_provider_means_it_and_one_of_nothing_is_none() {
    const LIMIT: u64 = 100_000;
    let upstream = Upstream::start().await;
    let answer = |usage: &Value| {
        Answer::json(json!({
            "object": "chat.completion", "model": "m", "usage": usage,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
        }))
    };
    let cases = [
        (
            json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}),
            15,
        ),
        // What the model thinks is in the total alone.
        (
            json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}),
            115,
        ),
        (
            json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 3}),
            15,
        ),
        (json!({"total_tokens": 15}), 15),
        // There is no prompt without a token.
        (json!({"completion_tokens": 5}), 7),
        (
            json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
            102,
        ),
        (json!({"prompt_tokens": -10, "completion_tokens": "5"}), 102),
        (json!(null), 102),
    ];
    let deployment = |group: usize| {
        let (group, limit) = (group.to_string(), format!("tpm: {LIMIT}"));
        config::with(&format!("g{group}"), &group, &upstream.base_url(), &limit)
    };
    let deployments: Vec<_> = (0..cases.len()).map(deployment).collect();
    let rest = "headworks: { limits: enforce }";
    let headworks = Headworks::start(&config::of(&deployments, rest)).await;
    let client = headworks.client();
    for (n, (usage, counted)) in cases.into_iter().enumerate() {
        let model = format!("g{n}");
        // The prompt is thought to have 2 tokens, the answer 100.
        let body = json!({
            "model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}],
        });
        upstream.answer(answer(&usage));
        assert_eq!(client.post(CHAT, &body).await.status, 200);
        upstream.answer(openai::embeddings("m"));
        // This one is thought to cost nothing.
        let body = json!({"model": model, "input": ""});
        let left = client.post("/v1/embeddings", &body).await;
        let left: u64 = left.header("x-ratelimit-remaining-tokens").parse().unwrap();
        assert_eq!(LIMIT - left, counted, "{usage}");
    }
}

#[tokio::test]
async fn one_that_nobody_stands_in_for_rests_as_its_provider_says_where_limits_are_kept() {
    const ENFORCE: &str = "headworks: { limits: enforce }";
    let upstream = Upstream::start().await;
    upstream.answer_with(|_| {
        openai::error(429, "rate_limit_exceeded", "slow down").header("retry-after", "30")
    });
    let deployment = |group: &str, info: &str| {
        let (url, id) = (upstream.base_url(), format!("of-{group}"));
        format!(
            "- {{model_name: {group}, litellm_params: {{model: openai/x, api_key: k, api_base: \"{url}\", rpm: 60, \
             num_retries: 0}}, model_info: {{id: {id}{info}}}}}\n"
        )
    };
    for (info, rest, of_one, of_other) in [
        // As LiteLLM has it.
        ("", "", false, false),
        ("", ENFORCE, true, false),
        (", quota_group: account", "", true, true),
        (", quota_group: account", ENFORCE, true, true),
    ] {
        let deployments = ["one", "other"].map(|group| deployment(group, info));
        let headworks = Headworks::start(&config::of(&deployments, rest)).await;
        let client = headworks.client();
        let case = format!("{info}, {rest}");
        for (group, refused) in [("one", false), ("one", of_one), ("other", of_other)] {
            let before = upstream.seen().requests;
            let answer = client.post(CHAT, &chat(group)).await;
            assert_eq!(answer.status, 429, "{case}");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=30).contains(&wait), "{case}: {wait}");
            let asked = upstream.seen().requests > before;
            assert_eq!(asked, !refused, "{case}: {group}");
        }
    }
}
