//! Limits in the gateway, on a paused clock, over simulated deployments: what they refuse, and what they leave.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use futures_util::future::join_all;
use headworks::{BuildError, Gateway, config::Config};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::time::advance;
use tower::ServiceExt;

const ENFORCE: &str = "headworks: {limits: enforce}\n";

/// Deployments of the group `m`: an id, and what else is said of it.
fn config(deployments: &[(&str, &str)], rest: &str) -> String {
    let entry = |(id, more): &(&str, &str)| {
        let (params, info) = more.split_once('|').unwrap_or((more, ""));
        format!(
            "  - {{model_name: m, litellm_params: {{model: simulated/{id}{params}}}, model_info: {{id: {id}{info}}}}}\n"
        )
    };
    let entries: String = deployments.iter().map(entry).collect();
    format!("model_list:\n{entries}{rest}")
}

fn gateway(deployments: &[(&str, &str)], rest: &str) -> Gateway {
    let config = Config::parse(&config(deployments, rest), "config.yaml").unwrap();
    Gateway::new(&config.config).unwrap()
}

async fn ask(gateway: &Gateway, body: Value) -> (StatusCode, HeaderMap, Value) {
    ask_at(gateway, "/v1/chat/completions", body).await
}

async fn ask_at(gateway: &Gateway, path: &str, body: Value) -> (StatusCode, HeaderMap, Value) {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let Ok(response) = gateway.clone().oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    (head.status, head.headers, body)
}

fn chat() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]})
}

/// What an answer says is left of the limits of its group: requests, of how many, and tokens, of how many.
fn left(headers: &HeaderMap) -> [Option<i64>; 4] {
    let names = [
        "remaining-requests",
        "limit-requests",
        "remaining-tokens",
        "limit-tokens",
    ];
    names.map(|name| {
        let value = headers.get(format!("x-ratelimit-{name}"))?;
        Some(value.to_str().unwrap().parse().unwrap())
    })
}

