//! Errors that come inside a stream.

use super::*;

#[test]
fn an_error_in_a_stream_is_judged_by_itself() {
    for (provider, event, outcome, when) in [
        (
            "anthropic",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "anthropic",
            r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#,
            ServerFault,
            Unsaid,
        ),
        (
            "anthropic",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 3 > 2"}}"#,
            ContextTooLong,
            Unsaid,
        ),
        (
            "anthropic",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"…"}}"#,
            CallerFault,
            Unsaid,
        ),
        (
            "openai",
            r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
            ServerFault,
            Unsaid,
        ),
        (
            "openai",
            r#"{"type":"error","code":"rate_limit_exceeded","message":"Rate limit reached. Please try again in 3s.","param":null}"#,
            RateLimited,
            In(3000),
        ),
        (
            "openai",
            r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"…"}}}"#,
            ServerFault,
            Unsaid,
        ),
        (
            "openai",
            r#"{"type":"response.failed","response":{"error":{"code":"context_length_exceeded","message":"…"}}}"#,
            ContextTooLong,
            Unsaid,
        ),
        (
            "openai",
            r#"{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"…"}}}"#,
            RateLimited,
            SomeDay,
        ),
        (
            "openrouter",
            r#"{"id":"gen-1","object":"chat.completion.chunk","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            ServerFault,
            Unsaid,
        ),
        (
            "openrouter",
            r#"{"choices":[{"error":{"code":429,"message":"Rate limited"}}]}"#,
            RateLimited,
            Unsaid,
        ),
        (
            "litellm_proxy",
            r#"{"error":{"message":"stalled","type":null,"param":null,"code":"408"}}"#,
            Timeout,
            Unsaid,
        ),
        ("openai", "not JSON", ServerFault, Unsaid),
    ] {
        let judged = rules(provider).of_event(None, &HeaderMap::new(), event.as_bytes());
        assert_eq!(judged, verdict(outcome, when), "{provider} {event}");
    }
}
