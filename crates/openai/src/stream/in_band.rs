use super::protocol::Protocol;
use crate::ErrorObject;
use bytes::Bytes;
use headworks_core::{Outcome, Verdict};
use http::StatusCode;
use serde_json::{Value, json};

/// An error that came as an event, as the answer it would have been without a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InBand {
    /// The status it names; `None` if in no words that are known.
    pub(super) told: Option<StatusCode>,
    pub(super) json: Bytes,
}

/// The status a provider's word for an error stands for.
///
/// The words are those of the error pages and streaming references of OpenAI, Azure, Anthropic, Google
/// (`google.rpc.Code`) and Bedrock, and of `LiteLLM` and vLLM where these have their own.
const WORDS: &[(&str, u16)] = &[
    ("rate_limit_exceeded", 429),
    ("rate_limit_error", 429),
    ("rate_limited", 429),
    ("insufficient_quota", 429),
    ("quota_exceeded", 429),
    ("too_many_requests", 429),
    ("tokens_exceeded", 429),
    ("resource_exhausted", 429),
    ("throttlingexception", 429),
    ("throttling_error", 429),
    ("ratelimiterror", 429),
    ("modelnotreadyexception", 429),
    ("overloaded_error", 529),
    ("overloaded", 529),
    ("service_unavailable", 503),
    ("service_unavailable_error", 503),
    ("serviceunavailableexception", 503),
    ("engine_overloaded", 503),
    ("server_overloaded", 503),
    ("no_capacity", 503),
    ("unavailable", 503),
    ("deadline_exceeded", 504),
    ("vector_store_timeout", 504),
    ("timeout", 408),
    ("timeout_error", 408),
    ("request_timeout", 408),
    ("modeltimeoutexception", 408),
    ("authentication_error", 401),
    ("invalid_api_key", 401),
    ("unauthenticated", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("permission_denied", 403),
    ("accessdeniedexception", 403),
    ("not_found_error", 404),
    ("model_not_found", 404),
    ("not_found", 404),
    ("request_too_large", 413),
    ("invalid_request_error", 400),
    ("invalid_prompt", 400),
    ("invalid_argument", 400),
    ("failed_precondition", 400),
    ("badrequesterror", 400),
    ("validationexception", 400),
    ("context_length_exceeded", 400),
    ("string_above_max_length", 400),
    ("content_filter", 400),
    ("content_policy_violation", 400),
    ("responsibleaipolicyviolation", 400),
    ("server_error", 500),
    ("api_error", 500),
    ("internal", 500),
    ("internal_error", 500),
    ("internal_server_error", 500),
    ("internalserverexception", 500),
];

// ===== impl InBand =====

impl InBand {
    /// The error in the data of an event.
    pub(super) fn of(data: &[u8], protocol: Protocol) -> Self {
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            let text = String::from_utf8_lossy(data);
            return Self::made(None, text.trim(), &Value::Null, protocol);
        };
        let choice = event.pointer("/choices/0");
        let member = |at: Option<&Value>| {
            let error = at.and_then(|at| at.get("error"));
            error.filter(|error| !error.is_null()).cloned()
        };
        if let Some(error) = member(Some(&event)).or_else(|| member(choice)) {
            let told = status_of(&error);
            if !error.is_object() {
                let text = error.as_str().unwrap_or_default();
                return Self::made(told, text, &Value::Null, protocol);
            }
            // Without a chunk of the answer around it, it is the body of an error as it stands.
            let json = if choice.is_none() {
                Bytes::copy_from_slice(data)
            } else {
                json!({ "error": error }).to_string().into()
            };
            return Self { told, json };
        }
        // `response.failed` keeps it in its response; `error`, the event of Responses, is one itself.
        let error = member(event.get("response")).unwrap_or(event);
        let text = error["message"].as_str().unwrap_or_default();
        Self::made(status_of(&error), text, &error, protocol)
    }

    /// The status it is answered with where nothing has been handed on; 500 if it names none.
    pub(super) fn status(&self) -> StatusCode {
        self.told.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The verdict on a stream that it breaks off, where nobody has a rule for it: that of the status it names. What
    /// names none has broken the answer off, and no more is known of it.
    pub(super) fn verdict(&self) -> Verdict {
        self.told
            .map_or(Outcome::Transport, Outcome::of_status)
            .into()
    }

    /// The body of an error, written anew with what is known of it.
    fn made(told: Option<StatusCode>, message: &str, error: &Value, protocol: Protocol) -> Self {
        let status = told.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = match message {
            "" => "the provider answered with an error".to_owned(),
            message => message.to_owned(),
        };
        let kind = match status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let mut object = ErrorObject::new(kind, message);
        if let Some(code) = error["code"].as_str() {
            object = object.with_code(code.to_owned());
        }
        if let Some(param) = error["param"].as_str() {
            object = object.with_param(param.to_owned());
        }
        let json = object.to_json(status, protocol.dialect());
        Self { told, json }
    }
}

/// The status an error names, as a number or by a word.
fn status_of(error: &Value) -> Option<StatusCode> {
    let places = [
        error,
        &error["code"],
        &error["status"],
        &error["status_code"],
        &error["type"],
    ];
    let number = places.iter().find_map(|place| number(place));
    let status = number.or_else(|| places.iter().find_map(|place| word(place)));
    status.and_then(|status| StatusCode::from_u16(status).ok())
}

/// The status of an error, in digits; `LiteLLM` writes them as a string.
fn number(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| (400..=599).contains(number))
}

fn word(value: &Value) -> Option<u16> {
    let word = value.as_str()?;
    let mut words = WORDS.iter();
    words
        .find(|(known, _)| known.eq_ignore_ascii_case(word))
        .map(|(_, status)| *status)
}