/// How many of so many at once were answered, by deployment; the others were refused with 429.
async fn answered(gateway: &Gateway, n: usize) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for (status, headers, body) in join_all((0..n).map(|_| ask(gateway, chat()))).await {
        if status == StatusCode::OK {
            let id = headers["x-litellm-model-id"].to_str().unwrap();
            *counts.entry(id.to_owned()).or_default() += 1;
        } else {
            assert_eq!(
                (status.as_u16(), &body["error"]["code"]),
                (429, &json!("rate_limited"))
            );
            assert!(headers.contains_key("retry-after"), "{headers:?}");
        }
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_on_ten_a_minute_are_ten() {
    for rest in [
        ENFORCE,
        "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}\n",
        "router_settings: {routing_strategy: usage-based-routing-v2}\n",
    ] {
        let gateway = gateway(&[("a", ", rpm: 10"), ("b", ", rpm: 5")], rest);
        let counts = answered(&gateway, 100).await;
        assert_eq!(
            counts,
            HashMap::from([("a".into(), 10), ("b".into(), 5)]),
            "{rest}"
        );
        advance(Duration::from_secs(30)).await;
        assert!(answered(&gateway, 10).await.is_empty());
        advance(Duration::from_secs(32)).await;
        assert_eq!(answered(&gateway, 100).await.values().sum::<usize>(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_is_the_last_sixty_seconds_or_the_one_on_the_clock() {
    for (minute, at_the_edge) in [("sliding", 0..=1), ("fixed", 2..=2)] {
        let rest = format!("headworks: {{limits: enforce, minute: {minute}}}");
        let gateway = gateway(&[("a", ", rpm: 2")], &rest);
        let all = async |n| answered(&gateway, n).await.values().sum::<usize>();
        assert_eq!(all(3).await, 2);
        let mut seconds = 0;
        while all(1).await == 0 {
            seconds += 1;
            assert!(seconds <= 61, "{minute}");
            advance(Duration::from_secs(1)).await;
        }
        // A minute has begun: one at its beginning, one at its end, and then the next one begins.
        advance(Duration::from_secs(50)).await;
        assert_eq!(all(2).await, 1, "{minute}");
        advance(Duration::from_secs(10)).await;
        let then = all(3).await;
        assert!(at_the_edge.contains(&then), "{minute}: {then}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_shares_they_refuse_nothing() {
    let gateway = gateway(&[("a", ", rpm: 1"), ("b", ", rpm: 1")], "");
    assert_eq!(answered(&gateway, 100).await.values().sum::<usize>(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_what_is_used_up_and_for_how_long() {
    let gateway = gateway(&[("a", ", rpm: 1"), ("b", ", rpm: 1")], ENFORCE);
    answered(&gateway, 2).await;
    advance(Duration::from_secs(20)).await;
    let (status, headers, body) = ask(&gateway, chat()).await;
    assert_eq!(status, 429);
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((40..=41).contains(&wait), "{wait}");
    let refused = headers["x-headworks-refused"].to_str().unwrap();
    assert!(refused.starts_with("a=at_its_limit;4"), "{refused}");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("2 at its limit (rpm)"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_by_the_prompt_and_the_longest_answer_and_settled_by_the_usage() {
    let params = ", tpm: 1000, simulated: {answer_tokens: 20, latency_ms: 100}";
    let gateway = gateway(&[("a", params)], ENFORCE);
    let mut large = chat();
    large["max_tokens"] = json!(800);
    // Two at once do not fit; what the first did not use is there for the next.
    let both = join_all([ask(&gateway, large.clone()), ask(&gateway, large.clone())]).await;
    let statuses: Vec<_> = both.iter().map(|(status, ..)| status.as_u16()).collect();
    assert_eq!(statuses, [200, 429]);
    for _ in 0..3 {
        assert_eq!(ask(&gateway, large.clone()).await.0, 200);
    }
    // A prompt that is longer than all of it goes alone, and not after others.
    let mut huge = chat();
    huge["messages"][0]["content"] = json!("word ".repeat(2000));
    huge["num_retries"] = json!(0);
    assert_eq!(ask(&gateway, huge.clone()).await.0, 429);
    advance(Duration::from_secs(62)).await;
    assert_eq!(ask(&gateway, huge).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_settled_by_what_was_seen() {
    let params = ", otpm: 100, simulated: {answer_tokens: 30}";
    let gateway = gateway(&[("a", params)], ENFORCE);
    let mut stream = chat();
    stream["stream"] = json!(true);
    stream["max_tokens"] = json!(90);
    stream["num_retries"] = json!(0);
    for _ in 0..3 {
        let (status, ..) = ask(&gateway, stream.clone()).await;
        assert_eq!(status, 200);
        // Thirty of ninety are used, so the next fits no more.
        advance(Duration::from_secs(62)).await;
    }
    assert_eq!(ask(&gateway, stream.clone()).await.0, 200);
    assert_eq!(ask(&gateway, stream.clone()).await.0, 429);
    stream["max_tokens"] = json!(70);
    assert_eq!(ask(&gateway, stream).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn deployments_of_one_account_share_its_limit_and_its_rest() {
    let account = "|, quota_group: account";
    let gateway = gateway(
        &[("a", &format!(", rpm: 3{account}")), ("b", account)],
        ENFORCE,
    );
    assert_eq!(answered(&gateway, 10).await.values().sum::<usize>(), 3);

    let used_up = ", simulated: {rpm: 1}|, quota_group: account";
    let gateway = self::gateway(&[("a", used_up), ("b", used_up)], "");
    let mut none = chat();
    none["num_retries"] = json!(0);
    for _ in 0..4 {
        ask(&gateway, none.clone()).await;
    }
    // Whoever was told to wait has told the other.
    let (_, headers, _) = ask(&gateway, none).await;
    let refused = headers["x-headworks-refused"].to_str().unwrap();
    assert!(
        refused.contains("a=resting") && refused.contains("b=resting"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_turned_down_rests_for_all_its_deployments_and_one_that_fails_for_none()
{
    for (error, rests) in [("401", true), ("402", true), ("503", false)] {
        let sick = format!(
            ", order: 1, simulated: {{errors: {{\"{error}\": 1.0}}}}|, quota_group: account"
        );
        let group = [
            ("sick", sick.as_str()),
            ("sibling", ", order: 2|, quota_group: account"),
            ("other", ", order: 3"),
        ];
        let gateway = gateway(&group, "router_settings: {num_retries: 2}\n");
        let (status, headers, _) = ask(&gateway, chat()).await;
        let by = if rests { "other" } else { "sibling" };
        assert_eq!(
            (status.as_u16(), &headers["x-litellm-model-id"]),
            (200, &by.parse().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn an_account_has_one_limit() {
    let text = config(
        &[
            ("a", ", rpm: 3|, quota_group: account"),
            ("b", ", rpm: 4|, quota_group: account"),
        ],
        ENFORCE,
    );
    let config = Config::parse(&text, "config.yaml").unwrap().config;
    let error = Gateway::new(&config).unwrap_err();
    assert!(matches!(error, BuildError::Deployments(_)));
    let text = error.to_string();
    assert!(text.contains("\"account\" disagree on its `rpm`"), "{text}");
    assert!(text.contains("config.yaml:3"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_says_how_many_at_a_time_goes_by_that_and_not_by_the_default() {
    let slow = ", simulated: {latency_ms: 1000}";
    let of_account = format!("{slow}, max_parallel_requests: 2|, quota_group: account");
    let silent = format!("{slow}|, quota_group: account");
    for group in [
        [("a", &of_account), ("b", &silent)],
        [("a", &silent), ("b", &of_account)],
    ] {
        let group = group.map(|(id, more)| (id, more.as_str()));
        let rest = "router_settings: {default_max_parallel_requests: 50, num_retries: 0}\n";
        let gateway = gateway(&group, rest);
        let all = join_all((0..10).map(|_| ask(&gateway, chat()))).await;
        let answered = all.iter().filter(|(status, ..)| *status == 200).count();
        assert_eq!(answered, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_tells_what_is_left_of_the_limits_of_its_group() {
    let two = [("a", ", rpm: 3, tpm: 1000"), ("b", ", rpm: 2, tpm: 1000")];
    let one = [("a", ", rpm: 5, tpm: 2000")];
    for (deployments, rest) in [(&two[..], ENFORCE), (&one, "")] {
        let gateway = gateway(deployments, rest);
        for (n, path) in ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
            .into_iter()
            .enumerate()
        {
            let mut body = json!({"model": "m", "max_tokens": 20});
            let prompt = match path {
                "/v1/chat/completions" => "messages",
                "/v1/completions" => "prompt",
                _ => "input",
            };
            body[prompt] = match prompt {
                "messages" => chat()["messages"].clone(),
                _ => json!("Hello"),
            };
            body["stream"] = json!(n == 1);
            let (status, headers, _) = ask_at(&gateway, path, body).await;
            assert_eq!(status, 200, "{path}");
            let [requests, of, tokens, of_tokens] = left(&headers);
            assert_eq!((requests, of), (Some(4 - n as i64), Some(5)), "{path}");
            assert!(
                tokens.is_some_and(|tokens| (1800..2000).contains(&tokens)),
                "{tokens:?}"
            );
            assert_eq!(of_tokens, Some(2000));
        }
        // What is kept refuses and what is a share does not; neither comes to be less than nothing.
        let mut none = chat();
        none["num_retries"] = json!(0);
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let (status, headers, _) = ask(&gateway, none.clone()).await;
            statuses.push(status.as_u16());
            let [requests, of, ..] = left(&headers);
            assert_eq!(of, Some(5));
            assert!((0..=2).contains(&requests.unwrap()), "{requests:?}");
        }
        assert_eq!(statuses.contains(&429), rest == ENFORCE, "{statuses:?}");
        let (_, headers, _) = ask(&gateway, none).await;
        assert_eq!(left(&headers)[0], Some(0), "{rest}");
        advance(Duration::from_secs(62)).await;
        let (_, headers, _) = ask(&gateway, chat()).await;
        assert_eq!(left(&headers)[0], Some(4), "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_is_left_once_and_a_group_with_one_that_has_no_limit_has_none() {
    let account = "|, quota_group: account";
    let of_account = (
        ("a", format!(", rpm: 9{account}")),
        ("b", account.to_owned()),
    );
    let ((a, a_says), (b, b_says)) = &of_account;
    let gateway = gateway(&[(a, a_says), (b, b_says)], ENFORCE);
    let (_, headers, _) = ask(&gateway, chat()).await;
    assert_eq!(left(&headers), [Some(8), Some(9), None, None]);

    let gateway = self::gateway(
        &[("a", ", rpm: 9, tpm: 1000"), ("b", ", tpm: 1000")],
        ENFORCE,
    );
    let (_, headers, _) = ask(&gateway, chat()).await;
    let [requests, of, tokens, of_tokens] = left(&headers);
    assert_eq!((requests, of, of_tokens), (None, None, Some(2000)));
    assert!(tokens.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_that_of_the_group_that_answered() {
    let text = "\
model_list:
  - {model_name: m, litellm_params: {model: simulated/a, rpm: 7, simulated: {errors: {500: 1}}}}
  - {model_name: n, litellm_params: {model: simulated/b, rpm: 5}}
router_settings: {num_retries: 0, fallbacks: [{m: [n]}], model_group_alias: {alias: n}}
";
    let config = Config::parse(text, "config.yaml").unwrap();
    let gateway = Gateway::new(&config.config).unwrap();
    let (status, headers, _) = ask(&gateway, chat()).await;
    assert_eq!(status, 200);
    assert_eq!(left(&headers)[..2], [Some(4), Some(5)]);
    let mut alias = chat();
    alias["model"] = json!("alias");
    let (_, headers, _) = ask(&gateway, alias).await;
    assert_eq!(left(&headers)[..2], [Some(3), Some(5)]);
    let mut own = chat();
    own["disable_fallbacks"] = json!(true);
    let (status, headers, _) = ask(&gateway, own).await;
    assert_eq!(status, 500);
    assert_eq!(left(&headers)[..2], [Some(5), Some(7)]);
    let mut unknown = chat();
    unknown["model"] = json!("nobody");
    let (_, headers, _) = ask(&gateway, unknown).await;
    assert_eq!(left(&headers), [None; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_a_provider_tells_of_is_kept_where_that_is_asked_for() {
    // The provider refuses by itself what is more than two a minute, and says so in its headers.
    let deployments = [("a", ", simulated: {rpm: 2}")];
    let mut none = chat();
    none["num_retries"] = json!(0);
    let learning = gateway(&deployments, "headworks: {limits: learn}\n");
    for n in [1, 0] {
        let (status, headers, _) = ask(&learning, none.clone()).await;
        assert_eq!(status, 200);
        assert_eq!(left(&headers)[..2], [Some(n), Some(2)]);
    }
    advance(Duration::from_secs(30)).await;
    let (status, headers, body) = ask(&learning, none.clone()).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (429, &json!("rate_limited"))
    );
    assert!(
        !headers.contains_key("x-headworks-attempts"),
        "nobody is asked: {headers:?}"
    );
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((29..=31).contains(&wait), "{wait}");
    advance(Duration::from_secs(wait)).await;
    assert_eq!(ask(&learning, none.clone()).await.0, 200);

    let other = gateway(&deployments, ENFORCE);
    for _ in 0..3 {
        ask(&other, none.clone()).await;
    }
    let (_, headers, _) = ask(&other, none).await;
    assert_eq!(
        left(&headers),
        [None; 4],
        "nothing is learned unless it is asked for"
    );
}

/// What is asked for at each endpoint that takes JSON and a model, with a prompt of a few words.
fn small(path: &str) -> Value {
    match path {
        "/v1/chat/completions" => chat(),
        "/v1/messages" => {
            json!({"model": "m", "max_tokens": 30, "messages": [{"role": "user", "content": "Hello"}]})
        }
        "/v1/completions" => json!({"model": "m", "prompt": "Hello"}),
        "/v1/rerank" => json!({"model": "m", "query": "Hello", "documents": ["Hello", "World"]}),
        _ => json!({"model": "m", "input": "Hello"}),
    }
}

#[tokio::test(start_paused = true)]
async fn the_smallest_limits_can_be_used() {
    let answers = ", simulated: {answer_tokens: 10}";
    for path in [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/embeddings",
        "/v1/moderations",
        "/v1/rerank",
    ] {
        for stream in [false, true] {
            for most in [None, Some(20), Some(4000)] {
                let mut body = small(path);
                body["num_retries"] = json!(0);
                if stream {
                    body["stream"] = json!(true);
                }
                if let Some(most) = most {
                    let key = match path {
                        "/v1/responses" => "max_output_tokens",
                        _ => "max_tokens",
                    };
                    body[key] = json!(most);
                }
                let case = format!("{path}, {body}");
                // One a minute is one a minute, however long its answer may be.
                let gateway =
                    self::gateway(&[("a", &format!(", rpm: 1, tpm: 100{answers}"))], ENFORCE);
                for _ in 0..3 {
                    assert_eq!(ask_at(&gateway, path, body.clone()).await.0, 200, "{case}");
                    assert_eq!(ask_at(&gateway, path, body.clone()).await.0, 429, "{case}");
                    advance(Duration::from_secs(62)).await;
                }
                // Nor is there room for one alone in a hundred tokens, unless it says that it may take
                // more than all.
                if most != Some(4000) {
                    let gateway = self::gateway(&[("a", &format!(", tpm: 100{answers}"))], ENFORCE);
                    for n in 0..2 {
                        let (status, _, said) = ask_at(&gateway, path, body.clone()).await;
                        assert_eq!(status, 200, "{n}: {case}: {said}");
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_written_by_a_model_costs_its_prompt_and_says_nothing_of_answers() {
    let gateway = gateway(&[("a", ", otpm: 1, tpm: 1000")], ENFORCE);
    let path = "/v1/embeddings";
    for _ in 0..20 {
        assert_eq!(ask_at(&gateway, path, small(path)).await.0, 200);
    }
    let (_, headers, _) = ask_at(&gateway, path, small(path)).await;
    let [_, _, remaining, _] = left(&headers);
    assert!(remaining.is_some_and(|left| left > 700), "{remaining:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_counts_is_reserved_in_whatever_form_it_comes() {
    let ids = vec![7; 300];
    let text = "word ".repeat(240);
    for (path, body, fit) in [
        ("/v1/embeddings", json!({"input": ids}), 3),
        ("/v1/embeddings", json!({"input": [ids, ids]}), 1),
        ("/v1/embeddings", json!({"input": [text, text]}), 1),
        (
            "/v1/rerank",
            json!({"query": "word", "documents": [text, {"text": text}]}),
            1,
        ),
        (
            "/v1/completions",
            json!({"prompt": [text, text], "max_tokens": 0}),
            1,
        ),
        (
            "/v1/completions",
            json!({"prompt": ["a", "b"], "max_tokens": 100}),
            4,
        ),
        (
            "/v1/completions",
            json!({"prompt": "a", "max_tokens": 100, "best_of": 3}),
            3,
        ),
        (
            "/v1/chat/completions",
            json!({"messages": [], "max_tokens": 100, "n": 4}),
            2,
        ),
    ] {
        let params = ", tpm: 1000, simulated: {latency_ms: 100}";
        let gateway = gateway(&[("a", params)], ENFORCE);
        let mut body = body;
        body["model"] = json!("m");
        let all = join_all((0..10).map(|_| ask_at(&gateway, path, body.clone()))).await;
        let answered = all.iter().filter(|(status, ..)| *status == 200).count();
        assert_eq!(answered, fit, "{path}: {body}");
    }
}
