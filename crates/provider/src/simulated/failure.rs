use crate::Endpoint;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

/// How an error is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// With a status, and the object of the endpoint's protocol.
    Status(Told),
    /// Not at all: the connection breaks.
    Connection,
}

/// The fields of an error object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    code: Option<&'static str>,
    message: &'static str,
}

const CONTENT_POLICY: Told = Told {
    status: StatusCode::BAD_REQUEST,
    code: Some("content_policy_violation"),
    message: "Your request was rejected as a result of the safety system.",
};

const CONTEXT_LENGTH: Told = Told {
    status: StatusCode::BAD_REQUEST,
    code: Some("context_length_exceeded"),
    message: "This model's maximum context length is 4096 tokens. Please reduce the length of the messages.",
};

/// `LiteLLM`'s names for errors (`litellm.exceptions`, 1.109) and the statuses they carry. Sorted.
const NAMES: [(&str, u16); 11] = [
    ("APIError", 500),
    ("AuthenticationError", 401),
    ("BadGatewayError", 502),
    ("BadRequestError", 400),
    ("InternalServerError", 500),
    ("NotFoundError", 404),
    ("PermissionDeniedError", 403),
    ("RateLimitError", 429),
    ("ServiceUnavailableError", 503),
    ("Timeout", 408),
    ("UnprocessableEntityError", 422),
];

// ===== impl Failure =====

impl Failure {
    /// The error that `LiteLLM` raises when a `mock_response` reads `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name.starts_with("Exception: content_filter_policy") {
            return Some(Self::Status(CONTENT_POLICY));
        }
        match name.strip_prefix("litellm.")? {
            "APIConnectionError" => Some(Self::Connection),
            "ContextWindowExceededError" => Some(Self::Status(CONTEXT_LENGTH)),
            "ContentPolicyViolationError" => Some(Self::Status(CONTENT_POLICY)),
            name => {
                let row = NAMES.binary_search_by(|(row, _)| (*row).cmp(name)).ok()?;
                let status = StatusCode::from_u16(NAMES[row].1).ok()?;
                Some(Self::Status(Told::of_status(status)))
            }
        }
    }
}

// ===== impl Told =====

impl Told {
    /// What providers usually say with a status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (code, message) = match status.as_u16() {
            401 => (Some("invalid_api_key"), "Incorrect API key provided."),
            403 => (None, "You are not allowed to use this model."),
            404 => (Some("model_not_found"), "The model does not exist."),
            408 | 504 => (None, "The request timed out."),
            429 => (
                Some("rate_limit_exceeded"),
                "Rate limit reached for requests.",
            ),
            503 | 529 => (None, "The engine is currently overloaded."),
            400..=499 => (None, "The request is not valid."),
            _ => (None, "The server had an error processing your request."),
        };
        Self {
            status,
            code,
            message,
        }
    }

    /// A request that cannot be answered, and why.
    pub(super) const fn bad_request(code: &'static str, message: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: Some(code),
            message,
        }
    }

    /// A path that is no endpoint.
    pub(super) const fn unknown_url() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: Some("unknown_url"),
            message: "Invalid URL.",
        }
    }

    /// The error object, in the protocol of `endpoint`.
    pub(super) fn body(&self, endpoint: Option<Endpoint>) -> Bytes {
        let error = if endpoint.is_some_and(Endpoint::is_anthropic) {
            json!({
                "type": "error",
                "error": { "type": self.anthropic_type(), "message": self.message },
            })
        } else {
            json!({
                "error": {
                    "message": self.message,
                    "type": self.openai_type(),
                    "param": null,
                    "code": self.code,
                },
            })
        };
        error.to_string().into()
    }

    /// Source: platform.openai.com, "Error codes".
    fn openai_type(&self) -> &'static str {
        match self.status.as_u16() {
            429 => "requests",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }

    /// Source: docs.anthropic.com, "Errors".
    fn anthropic_type(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 | 529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litellms_names_are_its_statuses_and_other_words_are_words() {
        assert!(NAMES.is_sorted());
        for (name, status) in NAMES {
            let Some(Failure::Status(told)) = Failure::named(&format!("litellm.{name}")) else {
                panic!("{name} is a status");
            };
            assert_eq!(told.status.as_u16(), status);
        }
        let context = Failure::named("litellm.ContextWindowExceededError");
        assert_eq!(context, Some(Failure::Status(CONTEXT_LENGTH)));
        let connection = Failure::named("litellm.APIConnectionError");
        assert_eq!(connection, Some(Failure::Connection));
        assert_eq!(Failure::named("RateLimitError"), None);
        assert_eq!(Failure::named("litellm is nice"), None);
        assert_eq!(Failure::named("litellm.Nonsense"), None);
    }
}
