//! The response headers clients of `LiteLLM` read, written as it writes them.

use super::{
    exchange::Call,
    quota::{Left, Rate},
    secrets::Secrets,
};
use headworks_core::RequestedModel;
use headworks_fallback::FellBack;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::{str::FromStr, time::Duration};
use tokio::time::Instant;

const CALL_ID: HeaderName = HeaderName::from_static("x-litellm-call-id");
const MODEL_ID: HeaderName = HeaderName::from_static("x-litellm-model-id");
const MODEL_NAME: HeaderName = HeaderName::from_static("x-litellm-model-name");
const MODEL_GROUP: HeaderName = HeaderName::from_static("x-litellm-model-group");
const MODEL_API_BASE: HeaderName = HeaderName::from_static("x-litellm-model-api-base");
const VERSION: HeaderName = HeaderName::from_static("x-litellm-version");
const ATTEMPTED_RETRIES: HeaderName = HeaderName::from_static("x-litellm-attempted-retries");
const MAX_RETRIES: HeaderName = HeaderName::from_static("x-litellm-max-retries");
const ATTEMPTED_FALLBACKS: HeaderName = HeaderName::from_static("x-litellm-attempted-fallbacks");
const RESPONSE_MS: HeaderName = HeaderName::from_static("x-litellm-response-duration-ms");
const OVERHEAD_MS: HeaderName = HeaderName::from_static("x-litellm-overhead-duration-ms");

const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");

/// What the names of headers begin with that tell of limits: on an answer of ours, the group's.
const RATE_LIMIT_PREFIX: &str = "x-ratelimit-";

/// The name that was asked for and that nobody knows, on the answer of a default fallback.
const UNKNOWN_MODEL: HeaderName = HeaderName::from_static("x-headworks-unknown-model");

/// What precedes the name of an upstream header in its copy.
const PROVIDER_PREFIX: &str = "llm_provider-";

/// The longest call id a client may choose.
const MAX_CALL_ID: usize = 128;

/// What the edge knows of one deployment: the headers that name it, made once, and what must not come back.
#[derive(Clone, Debug)]
pub(super) struct DeploymentHeaders {
    /// The deployment's id.
    pub(super) id: HeaderValue,
    /// Its `litellm_params.model`.
    pub(super) model: HeaderValue,
    /// Its base URL without query or credentials; `None` for one without a URL.
    pub(super) api_base: Option<HeaderValue>,
    /// What signs in there.
    pub(super) secrets: Secrets,
}

/// The id the client gave its call, or a fresh one.
#[expect(clippy::expect_used, reason = "a UUID is ASCII")]
pub(super) fn call_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(CALL_ID);
    let given = given.filter(|id| !id.is_empty() && id.len() <= MAX_CALL_ID);
    given.cloned().unwrap_or_else(|| {
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(id).expect("a UUID is ASCII")
    })
}

