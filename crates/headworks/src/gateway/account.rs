//! What a client is told of how its answer came about, and of what to do next: headers of ours.

use headworks_core::{Attempt, Attempts, DeploymentId, Outcome, Refusal, Verdict};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::{
    fmt::{self, Write},
    time::Duration,
};
use tokio::time::Instant;

/// Every attempt, oldest first: `a=rate_limited;120ms, b=success;840ms`.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-headworks-attempts");

/// Every deployment that did not take the request, and why not: `a=resting;12s, b=full`.
const REFUSED: HeaderName = HeaderName::from_static("x-headworks-refused");

/// Why the group that was asked for was left for its fallbacks: the word for an [`Outcome`].
const FALLBACK_REASON: HeaderName = HeaderName::from_static("x-headworks-fallback-reason");

/// What `OpenAI`'s and Anthropic's SDKs believe before the status.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The most members of a list that are written out; of those that follow only the number is.
const MOST: usize = 16;

/// The longest id that is written: that of `LiteLLM`'s, a SHA-256 in hexadecimal.
const LONGEST_ID: usize = 64;

/// The longest `Retry-After` that `OpenAI`'s and Anthropic's SDKs wait for. What asks for more they try again
/// within a second, as if nothing had been said (`_calculate_retry_timeout`, openai-python 1 and 2).
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a client whose request failed is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// As it thinks best.
    None,
    /// Come back after this long.
    After(Duration),
    /// Not come back with this request: it would end in the same way.
    GiveUp,
}

/// An id as it can stand in a list: a token.
struct Token<'a>(&'a DeploymentId);

// ===== impl Advice =====

impl Advice {
    /// The advice after a request that ended so, when the gateway has done all it may.
    pub(super) fn after(verdict: Verdict) -> Self {
        match verdict.outcome {
            Outcome::Success | Outcome::Cancelled => Self::None,
            Outcome::CallerFault
            | Outcome::Auth
            | Outcome::ContextTooLong
            | Outcome::ContentRefused
            | Outcome::Misconfigured
            | Outcome::Unsuitable => Self::GiveUp,
            _ => verdict
                .hint
                .map_or(Self::None, |hint| Self::After(hint.wait())),
        }
    }

    /// Writes it. What a provider has said itself stays, unless it is told in a form that not every client
    /// reads.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let give_up = match self {
            Self::None => false,
            Self::GiveUp => true,
            Self::After(wait) => {
                if !headers.get(header::RETRY_AFTER).is_some_and(is_whole) {
                    // Rounded up: to come back a moment early is to be refused once more.
                    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                    headers.insert(header::RETRY_AFTER, seconds.into());
                }
                wait > LONGEST_WAIT
            }
        };
        if give_up {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
    }
}

/// True of whole seconds, which every client reads, in place of a date or a fraction.
fn is_whole(value: &HeaderValue) -> bool {
    !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
}

/// Where the request was tried, how each attempt ended and how long it took until that was known; of the one
/// whose answer is handed on, until its head.
pub(super) fn attempts(headers: &mut HeaderMap, ledger: &Attempts) {
    let now = Instant::now();
    let mut list = String::new();
    let mut written = 0_u32;
    ledger.for_each(|attempt| {
        if (written as usize) < MOST {
            separate(&mut list);
            push(&mut list, &Told(attempt, now));
            written += 1;
        }
    });
    // The ledger counts on when it has ceased to record.
    finish(headers, ATTEMPTS, list, ledger.begun() - written);
}

/// Who did not take the request, and why not.
pub(super) fn refused(headers: &mut HeaderMap, refusal: &Refusal) {
    let mut list = String::new();
    let candidates = refusal.candidates();
    for (id, reason) in candidates.iter().take(MOST) {
        separate(&mut list);
        push(&mut list, &Token(id));
        list.push('=');
        list.extend(reason.as_str().chars().map(|c| match c {
            ' ' => '_',
            c => c,
        }));
        if let Some(left) = reason.left() {
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            push(&mut list, &format_args!(";{seconds}s"));
        }
    }
    let more = candidates.len().saturating_sub(MOST);
    finish(
        headers,
        REFUSED,
        list,
        u32::try_from(more).unwrap_or(u32::MAX),
    );
}

/// Why the group that was asked for was left.
pub(super) fn fell_back(headers: &mut HeaderMap, why: Outcome) {
    headers.insert(FALLBACK_REASON, HeaderValue::from_static(why.as_str()));
}

fn separate(list: &mut String) {
    if !list.is_empty() {
        list.push_str(", ");
    }
}

/// Writes the list, with the number of those that are not in it. Nothing is written of nothing.
fn finish(headers: &mut HeaderMap, name: HeaderName, mut list: String, more: u32) {
    if more > 0 {
        push(&mut list, &format_args!(", +{more}"));
    }
    if !list.is_empty()
        && let Ok(list) = HeaderValue::try_from(list)
    {
        headers.insert(name, list);
    }
}

#[expect(clippy::expect_used, reason = "a broken contract")]
fn push(list: &mut String, what: &impl fmt::Display) {
    write!(list, "{what}").expect("a string takes all that is written to it");
}

/// One attempt, as it is told at this moment.
struct Told<'a>(&'a Attempt, Instant);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(attempt, now) = self;
        // A failure is on record once its head is here; the answer that is about to be handed on is none.
        let outcome = attempt
            .verdict
            .map_or(Outcome::Success, |verdict| verdict.outcome);
        let until = attempt.ended.unwrap_or(*now);
        let took = until.saturating_duration_since(attempt.began);
        let (id, outcome) = (Token(&attempt.deployment), outcome.as_str());
        write!(f, "{id}={outcome};{}ms", took.as_millis())
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = LONGEST_ID;
        for byte in self.0.bytes() {
            let plain = byte.is_ascii_alphanumeric() || b"-._~:/@".contains(&byte);
            let Some(after) = left.checked_sub(if plain { 1 } else { 3 }) else {
                break;
            };
            left = after;
            match plain {
                true => f.write_char(byte.into())?,
                false => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
