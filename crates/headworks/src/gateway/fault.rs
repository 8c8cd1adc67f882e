//! What the gateway itself answers when there is no answer to pass on.

use super::{key::KeyError, read::ReadError};
use bytes::Bytes;
use headworks_core::{BoxError, Clock, Elapsed, Judged, Outcome, Reason, Refusal, UnknownGroup};
use headworks_openai::{Dialect, ErrorObject, InvalidRequest, stream::StreamError};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use std::{error::Error, time::Duration};

/// Says that the gateway decided, not a deployment, and in one machine-readable word what. Absent from what
/// is passed on.
pub(super) const ERROR_HEADER: HeaderName = HeaderName::from_static("x-headworks-error");

/// An error of the gateway's own.
///
/// Statuses and types are `LiteLLM`'s (1.109.1) unless its status is wrong; the code is a
/// word of ours that does not change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    param: Option<&'static str>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
}

// ===== impl Fault =====

impl Fault {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: String) -> Self {
        Self {
            status,
            kind,
            code,
            message,
            param: None,
            retry_after: None,
            allow: None,
        }
    }

    /// The request is wrong, in `param` if it is known where.
    pub(super) fn invalid(
        code: &'static str,
        param: Option<&'static str>,
        message: String,
    ) -> Self {
        Self {
            param,
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                code,
                message,
            )
        }
    }

    /// There is no such path.
    pub(super) fn no_route(method: &http::Method, path: &str) -> Self {
        let message = format!(
            "there is no {method} {path}; completions are at POST /v1/chat/completions, models at GET /v1/models"
        );
        Self::new(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "unknown_path",
            message,
        )
    }

    /// There is such a path, for other methods.
    pub(super) fn wrong_method(method: &http::Method, path: &str, allowed: &'static str) -> Self {
        let message = format!("{path} is not for {method}; use {allowed}");
        Self {
            allow: Some(allowed),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid_request_error",
                "method_not_allowed",
                message,
            )
        }
    }

    /// There is no such model; these names are near.
    pub(super) fn unknown_model(model: &str, near: &[&str]) -> Self {
        let mut message = format!("there is no model {model:?} here");
        if !near.is_empty() {
            message.push_str("; did you mean ");
            for (at, name) in near.iter().enumerate() {
                let joint = if at == 0 { "" } else { " or " };
                message.push_str(&format!("{joint}{name:?}"));
            }
            message.push('?');
        } else {
            message.push('.');
        }
        message.push_str(" GET /v1/models lists them all.");
        Self {
            param: Some("model"),
            ..Self::new(
                StatusCode::NOT_FOUND,
                "invalid_request_error",
                "unknown_model",
                message,
            )
        }
    }

    /// What became of a request that no deployment answered.
    pub(super) fn of_error(error: &BoxError) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&**error);
        while let Some(error) = cause {
            if let Some(elapsed) = error.downcast_ref::<Elapsed>() {
                return Self::of_elapsed(elapsed);
            }
            if let Some(refusal) = error.downcast_ref::<Refusal>() {
                return Self::of_refusal(refusal);
            }
            if let Some(stream) = error.downcast_ref::<StreamError>() {
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal_server_error",
                    stream.kind().as_str(),
                    "the deployment's answer broke off before its first word".into(),
                );
            }
            if let Some(judged) = error.downcast_ref::<Judged>() {
                return Self::of_outcome(judged.verdict().outcome, judged.to_string());
            }
            if let Some(unknown) = error.downcast_ref::<UnknownGroup>() {
                return Self::unknown_model(unknown.group(), &[]);
            }
            cause = error.source();
        }
        // 500 is LiteLLM's status for a deployment it cannot reach. The cause is for the log: it may name
        // addresses that are none of the client's business.
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_server_error",
            "upstream_unreachable",
            "no deployment could be reached, or the connection to it broke before it answered"
                .into(),
        )
    }

    /// An error of this outcome for which no deployment has words.
    fn of_outcome(outcome: Outcome, message: String) -> Self {
        let (status, kind, code) = match outcome {
            Outcome::RateLimited => (429, "rate_limit_error", "rate_limit_exceeded"),
            Outcome::ContextTooLong => (400, "invalid_request_error", "context_length_exceeded"),
            Outcome::ContentRefused => (400, "invalid_request_error", "content_policy_violation"),
            _ => (500, "internal_server_error", "internal_error"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, kind, code, message)
    }

    fn of_elapsed(elapsed: &Elapsed) -> Self {
        let seconds = elapsed.after().as_secs_f64();
        let message = match elapsed.clock() {
            Clock::Connect => format!("no connection to the deployment within {seconds} s"),
            Clock::Total => {
                format!("no answer within the {seconds} s this request was given in all")
            }
            _ => format!("no answer from the deployment within {seconds} s"),
        };
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout_error",
            "timeout",
            message,
        )
    }

    /// 429 as in LiteLLM, but where waiting does not help: tags that match nobody and a prompt too long for
    /// everybody are the client's to change.
    fn of_refusal(refusal: &Refusal) -> Self {
        let reasons = || refusal.candidates().iter().map(|(_, reason)| reason);
        let all = |is: fn(&Reason) -> bool| reasons().len() > 0 && reasons().all(is);
        // LiteLLM's opening words: clients match on them.
        let message = format!("No deployments available for selected model: {refusal}");
        let unmatched = |r: &Reason| matches!(r, Reason::Tags | Reason::Region | Reason::OtherTier);
        let (status, kind, code) = if all(|r| matches!(r, Reason::Resting(_))) {
            let kind = "all_deployments_in_cooldown";
            (StatusCode::TOO_MANY_REQUESTS, kind, "all_resting")
        } else if reasons().len() > 0 && reasons().all(unmatched) {
            (StatusCode::BAD_REQUEST, "invalid_request_error", "no_match")
        } else if all(|r| matches!(r, Reason::ContextWindow)) {
            let kind = "invalid_request_error";
            (StatusCode::BAD_REQUEST, kind, "context_too_large")
        } else {
            let kind = "rate_limit_error";
            (
                StatusCode::TOO_MANY_REQUESTS,
                kind,
                "no_deployment_available",
            )
        };
        Self {
            retry_after: refusal.retry_after(),
            ..Self::new(status, kind, code, message)
        }
    }

    /// The answer, in the error form of the endpoint that was asked.
    pub(super) fn into_response(self, dialect: Dialect) -> Response<Full<Bytes>> {
        let mut error = ErrorObject::new(self.kind, self.message).with_code(self.code);
        if let Some(param) = self.param {
            error = error.with_param(param);
        }
        let mut response = error.into_response(self.status, dialect);
        let headers = response.headers_mut();
        headers.insert(ERROR_HEADER, HeaderValue::from_static(self.code));
        if let Some(allowed) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: coming back a moment early is one more refusal.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        let message = match error {
            KeyError::Missing => {
                "no key was sent: send the gateway's key as `Authorization: Bearer <key>`"
            }
            KeyError::Wrong => "the key that was sent is not the gateway's key",
        };
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_api_key",
            message.into(),
        )
    }
}

impl From<InvalidRequest> for Fault {
    fn from(error: InvalidRequest) -> Self {
        Self::invalid(error.code(), error.param(), error.to_string())
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        let message = error.to_string();
        let (status, code) = match error {
            ReadError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            ReadError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "request_too_slow"),
            ReadError::Broken(_) => (StatusCode::BAD_REQUEST, "request_unreadable"),
        };
        Self::new(status, "invalid_request_error", code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_back_in_whole_seconds() {
        let refusal = Refusal::new(
            "g".into(),
            vec![("d".into(), Reason::Resting(Duration::from_millis(1500)))],
        );
        let response = Fault::of_error(&refusal.into()).into_response(Dialect::OpenAi);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["x-headworks-error"], "all_resting");
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
}