/// What every answer carries.
pub(super) fn own(headers: &mut HeaderMap, call: &Call) {
    headers.insert(CALL_ID, call.id.clone());
    headers.insert(VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
}

/// Who answered, and what was asked: the name the client used, an alias included.
pub(super) fn answered(
    headers: &mut HeaderMap,
    requested: &RequestedModel,
    deployment: Option<&DeploymentHeaders>,
) {
    if let Ok(requested) = HeaderValue::from_str(requested) {
        headers.insert(MODEL_GROUP, requested);
    }
    let Some(deployment) = deployment else { return };
    headers.insert(MODEL_ID, deployment.id.clone());
    headers.insert(MODEL_NAME, deployment.model.clone());
    if let Some(api_base) = &deployment.api_base {
        headers.insert(MODEL_API_BASE, api_base.clone());
    }
}

/// How many retries it took, of how many it might have.
pub(super) fn counted(headers: &mut HeaderMap, retries: u32, most: u32) {
    headers.insert(ATTEMPTED_RETRIES, retries.into());
    if retries > 0 {
        headers.insert(MAX_RETRIES, most.into());
    }
}

/// How many groups were asked after the first, and which of them answered; where the first is one that nobody
/// knows, that too.
pub(super) fn fell_back(headers: &mut HeaderMap, fallbacks: u32, fell_back: Option<&FellBack>) {
    headers.insert(ATTEMPTED_FALLBACKS, fallbacks.into());
    let Some(fell_back) = fell_back else { return };
    if fell_back.to != fell_back.from
        && let Ok(to) = HeaderValue::from_str(&fell_back.to)
    {
        headers.insert(MODEL_GROUP, to);
    }
    if fell_back.unknown_group
        && let Ok(from) = HeaderValue::from_str(&fell_back.from)
    {
        headers.insert(UNKNOWN_MODEL, from);
    }
}

/// How long the answer took until now, and how much of that went by before the first attempt began: the
/// gateway's own time, to which what comes after the last attempt adds microseconds.
pub(super) fn timed(headers: &mut HeaderMap, call: &Call, first_began: Instant) {
    let now = Instant::now();
    headers.insert(
        RESPONSE_MS,
        milliseconds(now.saturating_duration_since(call.received)),
    );
    let overhead = first_began.saturating_duration_since(call.received);
    headers.insert(OVERHEAD_MS, milliseconds(overhead));
}

/// What is left of the limits of the group, as far as it has any.
pub(super) fn limited(headers: &mut HeaderMap, left: Left) {
    let mut tell = |rate: Option<Rate>, limit, remaining| {
        if let Some(rate) = rate {
            headers.insert(limit, rate.limit.into());
            headers.insert(remaining, rate.remaining.into());
        }
    };
    tell(left.requests, LIMIT_REQUESTS, REMAINING_REQUESTS);
    tell(left.tokens, LIMIT_TOKENS, REMAINING_TOKENS);
}

/// Takes away what a provider says of the limits of one deployment, which the client would take for the group's.
/// Its [copies](provider_copies) stay.
pub(super) fn without_limits(headers: &mut HeaderMap) {
    let is_limit = |name: &&HeaderName| name.as_str().starts_with(RATE_LIMIT_PREFIX);
    let names: Vec<_> = headers.keys().filter(is_limit).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Copies every header of the upstream under its `llm_provider-` name, as `LiteLLM` does; the headers
/// themselves stay.
pub(super) fn provider_copies(headers: &mut HeaderMap) {
    let mut name = String::with_capacity(64);
    let copies: Vec<_> = headers
        .iter()
        .filter(|(name, _)| **name != header::CONTENT_LENGTH && !is_ours(name))
        .filter_map(|(upstream, value)| {
            name.clear();
            name.push_str(PROVIDER_PREFIX);
            name.push_str(upstream.as_str());
            Some((HeaderName::from_str(&name).ok()?, value.clone()))
        })
        .collect();
    headers.reserve(copies.len());
    for (name, value) in copies {
        headers.append(name, value);
    }
}

/// A number in a request header; what is no number is as good as absent, as in `LiteLLM`.
pub(super) fn number<T: FromStr>(headers: &HeaderMap, name: &'static str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A positive number of seconds in a request header.
pub(super) fn seconds(headers: &HeaderMap, name: &'static str) -> Option<Duration> {
    let seconds = number(headers, name)?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-litellm-") || name.starts_with("x-headworks-")
}

#[expect(clippy::expect_used, reason = "a number is ASCII")]
fn milliseconds(duration: Duration) -> HeaderValue {
    // Three decimals: an overhead is a few hundredths of a millisecond.
    let text = format!("{:.3}", duration.as_secs_f64() * 1000.0);
    HeaderValue::try_from(text).expect("a number is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_keeps_the_id_its_client_gave_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(call_id(&headers).len(), 36);
        headers.insert(CALL_ID, HeaderValue::from_static("mine"));
        assert_eq!(call_id(&headers), "mine");
        let long = "x".repeat(MAX_CALL_ID + 1);
        headers.insert(CALL_ID, long.parse().unwrap());
        assert_eq!(call_id(&headers).len(), 36);
    }

    #[test]
    fn upstream_headers_are_copied_under_their_provider_name() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining-requests", "7".parse().unwrap());
        headers.insert(header::CONTENT_LENGTH, "12".parse().unwrap());
        provider_copies(&mut headers);
        assert_eq!(headers["llm_provider-x-ratelimit-remaining-requests"], "7");
        assert_eq!(headers["x-ratelimit-remaining-requests"], "7");
        assert_eq!(headers.len(), 3);
        without_limits(&mut headers);
        assert_eq!(headers["llm_provider-x-ratelimit-remaining-requests"], "7");
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn seconds_may_have_a_fraction_and_must_be_positive() {
        let read = |value: &str| {
            let headers = [(
                HeaderName::from_static("x-litellm-timeout"),
                value.parse().unwrap(),
            )];
            seconds(&headers.into_iter().collect(), "x-litellm-timeout")
        };
        assert_eq!(read("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(read("0"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(read("soon"), None);
    }
}
