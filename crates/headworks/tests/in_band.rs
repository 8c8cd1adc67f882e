//! What a provider says of its failure in an answer with a good head: that it means what it does as an answer of its
//! own, and that all who live off the account hear of it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks::{
    BoxError, Gateway,
    config::Config,
    core::{Foretold, Hint, Outcome, Outcome::*, Verdict},
    openai::stream::CommitLayer,
    provider::{
        Provider,
        verdict::{Case, JudgeLayer},
    },
};
use headworks_upstream::{Answer, Received, Upstream, openai};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};
use tokio::time::timeout;
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// Far above anything a loopback takes: it ends a test that would hang, and decides nothing else.
const LIMIT: Duration = Duration::from_secs(30);

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";

/// The ways in which a provider tells of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Answer,
    /// A 200 that holds the error and nothing else.
    Plain,
    FirstEvent,
    LaterEvent,
}

/// An event of an answer that has begun, and the event that tells of an error.
fn events(path: &str, error: &Value) -> [Bytes; 2] {
    match path {
        RESPONSES => [
            openai::named_event(&json!({"type": "response.output_text.delta", "delta": "Hello"})),
            openai::named_event(&json!({"type": "response.failed", "response":
                {"id": "resp_1", "status": "failed", "error": error["error"]}})),
        ],
        MESSAGES => [
            openai::named_event(&json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": "Hello"}})),
            openai::named_event(error),
        ],
        _ => [
            openai::event(&json!({"choices": [{"index": 0, "delta": {"content": "Hello"}}]})),
            openai::event(error),
        ],
    }
}

/// The verdict that whoever stands outside of the deployment is given.
async fn verdict(
    way: Way,
    judge: &JudgeLayer<impl headworks::provider::verdict::Overrule + Send + Sync + 'static>,
    path: &str,
    status: u16,
    error: &Value,
) -> Verdict {
    let [piece, told] = events(path, error);
    let (status, kind, body) = match way {
        Way::Answer => (status, "application/json", error.to_string().into()),
        Way::Plain => (200, "application/json", error.to_string().into()),
        Way::FirstEvent => (200, "text/event-stream", told),
        Way::LaterEvent => (200, "text/event-stream", [piece, told].concat().into()),
    };
    let rules = judge.clone();
    let stack = ServiceBuilder::new()
        .layer(judge.clone())
        .layer(
            CommitLayer::default()
                .judge_by(move |told| rules.of_event(told.status, told.headers, told.body)),
        )
        .service(service_fn(move |_: Request<()>| {
            let response = Response::builder().status(status);
            let response = response.header("content-type", kind);
            let response = response.body(Full::<Bytes>::from(body.clone())).unwrap();
            async { Ok::<_, Infallible>(response) }
        }));
    let request = Request::post(path).body(()).unwrap();
    let response = stack.oneshot(request).await.unwrap();
    if way != Way::LaterEvent {
        assert!(response.status().as_u16() >= 400, "{way:?} {error}");
        return *response.extensions().get::<Verdict>().unwrap();
    }
    let foretold = response.extensions().get::<Foretold>().cloned();
    let ended: Result<_, BoxError> = response.into_body().collect().await;
    let verdict = Verdict::of_error(&*ended.unwrap_err());
    assert_eq!(foretold.unwrap().failure().unwrap().verdict(), verdict);
    verdict
}

const EVENTS_ALONE: [Way; 2] = [Way::FirstEvent, Way::LaterEvent];
const ALL: [Way; 4] = [Way::Answer, Way::Plain, Way::FirstEvent, Way::LaterEvent];

#[tokio::test(start_paused = true)]
async fn an_error_means_the_same_in_every_way_of_saying_it() {
    let soon = Some(Hint::after(Duration::from_secs(3)));
    let some_day = Some(Hint::long(Hint::LONGEST));
    let openai = |kind: &str, code: Value, message: &str| json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    let anthropic = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    let cases: Vec<(&str, u16, Value, Outcome, Option<Hint>)> = vec![
        (
            "openai",
            404,
            openai(
                "invalid_request_error",
                json!("model_not_found"),
                "The model `x` does not exist",
            ),
            Misconfigured,
            None,
        ),
        (
            "openai",
            401,
            openai(
                "invalid_request_error",
                json!("invalid_api_key"),
                "Incorrect API key",
            ),
            Auth,
            None,
        ),
        (
            "openai",
            429,
            openai(
                "insufficient_quota",
                json!("insufficient_quota"),
                "You exceeded …",
            ),
            RateLimited,
            some_day,
        ),
        (
            "openai",
            429,
            openai(
                "requests",
                json!("rate_limit_exceeded"),
                "Please try again in 3s.",
            ),
            RateLimited,
            soon,
        ),
        (
            "openai",
            429,
            openai(
                "tokens",
                json!("rate_limit_exceeded"),
                "Request too large for gpt-4o",
            ),
            Unsuitable,
            None,
        ),
        (
            "openai",
            400,
            openai(
                "invalid_request_error",
                json!("context_length_exceeded"),
                "…",
            ),
            ContextTooLong,
            None,
        ),
        (
            "openai",
            400,
            openai(
                "invalid_request_error",
                Value::Null,
                "This model's maximum context length is 9",
            ),
            ContextTooLong,
            None,
        ),
        (
            "azure",
            400,
            openai("", json!("content_filter"), "… content management policy"),
            ContentRefused,
            None,
        ),
        (
            "openai",
            400,
            openai("invalid_request_error", Value::Null, "no"),
            CallerFault,
            None,
        ),
        (
            "openai",
            500,
            openai("server_error", Value::Null, "The server had an error"),
            ServerFault,
            None,
        ),
        (
            "openai",
            500,
            openai("curious", Value::Null, "in words nobody knows"),
            ServerFault,
            None,
        ),
        (
            "openai",
            503,
            openai("server_error", json!("slow_down"), "Slow down"),
            Capacity,
            None,
        ),
        (
            "openrouter",
            502,
            openai("", json!(502), "Provider disconnected"),
            ServerFault,
            None,
        ),
        (
            "openrouter",
            402,
            openai("", json!(402), "Insufficient credits"),
            Auth,
            some_day,
        ),
        (
            "litellm_proxy",
            408,
            openai("", json!("408"), "stalled"),
            Timeout,
            None,
        ),
        (
            "anthropic",
            529,
            anthropic("overloaded_error", "Overloaded"),
            Capacity,
            None,
        ),
        (
            "anthropic",
            429,
            anthropic("rate_limit_error", "…"),
            RateLimited,
            None,
        ),
        (
            "anthropic",
            401,
            anthropic("authentication_error", "invalid x-api-key"),
            Auth,
            None,
        ),
        (
            "anthropic",
            402,
            anthropic("billing_error", "…"),
            Auth,
            some_day,
        ),
        (
            "anthropic",
            404,
            anthropic("not_found_error", "model: claude-9"),
            Misconfigured,
            None,
        ),
        (
            "anthropic",
            400,
            anthropic("invalid_request_error", "prompt is too long: 3 > 2"),
            ContextTooLong,
            None,
        ),
        (
            "anthropic",
            400,
            anthropic("invalid_request_error", "Your credit balance is too low"),
            Auth,
            some_day,
        ),
        (
            "anthropic",
            500,
            anthropic("api_error", "Internal server error"),
            ServerFault,
            None,
        ),
    ];
    for (provider, status, error, outcome, hint) in cases {
        let judge = JudgeLayer::new(Provider::find(provider).unwrap());
        let expected = Verdict { outcome, hint };
        let paths: &[&str] = match provider {
            "anthropic" => &[MESSAGES],
            "openai" => &[CHAT, RESPONSES],
            _ => &[CHAT],
        };
        for path in paths {
            for way in ALL {
                let judged = verdict(way, &judge, path, status, &error).await;
                assert_eq!(judged, expected, "{provider} {path} {way:?} {error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_the_last_word_has_it_on_events_too() {
    let openai = Provider::find("openai").unwrap();
    let judge = JudgeLayer::new(openai).overrule(|case: &Case<'_>| {
        let loading =
            case.status == 500 && case.body.starts_with(b"{\"error\":{\"message\":\"loading");
        loading.then(|| Outcome::Capacity.into())
    });
    let error = json!({"error": {"message": "loading", "type": "curious"}});
    for way in ALL {
        let judged = verdict(way, &judge, CHAT, 500, &error).await;
        assert_eq!(judged, Capacity.into(), "{way:?}");
    }
    // What no status is named for is judged by its words, as far as they go.
    let error =
        json!({"error": {"message": "Rate limit reached on requests per day (RPD): Limit 200"}});
    for way in EVENTS_ALONE {
        let judged = verdict(way, &judge, CHAT, 429, &error).await;
        let hint = Some(Hint::long(Hint::LONGEST));
        assert_eq!(
            judged,
            Verdict {
                outcome: RateLimited,
                hint
            },
            "{way:?}"
        );
    }
}

/// The deployments `a` and `b` of one account, and `c` of another, which are asked in this order.
struct Stage {
    gateway: Gateway,
    a: Upstream,
    _others: [Upstream; 2],
}

impl Stage {
    async fn new() -> Self {
        let [a, b, c] = [
            Upstream::start().await,
            Upstream::start().await,
            Upstream::start().await,
        ];
        let entry = |id: &str, order: u8, upstream: &Upstream, info: &str| {
            let url = upstream.base_url();
            format!(
                "- {{model_name: m, litellm_params: {{model: openai/{id}, api_base: '{url}/v1', api_key: none, order: {order}}}, model_info: {{id: {id}{info}}}}}\n"
            )
        };
        let config = format!(
            "model_list:\n{}{}{}",
            entry("a", 1, &a, ", quota_group: account"),
            entry("b", 2, &b, ", quota_group: account"),
            entry("c", 3, &c, "")
        );
        let config = Config::parse(&config, "config.yaml").unwrap().config;
        let gateway = Gateway::new(&config).unwrap();
        Self {
            gateway,
            a,
            _others: [b, c],
        }
    }

    /// Who answers a streamed request, and what comes of it until `enough`.
    async fn ask(&self, path: &str, enough: impl Fn(&str) -> bool) -> (String, String) {
        let body = json!({"model": "m", "stream": true, "max_tokens": 9, "input": "Hello",
            "messages": [{"role": "user", "content": "Hello"}]});
        let request = Request::post(path).header("content-type", "application/json");
        let request = request
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let asking = async {
            let Ok(response) = self.gateway.clone().oneshot(request).await;
            let by = response.headers()["x-litellm-model-id"]
                .to_str()
                .unwrap()
                .to_owned();
            let (mut body, mut told) = (Box::pin(response.into_body()), String::new());
            while let Some(Ok(frame)) = body.frame().await {
                told.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
                if enough(&told) {
                    break;
                }
            }
            (by, told)
        };
        timeout(LIMIT, asking).await.unwrap()
    }
}

/// A good answer that breaks off with this error after half of its events.
fn failing(error: Value) -> impl Fn(&Received) -> Answer {
    move |request| {
        let good = openai::good(request);
        let half = good.chunks().len() / 2 + 1;
        let [_, told] = events(request.path(), &error);
        good.only(half).insert(half, told)
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_in_mid_stream_rests_for_all_who_live_off_the_account() {
    for path in [CHAT, MESSAGES, RESPONSES] {
        for (kind, rests) in [
            ("rate_limit_error", true),
            ("authentication_error", true),
            ("overloaded_error", false),
            ("invalid_request_error", false),
        ] {
            // Whether it reads to the end or leaves when it is told.
            for leaves in [false, true] {
                let stage = Stage::new().await;
                let error = json!({"type": "error", "error": {"type": kind, "message": "no more"}});
                stage.a.answer_with(failing(error));
                let enough = |told: &str| leaves && told.contains("no more");
                let (by, told) = stage.ask(path, enough).await;
                assert_eq!(by, "a");
                assert!(
                    told.contains("no more") && told.contains("Hello"),
                    "{path} {told}"
                );
                stage.a.answer_with(openai::good);
                let (by, _) = stage.ask(path, |_| false).await;
                let wanted = if rests { "c" } else { "a" };
                assert_eq!(by, wanted, "{path} {kind} {leaves}");
            }
        }
    }
}
