//! What providers write for machines, and what it means.
//!
//! Words are compared by their letters and digits alone, in any case, so that `model_not_found` is
//! `ModelNotFound`. A row further up wins over one further down: an error is often both a
//! `context_length_exceeded` and an `invalid_request_error`.

use super::meaning::Meaning;
use headworks_core::Outcome;

type Row = (Meaning, &'static [&'static str]);

/// Words with one meaning, whatever the status and the message.
const PRECISE: [Row; 8] = [
    (
        Meaning::Is(Outcome::ContentRefused),
        &[
            // learn.microsoft.com, "Azure OpenAI content filtering": code, innererror.code
            "content_filter",
            "ResponsibleAIPolicyViolation",
            "ContentFiltered",
            // platform.openai.com, "Error codes"; images
            "content_policy_violation",
            "moderation_blocked",
            // openrouter.ai/docs, "Errors: moderation": a member of error.metadata
            "flagged_input",
            // alibabacloud.com, Model Studio, "Error codes"
            "data_inspection_failed",
            // volcengine.com, Ark, "Error codes"
            "SensitiveContentDetected",
            "InputTextSensitiveContentDetected",
            // LiteLLM as the provider (litellm.exceptions)
            "ContentPolicyViolationError",
        ],
    ),
    (
        Meaning::Is(Outcome::ContextTooLong),
        &[
            // OpenAI's, spoken by Azure, Groq, Together, OpenRouter and most compatible servers
            "context_length_exceeded",
            "context_window_exceeded",
            // OpenAI: one message longer than any window
            "string_above_max_length",
            "string_too_long",
            // llama.cpp, tools/server
            "exceed_context_size_error",
            // LiteLLM as the provider
            "ContextWindowExceededError",
        ],
    ),
    (
        Meaning::Spent,
        &[
            // platform.openai.com, "Error codes"
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            // docs.anthropic.com, "Errors"; provider-specific error_code of a spend limit
            "billing_error",
            "enforced_spend_limit_reached",
            // console.groq.com/docs/spend-limits
            "blocked_api_access",
            // platform.moonshot.ai, "Errors"
            "exceeded_current_quota_error",
            // alibabacloud.com, Model Studio, "Error codes"
            "Arrearage",
            // xAI: {"code": "personal-team-blocked:spending-limit", "error": "You have run out …"}
            "personal-team-blocked:spending-limit",
            // docs.together.ai, "Error codes"
            "credit_limit",
            "insufficient_balance",
            "payment_required",
        ],
    ),
    (
        Meaning::Is(Outcome::Misconfigured),
        &[
            // OpenAI's, and Groq's, vLLM's, … ; 404, or 403 for a model the project may not use
            "model_not_found",
            // learn.microsoft.com, "Azure OpenAI: common errors"
            "DeploymentNotFound",
            "unknown_model",
            // console.groq.com/docs/deprecations
            "model_decommissioned",
            // docs.mistral.ai, code 1500
            "invalid_model",
            // docs.aws.amazon.com, Bedrock, "Troubleshooting error codes"
            "ResourceNotFoundException",
        ],
    ),
    (
        Meaning::Is(Outcome::Unsuitable),
        &[
            // OpenAI: an endpoint that is not there
            "unknown_url",
        ],
    ),
    (
        Meaning::Is(Outcome::Capacity),
        &[
            // docs.anthropic.com, "Errors": 529, and in a stream after a 200
            "overloaded_error",
            "overloaded",
            // Azure: no room in the region, unlike a quota that is used up
            "no_capacity",
            // platform.openai.com, "Error codes": 503
            "slow_down",
            "server_overloaded",
            "engine_overloaded",
            // platform.moonshot.ai, "Errors": 429
            "engine_overloaded_error",
            // docs.mistral.ai, code 3505; Groq's 498 (console.groq.com/docs/errors)
            "service_tier_capacity_exceeded",
            "capacity_exceeded",
            // ai.google.dev, "Troubleshooting"; google.rpc.Code
            "UNAVAILABLE",
            "MODEL_CAPACITY_EXHAUSTED",
            // Bedrock: 503 is their capacity, 429 a model that is still loading
            "ServiceUnavailableException",
            "ModelNotReadyException",
            "model_overloaded",
            "service_unavailable",
        ],
    ),
    (
        Meaning::Is(Outcome::Timeout),
        &[
            "DEADLINE_EXCEEDED",
            "ModelTimeoutException",
            "timeout_error",
            "gateway_timeout",
        ],
    ),
    (
        Meaning::Is(Outcome::ServerFault),
        &[
            // Bedrock: 424, the model broke
            "ModelErrorException",
            "ModelStreamErrorException",
        ],
    ),
];

