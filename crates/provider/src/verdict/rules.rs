use super::{
    meaning::Meaning,
    phrases,
    said::{Parsed, Said},
    words,
};
use crate::Provider;
use headworks_core::{Hint, HintReader, Outcome, Verdict, should_retry};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// What the errors of one provider mean: pure functions, which [`Judge`](super::Judge) applies to answers and
/// whoever reads a stream to the errors in it.
///
/// ```
/// use headworks_core::{Hint, Outcome};
/// use headworks_provider::{Provider, verdict::Rules};
/// use http::{HeaderMap, StatusCode};
/// use std::time::Duration;
///
/// let gemini = Rules::of(Provider::find("gemini").expect("a row of the table"));
/// let verdict = gemini.of_answer(
///     StatusCode::TOO_MANY_REQUESTS,
///     &HeaderMap::new(),
///     br#"{"error": {"status": "RESOURCE_EXHAUSTED", "details": [
///         {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"}
///     ]}}"#,
/// );
/// assert_eq!(verdict.outcome, Outcome::RateLimited);
/// assert_eq!(verdict.hint, Some(Hint::after(Duration::from_secs(22))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    hints: HintReader,
}

// ===== impl Rules =====

impl Rules {
    /// The rules of `provider`. Words and phrases mean the same whoever says them, since many providers pass
    /// on what others said; the windows of quotas are a provider's own.
    #[must_use]
    pub fn of(provider: &Provider) -> Self {
        Self {
            hints: provider.hints(),
        }
    }

    /// The longest wait that is believed, and how long what comes back some day is left alone. Default:
    /// [`Hint::LONGEST`].
    #[must_use]
    pub const fn longest_hint(mut self, longest: Duration) -> Self {
        self.hints = self.hints.longest(longest);
        self
    }

    /// The verdict on an answer whose body begins with `body`, which may be cut, or empty.
    #[must_use]
    pub fn of_answer(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
        if Outcome::of_status(status) == Outcome::Success {
            return Outcome::Success.into();
        }
        let parsed = Parsed::new(body);
        self.judge(Some(status), headers, &parsed.said(headers))
    }

    /// The verdict on an error that came inside of an answer with a good head: an event's, or that of a 200.
    ///
    /// `status` is the one that whoever read it takes it for; without one it is that of a code in it, and where
    /// there is none the words alone count.
    #[must_use]
    pub fn of_event(
        &self,
        status: Option<StatusCode>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Verdict {
        let parsed = Parsed::new(body);
        let said = parsed.said(headers);
        let named = || StatusCode::from_u16(said.status?).ok();
        self.judge(status.or_else(named), headers, &said)
    }

    fn judge(&self, status: Option<StatusCode>, headers: &HeaderMap, said: &Said<'_>) -> Verdict {
        let meaning = meaning(status, headers, said);
        let meaning = match meaning {
            // Gemini: GenerateRequestsPerDayPerProjectPerModel-FreeTier
            Meaning::Is(Outcome::RateLimited) if said.exceeds_a_day() => Meaning::Daily,
            meaning => meaning,
        };
        let outcome = meaning.outcome(status);
        let hint = if meaning.is_long() {
            let hint = self.asked(headers, said, false).or_else(|| match meaning {
                Meaning::Daily => self.hints.resets(headers),
                _ => None,
            });
            Some(hint.map_or(self.hints.some_day(), |hint| Hint::long(hint.wait())))
        } else {
            match outcome {
                Outcome::RateLimited | Outcome::Capacity => self
                    .asked(headers, said, true)
                    .or_else(|| self.hints.resets(headers)),
                outcome if outcome.blames_the_deployment() => self.hints.retry_after(headers),
                _ => None,
            }
        };
        Verdict { outcome, hint }
    }

    /// How long the provider asks to wait, in its headers, else in its body.
    ///
    /// Gemini sends a delay of seconds along with a daily quota that is used up; `delays` says whether to
    /// believe in it.
    fn asked(&self, headers: &HeaderMap, said: &Said<'_>, delays: bool) -> Option<Hint> {
        self.hints
            .retry_after(headers)
            .or_else(|| self.hints.read(&quoted_headers(headers, said.headers?)))
            .or_else(|| said.delay(delays).map(|hint| self.hints.believe(hint)))
    }
}

fn meaning(status: Option<StatusCode>, headers: &HeaderMap, said: &Said<'_>) -> Meaning {
    if let Some(meaning) = words::precise(&said.words)
        .or_else(|| phrases::find(status, &said.messages))
        .or_else(|| words::broad(&said.words))
    {
        return meaning;
    }
    let wrong_request = || words::wrong_request(&said.words);
    let Some(status) = status else {
        return wrong_request().unwrap_or(Meaning::Is(Outcome::ServerFault));
    };
    match status.as_u16() {
        // An account without money, in whatever words: DeepSeek, OpenRouter, Together.
        402 => return Meaning::Spent,
        404 | 405 if said.is_no_such_path() => return Meaning::Is(Outcome::Unsuitable),
        // console.groq.com/docs/errors: "Flex tier capacity exceeded"
        498 => return Meaning::Is(Outcome::Capacity),
        500 => {
            if let Some(meaning) = wrong_request() {
                return meaning;
            }
        }
        _ => {}
    }
    match Outcome::of_status(status) {
        // The provider says itself that the request is not what is wrong.
        Outcome::CallerFault if should_retry(headers) == Some(true) => {
            Meaning::Is(Outcome::Capacity)
        }
        outcome => Meaning::Is(outcome),
    }
}

/// The headers of whoever answered `OpenRouter`, by its clock.
fn quoted_headers(headers: &HeaderMap, quoted: &Map<String, Value>) -> HeaderMap {
    let quoted = quoted.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        let value = match value {
            Value::String(value) => HeaderValue::try_from(value).ok()?,
            Value::Number(value) => HeaderValue::try_from(value.to_string()).ok()?,
            _ => return None,
        };
        Some((name, value))
    });
    let date = headers.get(header::DATE).cloned();
    let date = date.map(|date| (header::DATE, date));
    quoted.chain(date).collect()
}

// ===== impl Said =====

impl Said<'_> {
    /// True if a quota of a day is among those that were exceeded (`google.rpc.QuotaFailure`).
    fn exceeds_a_day(&self) -> bool {
        let details = self.details.iter();
        let violations = details.filter_map(|detail| detail.get("violations")?.as_array());
        let mut quotas = violations
            .flatten()
            .filter_map(|violation| violation.get("quotaId"));
        quotas.any(|quota| quota.as_str().is_some_and(|id| id.contains("PerDay")))
    }

    /// The wait that the body asks for: `google.rpc.RetryInfo` and what the message says if `delays` are to
    /// be believed, `google.rpc.ErrorInfo` in any case.
    fn delay(&self, delays: bool) -> Option<Hint> {
        let detail = |member: fn(&Map<String, Value>) -> Option<&Value>| {
            let mut found = self
                .details
                .iter()
                .filter_map(|detail| member(detail)?.as_str());
            found.find_map(|text| Hint::parse(text, SystemTime::now()))
        };
        let prose = || {
            self.messages
                .iter()
                .find_map(|message| Hint::of_prose(message))
        };
        detail(|detail| detail.get("metadata")?.get("quotaResetDelay"))
            .or_else(|| detail(|detail| detail.get("retryDelay")).filter(|_| delays))
            .or_else(|| prose().filter(|_| delays || self.details.is_empty()))
    }
}
