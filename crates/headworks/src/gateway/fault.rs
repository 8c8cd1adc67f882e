//! What the gateway itself answers when there is no answer to pass on.

use super::{
    account::{self, Advice},
    key::KeyError,
    read::ReadError,
};
use bytes::Bytes;
use headworks_core::{
    BoxError, Clock, Elapsed, Judged, Outcome, Reason, Refusal, UnknownGroup, Verdict,
};
use headworks_openai::{Dialect, ErrorObject, InvalidRequest, stream::StreamError};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use std::error::Error;

/// Says that the gateway decided, not a deployment, and in one machine-readable word what. Absent from what
/// is passed on.
pub(super) const ERROR_HEADER: HeaderName = HeaderName::from_static("x-headworks-error");

/// An error of the gateway's own: a status, a machine-readable code, and what to do next.
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
    advice: Advice,
    also: Option<Also>,
}

/// What more its headers tell.
#[derive(Debug, PartialEq, Eq)]
enum Also {
    /// The methods the path is for.
    Allowed(&'static str),
    /// How a caller shows a key that is let in (RFC 9110, 11.6.1).
    Challenge(&'static str),
    /// Who did not take the request.
    Refused(Box<Refusal>),
}

// ===== impl Fault =====

impl Fault {
    /// To try again what the client did wrong does not help, but for a 408 or a 429.
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: String) -> Self {
        let advice = match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Advice::None,
            status if status.is_client_error() => Advice::GiveUp,
            _ => Advice::None,
        };
        Self {
            status,
            kind,
            code,
            message,
            param: None,
            advice,
            also: None,
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

    /// There is no such deployment, or one whose host is not looked up.
    pub(super) fn no_discovery(deployment: &str) -> Self {
        let message = format!(
            "there is no deployment {deployment:?} with `kubernetes_pod_discovery`; GET /v1/model/info lists all"
        );
        Self::new(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "no_discovery",
            message,
        )
    }

    /// There is such a path, for other methods.
    pub(super) fn wrong_method(method: &http::Method, path: &str, allowed: &'static str) -> Self {
        let message = format!("{path} is not for {method}; use {allowed}");
        Self {
            also: Some(Also::Allowed(allowed)),
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
                if let Some(elapsed) = stream.elapsed() {
                    return Self::of_elapsed(elapsed);
                }
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal_server_error",
                    stream.kind().as_str(),
                    "the deployment's answer broke off before any of it could be passed on".into(),
                );
            }
            if let Some(judged) = error.downcast_ref::<Judged>() {
                return Self::of_verdict(judged.verdict(), judged.to_string());
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

    /// An error for which no deployment has words.
    fn of_verdict(verdict: Verdict, message: String) -> Self {
        let (status, kind, code) = match verdict.outcome {
            Outcome::RateLimited => (429, "rate_limit_error", "rate_limit_exceeded"),
            Outcome::ContextTooLong => (400, "invalid_request_error", "context_length_exceeded"),
            Outcome::ContentRefused => (400, "invalid_request_error", "content_policy_violation"),
            _ => (500, "internal_server_error", "internal_error"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            advice: Advice::after(verdict),
            ..Self::new(status, kind, code, message)
        }
    }

    fn of_elapsed(elapsed: &Elapsed) -> Self {
        let seconds = elapsed.after().as_secs_f64();
        let (code, message) = match elapsed.clock() {
            Clock::Connect => (
                "connect_timeout",
                format!("no connection to the deployment within {seconds} s"),
            ),
            Clock::Head => (
                "headers_timeout",
                format!("no sign of an answer from the deployment within {seconds} s"),
            ),
            Clock::FirstToken => (
                "first_token_timeout",
                format!("no first token from the deployment within {seconds} s"),
            ),
            Clock::Idle => (
                "stream_idle_timeout",
                format!(
                    "the deployment fell silent for {seconds} s before its answer could be passed on"
                ),
            ),
            Clock::Total => (
                "total_timeout",
                format!("no answer within the {seconds} s this request was given in all"),
            ),
            _ => (
                "timeout",
                format!("no answer from the deployment within {seconds} s"),
            ),
        };
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout_error", code, message)
    }

    /// 429 as in LiteLLM where a rest or a quota is in the way, 503 where nobody is ready, and 400 where
    /// waiting does not help: tags that match nobody and a prompt too long for everybody are the client's to
    /// change.
    ///
    /// A group is judged by those that could have answered: who has been tried, or has other tags, says
    /// nothing about the rest.
    fn of_refusal(refusal: &Refusal) -> Self {
        let reasons = || refusal.candidates().iter().map(|(_, reason)| reason);
        let any = |is: fn(&Reason) -> bool| reasons().any(is);
        let unmatched =
            |reason: &Reason| matches!(reason, Reason::Tags | Reason::Region | Reason::OtherTier);
        let aside = |reason: &&Reason| matches!(reason, Reason::Tried) || unmatched(reason);
        let left = || reasons().filter(|reason| !aside(reason));
        let all = |is: fn(&Reason) -> bool| left().next().is_some() && left().all(is);

        let (status, kind, code) = if all(|r| matches!(r, Reason::Resting(_))) {
            (429, "all_deployments_in_cooldown", "all_resting")
        } else if all(|r| matches!(r, Reason::ContextWindow)) {
            (400, "invalid_request_error", "context_too_large")
        } else if left().next().is_none() && any(unmatched) {
            (400, "invalid_request_error", "no_match")
        } else if any(|r| r.left().is_some() || matches!(r, Reason::Full | Reason::Awaited)) {
            (429, "rate_limit_error", "rate_limited")
        } else {
            (503, "overloaded_error", "no_deployment_available")
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        // LiteLLM's opening words: clients match on them.
        let message = format!("No deployments available for selected model: {refusal}");
        let mut fault = Self::new(status, kind, code, message);
        if fault.advice != Advice::GiveUp
            && let Some(wait) = refusal.retry_after()
        {
            fault.advice = Advice::After(wait);
        }
        fault.also = Some(Also::Refused(Box::new(refusal.clone())));
        fault
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
        match self.also {
            None => {}
            Some(Also::Allowed(methods)) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(methods));
            }
            Some(Also::Challenge(challenge)) => {
                let challenge = HeaderValue::from_static(challenge);
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Some(Also::Refused(refusal)) => account::refused(headers, &refusal),
        }
        self.advice.write(headers);
        response
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        // RFC 6750, section 3.1: who has shown no key is not told of an error.
        let (message, challenge) = match error {
            KeyError::Missing => (
                "no key was sent: send the gateway's key as `Authorization: Bearer <key>`",
                r#"Bearer realm="headworks""#,
            ),
            KeyError::Wrong => (
                "the key that was sent is not the gateway's key",
                r#"Bearer realm="headworks", error="invalid_token""#,
            ),
        };
        Self {
            also: Some(Also::Challenge(challenge)),
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                "authentication_error",
                "invalid_api_key",
                message.into(),
            )
        }
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
mod tests;
