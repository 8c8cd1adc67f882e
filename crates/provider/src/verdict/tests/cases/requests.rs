//! What is wrong with the request, or too much for this deployment.

use super::*;

#[test]
fn a_prompt_too_long_is_known_in_every_spelling() {
    for (provider, status, body) in [
        (
            "openai",
            400,
            r#"{"error":{"message":"unusual wording","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ),
        (
            "openai",
            400,
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.","type":"invalid_request_error"}}"#,
        ),
        (
            "openai",
            400,
            r#"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error"}}"#,
        ),
        (
            "openai",
            400,
            r#"{"error":{"message":"Invalid 'messages[0].content': string too long.","type":"invalid_request_error","code":"string_above_max_length"}}"#,
        ),
        (
            "azure",
            400,
            r#"{"error":{"code":"context_length_exceeded","message":"…"}}"#,
        ),
        (
            "anthropic",
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        ),
        (
            "anthropic",
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"}}"#,
        ),
        (
            "gemini",
            400,
            r#"[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            "groq",
            400,
            r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        ),
        (
            "mistral",
            400,
            r#"{"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","code":"3051"}"#,
        ),
        (
            "xai",
            400,
            r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}"#,
        ),
        (
            "hosted_vllm",
            400,
            r#"{"object":"error","message":"The decoder prompt (length 9000) is longer than the maximum model length of 4096.","type":"BadRequestError","code":400}"#,
        ),
        (
            "openai_like",
            422,
            r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000","error_type":"validation"}"#,
        ),
        (
            "openai_like",
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}"#,
        ),
        (
            "openai_like",
            400,
            r#"{"__type":"com.amazonaws.bedrock#ValidationException","message":"Input is too long for requested model."}"#,
        ),
        (
            "openrouter",
            400,
            r#"{"error":{"message":"This endpoint's maximum context length is 131072 tokens.","code":400,"metadata":{"provider_name":null}}}"#,
        ),
        (
            "ollama",
            400,
            r#"{"error":"the input length exceeds the context length"}"#,
        ),
        (
            "litellm_proxy",
            400,
            r#"{"error":{"message":"litellm.ContextWindowExceededError: …","type":null,"param":null,"code":"400"}}"#,
        ),
    ] {
        check(&[(
            provider,
            status,
            &[("retry-after", "3")],
            body,
            ContextTooLong,
            Unsaid,
        )]);
    }
}

#[test]
fn a_refusal_is_known_in_every_spelling() {
    for (provider, status, body) in [
        (
            "azure",
            400,
            r#"{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#,
        ),
        (
            "azure",
            400,
            r#"{"error":{"message":"…","code":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        ),
        (
            "azure",
            400,
            r#"{"error":{"message":"…","inner_error":{"code":"ContentFiltered"}}}"#,
        ),
        (
            "azure",
            400,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy."}}"#,
        ),
        (
            "openai",
            400,
            r#"{"error":{"message":"other wording","type":"image_generation_user_error","code":"content_policy_violation"}}"#,
        ),
        (
            "openai",
            400,
            r#"{"error":{"message":"Your request was rejected as a result of the safety system.","type":"invalid_request_error"}}"#,
        ),
        (
            "openai",
            400,
            r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","code":"invalid_prompt"}}"#,
        ),
        (
            "anthropic",
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
        ),
        (
            "openrouter",
            403,
            r#"{"error":{"message":"Provider refused","code":403,"metadata":{"reasons":["violence"],"flagged_input":"…","provider_name":"OpenAI","model_slug":"x"}}}"#,
        ),
        (
            "xai",
            403,
            r#"{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_CSAM"}"#,
        ),
        (
            "deepseek",
            400,
            r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","code":"invalid_request_error"}}"#,
        ),
        (
            "dashscope",
            400,
            r#"{"error":{"message":"Input data may contain inappropriate content.","type":"data_inspection_failed","code":"data_inspection_failed"}}"#,
        ),
        (
            "litellm_proxy",
            400,
            r#"{"error":{"message":"litellm.ContentPolicyViolationError: …","code":"400"}}"#,
        ),
    ] {
        check(&[(provider, status, NONE, body, ContentRefused, Unsaid)]);
    }
}

#[test]
fn the_callers_fault_stays_the_callers() {
    for (provider, status, body) in [
        (
            "openai",
            400,
            r#"{"error":{"message":"Unsupported value: 'temperature'","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
        ),
        (
            "openai",
            404,
            r#"{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}"#,
        ),
        (
            "anthropic",
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        ),
        (
            "openai_like",
            500,
            r#"{"error":{"message":"temperature must be a number","type":"invalid_request_error"}}"#,
        ),
        // What a caller can have quoted does not rest a deployment.
        (
            "openai",
            400,
            r#"{"error":{"message":"Invalid value: 'your credit balance is too low, spend limit, per day (RPD), insufficient credits'","type":"invalid_request_error"}}"#,
        ),
        (
            "openai",
            404,
            r#"{"error":{"message":"No file 'the model does not exist'","type":"invalid_request_error"}}"#,
        ),
        (
            "openai",
            422,
            r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}"#,
        ),
        ("openai", 400, "not JSON"),
    ] {
        check(&[(
            provider,
            status,
            &[("retry-after", "3")],
            body,
            CallerFault,
            Unsaid,
        )]);
    }
}

#[test]
fn what_this_deployment_cannot_take_rests_nobody() {
    for (provider, status, body) in [
        // github.com/vanna-ai/vanna-flask, 11; github.com/HunorLaczko/ha-groq-cloud-api, 27
        (
            "openai",
            429,
            r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        ),
        (
            "groq",
            413,
            r#"{"error":{"message":"Request too large for model `x` in organization `org` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        ),
        // github.com/can1357/oh-my-pi, 9569
        (
            "openrouter",
            402,
            r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 30104. To increase, visit …","code":402,"metadata":{"provider_name":null}}}"#,
        ),
        (
            "openrouter",
            404,
            r#"{"error":{"message":"No endpoints found that support image input","code":404}}"#,
        ),
        (
            "openai",
            404,
            r#"{"error":{"message":"Invalid URL (POST /v1/rerank)","type":"invalid_request_error","param":null,"code":"unknown_url"}}"#,
        ),
        ("hosted_vllm", 404, r#"{"detail":"Not Found"}"#),
        (
            "azure",
            404,
            r#"{"error":{"code":"404","message":"Resource not found"}}"#,
        ),
        ("ollama", 404, "404 page not found"),
        (
            "openai_like",
            404,
            "<html><head><title>404 Not Found</title></head></html>",
        ),
        ("openai_like", 404, ""),
        ("openai_like", 405, r#"{"detail":"Method Not Allowed"}"#),
    ] {
        check(&[(provider, status, NONE, body, Unsuitable, Unsaid)]);
    }
    check(&[(
        "openrouter",
        402,
        NONE,
        r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 0. To increase, visit …","code":402}}"#,
        Auth,
        SomeDay,
    )]);
}