/// Words that say roughly what happened; a phrase beside them may know better.
const BROAD: [Row; 2] = [
    (
        Meaning::Is(Outcome::Auth),
        &[
            "invalid_api_key",
            "authentication_error",
            "permission_error",
            "invalid_authentication_error",
            // Gemini: 400 with ErrorInfo.reason
            "API_KEY_INVALID",
            "UNAUTHENTICATED",
            "PERMISSION_DENIED",
            // docs.aws.amazon.com, "Common errors"
            "AccessDeniedException",
            "UnrecognizedClientException",
            "ExpiredTokenException",
            "InvalidSignatureException",
        ],
    ),
    (
        Meaning::Is(Outcome::RateLimited),
        &[
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limited",
            "rate_limit_reached_error",
            "RateLimitReached",
            "RESOURCE_EXHAUSTED",
            "too_many_requests",
            "TooManyRequestsException",
            "ThrottlingException",
            "ServiceQuotaExceededException",
            "throttling_error",
            "Throttling",
        ],
    ),
];

/// Words for a request that is wrong. They count where no status does: in a stream, and at 500, which servers
/// answer when an exception of the request's making escapes them.
const WRONG_REQUEST: [Row; 1] = [(
    Meaning::Is(Outcome::CallerFault),
    &[
        "invalid_request_error",
        "invalid_request",
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "not_found_error",
        "NOT_FOUND",
        "request_too_large",
        "ValidationException",
        "BadRequestError",
        "bad_request",
        "unsupported_value",
        "invalid_prompt",
        "invalid_image",
    ],
)];

pub(super) fn precise(said: &[&str]) -> Option<Meaning> {
    find(&PRECISE, said)
}

pub(super) fn broad(said: &[&str]) -> Option<Meaning> {
    find(&BROAD, said)
}

pub(super) fn wrong_request(said: &[&str]) -> Option<Meaning> {
    find(&WRONG_REQUEST, said)
}

fn find(rows: &[Row], said: &[&str]) -> Option<Meaning> {
    let means = |(_, words): &&Row| words.iter().any(|word| said.iter().any(|s| same(s, word)));
    rows.iter().find(means).map(|(meaning, _)| *meaning)
}

fn same(a: &str, b: &str) -> bool {
    fn letters(word: &str) -> impl Iterator<Item = u8> {
        let letters = word.bytes().filter(u8::is_ascii_alphanumeric);
        letters.map(|b| b.to_ascii_lowercase())
    }
    letters(a).eq(letters(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_any_writing() {
        assert!(same("context_length_exceeded", "ContextLengthExceeded"));
        assert!(same("RESOURCE-EXHAUSTED", "resource_exhausted"));
        assert!(!same("overloaded", "overloaded_error"));
    }

    #[test]
    fn no_word_has_two_meanings() {
        let rows = PRECISE.iter().chain(&BROAD).chain(&WRONG_REQUEST);
        let mut words: Vec<_> = rows.flat_map(|(_, words)| words.iter()).collect();
        assert!(
            words
                .iter()
                .all(|word| word.bytes().any(|b| b.is_ascii_alphanumeric()))
        );
        while let Some(word) = words.pop() {
            assert!(!words.iter().any(|other| same(word, other)), "{word}");
        }
    }
}
