//! What is wrong with the deployment.

use super::*;

#[test]
fn a_model_that_is_not_there_is_the_deployments_fault() {
    for (provider, status, body) in [
        (
            "openai",
            404,
            r#"{"error":{"message":"The model `gpt-5o` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        ),
        (
            "openai",
            403,
            r#"{"error":{"message":"Project `proj` does not have access to model `x`","type":"invalid_request_error","code":"model_not_found"}}"#,
        ),
        (
            "azure",
            404,
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
        ),
        (
            "anthropic",
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
        ),
        (
            "gemini",
            404,
            r#"[{"error":{"code":404,"message":"models/gemini-0 is not found for API version v1main, or is not supported for generateContent.","status":"NOT_FOUND"}}]"#,
        ),
        (
            "groq",
            400,
            r#"{"error":{"message":"The model `x` has been decommissioned and is no longer supported.","type":"invalid_request_error","code":"model_decommissioned"}}"#,
        ),
        (
            "mistral",
            400,
            r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}"#,
        ),
        (
            "deepseek",
            400,
            r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","code":"invalid_request_error"}}"#,
        ),
        (
            "openrouter",
            400,
            r#"{"error":{"message":"foo/bar is not a valid model ID","code":400}}"#,
        ),
        (
            "openrouter",
            404,
            r#"{"error":{"message":"No endpoints found for foo/bar.","code":404}}"#,
        ),
        (
            "hosted_vllm",
            404,
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        ),
        (
            "ollama",
            404,
            r#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}}"#,
        ),
        (
            "openai_like",
            404,
            r#"{"__type":"ResourceNotFoundException","message":"Could not resolve the foundation model"}"#,
        ),
        (
            "gemini",
            400,
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
        ),
    ] {
        check(&[(provider, status, NONE, body, Misconfigured, Unsaid)]);
    }
}

#[test]
fn no_room_is_not_a_quota_and_not_a_failure() {
    check(&[
        (
            "anthropic",
            529,
            NONE,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "anthropic",
            500,
            NONE,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "openai",
            503,
            &[("retry-after", "5")],
            r#"{"error":{"message":"Slow down","type":"server_error","code":"slow_down"}}"#,
            Capacity,
            In(5000),
        ),
        (
            "openai",
            429,
            NONE,
            r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"requests","code":null}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "gemini",
            503,
            NONE,
            r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "gemini",
            503,
            NONE,
            r#"{"error":{"code":503,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"MODEL_CAPACITY_EXHAUSTED"}],"message":"No capacity available for model on the server","status":"UNAVAILABLE"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "mistral",
            429,
            NONE,
            r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","param":null,"code":null}"#,
            Capacity,
            Unsaid,
        ),
        (
            "moonshot",
            429,
            NONE,
            r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "groq",
            498,
            NONE,
            r#"{"error":{"message":"Flex tier is over capacity","type":"flex"}}"#,
            Capacity,
            Unsaid,
        ),
        (
            "openai_like",
            429,
            NONE,
            r#"{"__type":"com.amazon#ModelNotReadyException","message":"…"}"#,
            Capacity,
            Unsaid,
        ),
        (
            "openai_like",
            503,
            &[("x-amzn-errortype", "ServiceUnavailableException")],
            "{}",
            Capacity,
            Unsaid,
        ),
        (
            "openai",
            400,
            &[("x-should-retry", "true")],
            "{}",
            Capacity,
            Unsaid,
        ),
    ]);
}

#[test]
fn failures_time_and_keys_are_what_they_are() {
    check(&[
        (
            "openai",
            500,
            NONE,
            r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error"}}"#,
            ServerFault,
            Unsaid,
        ),
        (
            "openai",
            500,
            &[("retry-after", "2")],
            "{}",
            ServerFault,
            In(2000),
        ),
        (
            "openai",
            502,
            NONE,
            "<html>Bad gateway</html>",
            ServerFault,
            Unsaid,
        ),
        (
            "openai_like",
            424,
            &[("x-amzn-errortype", "ModelErrorException")],
            "{}",
            ServerFault,
            Unsaid,
        ),
        (
            "anthropic",
            504,
            NONE,
            r#"{"type":"error","error":{"type":"timeout_error","message":"Request timed out"}}"#,
            Timeout,
            Unsaid,
        ),
        (
            "gemini",
            504,
            NONE,
            r#"{"error":{"code":504,"message":"Deadline expired before operation could complete.","status":"DEADLINE_EXCEEDED"}}"#,
            Timeout,
            Unsaid,
        ),
        (
            "openai_like",
            408,
            &[("x-amzn-errortype", "ModelTimeoutException")],
            "{}",
            Timeout,
            Unsaid,
        ),
        (
            "gemini",
            499,
            NONE,
            r#"{"error":{"code":499,"message":"The operation was cancelled.","status":"CANCELLED"}}"#,
            Cancelled,
            Unsaid,
        ),
        (
            "openai",
            401,
            NONE,
            r#"{"error":{"message":"Incorrect API key provided: sk-…","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            Auth,
            Unsaid,
        ),
        (
            "gemini",
            400,
            NONE,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}]"#,
            Auth,
            Unsaid,
        ),
        (
            "anthropic",
            403,
            NONE,
            r#"{"type":"error","error":{"type":"permission_error","message":"…"}}"#,
            Auth,
            Unsaid,
        ),
        (
            "openai_like",
            403,
            NONE,
            r#"{"__type":"com.amazon#AccessDeniedException","Message":"…"}"#,
            Auth,
            Unsaid,
        ),
    ]);
}
