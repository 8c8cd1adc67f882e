use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use serde::Serialize;
use std::borrow::Cow;

/// An error as a client's SDK reads it.
///
/// ```
/// use headworks_openai::{Dialect, ErrorObject};
/// use http::StatusCode;
///
/// let error = ErrorObject::new("rate_limit_error", "no deployment has quota left").with_code("429");
/// assert_eq!(
///     error.to_json(StatusCode::TOO_MANY_REQUESTS, Dialect::OpenAi),
///     r#"{"error":{"message":"no deployment has quota left","type":"rate_limit_error","param":null,"code":"429"}}"#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorObject {
    message: Cow<'static, str>,
    #[serde(rename = "type")]
    kind: Cow<'static, str>,
    param: Option<Cow<'static, str>>,
    code: Option<Cow<'static, str>>,
}

/// How a client expects to be told of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `{"error": {"message", "type", "param", "code"}}`: `OpenAI`'s, and of everything that copies it.
    #[default]
    OpenAi,
    /// `{"type": "error", "error": {"type", "message"}}`: Anthropic's, for `/v1/messages`. The type is one
    /// of Anthropic's own, chosen by the status; the `code` stands beside it, where its SDKs pass over what
    /// they do not know, and `param` has no place in it.
    Anthropic,
}

#[derive(Serialize)]
struct OpenAi<'a> {
    error: &'a ErrorObject,
}

#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

// ===== impl ErrorObject =====

impl ErrorObject {
    /// An error of a `type` such as `invalid_request_error`, with a message for people.
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            kind: kind.into(),
            param: None,
            code: None,
        }
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Sets the code, a word for machines. `LiteLLM` puts the status here, as a string.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The parameter at fault.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The JSON of this error.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "serialising strings into memory cannot fail"
    )]
    pub fn to_json(&self, status: StatusCode, dialect: Dialect) -> Bytes {
        let json = match dialect {
            Dialect::OpenAi => serde_json::to_vec(&OpenAi { error: self }),
            Dialect::Anthropic => serde_json::to_vec(&Anthropic {
                kind: "error",
                error: AnthropicError {
                    kind: anthropic_kind(status),
                    message: &self.message,
                    code: self.code(),
                },
            }),
        };
        json.expect("strings and options of strings are always JSON")
            .into()
    }

    /// The answer that carries this error.
    #[must_use]
    pub fn into_response(self, status: StatusCode, dialect: Dialect) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.to_json(status, dialect)));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }

    /// The event that carries this error in a stream whose head, with a status of 200, has long gone out.
    ///
    /// It begins with a blank line, which ends an event that was cut off before it and is nothing after a
    /// whole one.
    #[must_use]
    pub fn to_event(&self, status: StatusCode, dialect: Dialect) -> Bytes {
        let name: &[u8] = match dialect {
            Dialect::OpenAi => b"",
            Dialect::Anthropic => b"event: error\n",
        };
        let json = self.to_json(status, dialect);
        [b"\n\n", name, b"data: ", &json, b"\n\n"].concat().into()
    }
}

/// Anthropic's error types, from the errors page of its API reference.
fn anthropic_kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sse;

    fn error() -> ErrorObject {
        ErrorObject::new("server_error", "say \"no\"\n").with_param("model")
    }

    #[test]
    fn an_openai_error_has_all_four_members() {
        let json = error().to_json(StatusCode::BAD_GATEWAY, Dialect::OpenAi);
        let wanted = r#"{"error":{"message":"say \"no\"\n","type":"server_error","param":"model","code":null}}"#;
        assert_eq!(json, wanted);
    }

    #[test]
    fn an_anthropic_error_has_the_type_of_its_status() {
        let response = error().into_response(StatusCode::NOT_FOUND, Dialect::Anthropic);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let json = error().to_json(StatusCode::NOT_FOUND, Dialect::Anthropic);
        let wanted =
            r#"{"type":"error","error":{"type":"not_found_error","message":"say \"no\"\n"}}"#;
        assert_eq!(json, wanted);
        let coded = ErrorObject::new("any", "no").with_code("unknown_model");
        let json = coded.to_json(StatusCode::NOT_FOUND, Dialect::Anthropic);
        let wanted = r#"{"type":"error","error":{"type":"not_found_error","message":"no","code":"unknown_model"}}"#;
        assert_eq!(json, wanted);
    }

    #[test]
    fn an_error_event_is_seen_after_half_an_event_in_either_dialect() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let mut scanner = sse::Scanner::new();
            scanner.feed(b"data: {\"choices\":[{\"delta\":{\"con", |_, _| {});
            let event = error().to_event(StatusCode::BAD_GATEWAY, dialect);
            scanner.feed(&event, |_, _| {});
            assert!(scanner.saw_error(), "{dialect:?}");
            assert!(!scanner.saw_content() && !scanner.is_finished());
        }
    }
}
