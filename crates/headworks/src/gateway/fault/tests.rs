use super::*;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

const RESTING: Reason = Reason::Resting(Duration::from_millis(1500));

fn refused(reasons: &[Reason]) -> BoxError {
    let candidates = ["a", "b", "c"].iter().zip(reasons);
    let candidates = candidates.map(|(id, reason)| ((*id).into(), *reason));
    Refusal::new("g".into(), candidates.collect()).into()
}

/// What becomes of an error: its status, `type` and code in `OpenAI`'s words, `type` in Anthropic's,
/// `x-should-retry`, `Retry-After`.
type Row = (
    BoxError,
    u16,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
fn table() -> Vec<Row> {
    use Outcome as O;
    use Reason as R;
    let long = R::Resting(Duration::from_secs(90));
    let elapsed = |clock| Elapsed::new(clock, Duration::from_secs(30)).into();
    let judged = |outcome: O| BoxError::from(Judged::new(outcome.into(), "made up"));
    vec![
        (refused(&[RESTING, RESTING]), 429, "all_deployments_in_cooldown", "all_resting", "rate_limit_error", "", "2"),
        (refused(&[R::Tried, RESTING]), 429, "all_deployments_in_cooldown", "all_resting", "rate_limit_error", "", "2"),
        (refused(&[R::Tags, RESTING]), 429, "all_deployments_in_cooldown", "all_resting", "rate_limit_error", "", "2"),
        (refused(&[long, long]), 429, "all_deployments_in_cooldown", "all_resting", "rate_limit_error", "false", "90"),
        (refused(&[R::Full, long]), 429, "rate_limit_error", "rate_limited", "rate_limit_error", "false", "90"),
        (refused(&[R::Full, R::Full]), 429, "rate_limit_error", "rate_limited", "rate_limit_error", "", ""),
        (refused(&[R::ContextWindow, RESTING]), 429, "rate_limit_error", "rate_limited", "rate_limit_error", "", "2"),
        (refused(&[R::ContextWindow, R::ContextWindow]), 400, "invalid_request_error", "context_too_large", "invalid_request_error", "false", ""),
        (refused(&[R::Tags, R::ContextWindow]), 400, "invalid_request_error", "context_too_large", "invalid_request_error", "false", ""),
        (refused(&[R::Tags, R::Region]), 400, "invalid_request_error", "no_match", "invalid_request_error", "false", ""),
        (refused(&[R::NotReady, R::Declined]), 503, "overloaded_error", "no_deployment_available", "overloaded_error", "", ""),
        (refused(&[]), 503, "overloaded_error", "no_deployment_available", "overloaded_error", "", ""),
        (UnknownGroup::new("g".into()).into(), 404, "invalid_request_error", "unknown_model", "not_found_error", "false", ""),
        (elapsed(Clock::Attempt), 408, "timeout_error", "timeout", "timeout_error", "", ""),
        (elapsed(Clock::Connect), 408, "timeout_error", "connect_timeout", "timeout_error", "", ""),
        (elapsed(Clock::Head), 408, "timeout_error", "headers_timeout", "timeout_error", "", ""),
        (elapsed(Clock::FirstToken), 408, "timeout_error", "first_token_timeout", "timeout_error", "", ""),
        (elapsed(Clock::Idle), 408, "timeout_error", "stream_idle_timeout", "timeout_error", "", ""),
        (elapsed(Clock::Total), 408, "timeout_error", "total_timeout", "timeout_error", "", ""),
        ("reset".into(), 500, "internal_server_error", "upstream_unreachable", "api_error", "", ""),
        (judged(O::RateLimited), 429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error", "", ""),
        (judged(O::ContextTooLong), 400, "invalid_request_error", "context_length_exceeded", "invalid_request_error", "false", ""),
        (judged(O::ContentRefused), 400, "invalid_request_error", "content_policy_violation", "invalid_request_error", "false", ""),
        (judged(O::ServerFault), 500, "internal_server_error", "internal_error", "api_error", "", ""),
    ]
}

fn header<'a>(response: &'a Response<Full<Bytes>>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn body(response: Response<Full<Bytes>>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn each_error_has_its_status_its_code_and_its_advice_in_either_dialect() {
    for (error, status, kind, code, anthropic, should_retry, retry_after) in table() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let fault = Fault::of_error(&error);
            let message = fault.message.clone();
            let response = fault.into_response(dialect);
            assert_eq!(response.status(), status, "{error}");
            assert_eq!(header(&response, "x-headworks-error"), code, "{error}");
            assert_eq!(header(&response, "x-should-retry"), should_retry, "{error}");
            assert_eq!(header(&response, "retry-after"), retry_after, "{error}");
            let said = body(response).await;
            let expected = match dialect {
                Dialect::OpenAi => {
                    let param = (code == "unknown_model").then_some("model");
                    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
                }
                Dialect::Anthropic => {
                    let error = json!({"type": anthropic, "message": message, "code": code});
                    json!({"type": "error", "error": error})
                }
            };
            assert_eq!(said, expected, "{error}");
        }
    }
}

#[test]
fn a_refusal_names_its_candidates_in_a_header_and_not_in_its_message() {
    let fault = Fault::of_error(&refused(&[RESTING, Reason::Full]));
    assert!(
        fault.message.ends_with("1 resting, 1 full"),
        "{}",
        fault.message
    );
    let response = fault.into_response(Dialect::OpenAi);
    assert_eq!(
        header(&response, "x-headworks-refused"),
        "a=resting;2s, b=full"
    );
}

#[test]
fn who_is_not_let_in_is_told_how_to_show_a_key() {
    for (error, challenge) in [
        (KeyError::Missing, r#"Bearer realm="headworks""#),
        (
            KeyError::Wrong,
            r#"Bearer realm="headworks", error="invalid_token""#,
        ),
    ] {
        let response = Fault::from(error).into_response(Dialect::OpenAi);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(header(&response, "www-authenticate"), challenge);
        assert_eq!(header(&response, "x-should-retry"), "false");
    }
}

#[test]
fn a_transport_error_names_no_address() {
    let error: BoxError = "tcp connect to 10.1.2.3:443 refused".into();
    let fault = Fault::of_error(&error);
    assert_eq!(fault.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!fault.message.contains("10.1.2.3"));
}

#[test]
fn a_timeout_is_a_408_that_says_which_clock() {
    let error = Elapsed::new(Clock::Total, Duration::from_secs(30)).into();
    let fault = Fault::of_error(&error);
    assert_eq!(fault.status, StatusCode::REQUEST_TIMEOUT);
    assert!(fault.message.contains("30 s"), "{}", fault.message);
}

#[test]
fn an_unknown_model_comes_with_the_nearest_names() {
    let fault = Fault::unknown_model("gpt-4", &["gpt-4o", "gpt-4.1"]);
    assert_eq!(fault.status, StatusCode::NOT_FOUND);
    assert!(
        fault
            .message
            .contains(r#"did you mean "gpt-4o" or "gpt-4.1"?"#),
        "{}",
        fault.message
    );
}
