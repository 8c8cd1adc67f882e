use super::{
    Bare, Hint,
    left::{LeftIn, LeftOf},
    number, wait,
};
use http::{HeaderMap, header};
use std::{
    str,
    time::{Duration, SystemTime},
};

/// Reads hints off the headers of a response.
///
/// What says how long to wait goes first, each header judged on its own so that junk in one does not hide
/// another: `retry-after-ms` and `x-ms-retry-after-ms` (milliseconds; `OpenAI`, Azure), then `retry-after`
/// (RFC 9110, 10.2.3). Else a quota that is used up is back when its window says so: `x-ratelimit-*`,
/// `anthropic-ratelimit-*` and their like count if `remaining` is 0 of a positive `limit`, and of several the
/// last to come back. `-1` anywhere, and 0 without a limit, mean unknown.
///
/// Times are counted from the response's own `Date` when it has one, so that a skewed clock, ours or theirs,
/// does not matter.
///
/// ```
/// use headworks_core::HintReader;
/// use http::HeaderMap;
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-ratelimit-limit-tokens", "30,000".parse()?);
/// headers.insert("x-ratelimit-remaining-tokens", "0".parse()?);
/// headers.insert("x-ratelimit-reset-tokens", "6m0s".parse()?);
///
/// let reader = HintReader::new().longest(Duration::from_secs(120));
/// let hint = reader.read(&headers).expect("it is there");
/// assert_eq!(hint.wait(), Duration::from_secs(120));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HintReader {
    longest: Duration,
    /// The period of `-requests` that do not say it.
    pub(super) requests: LeftIn,
    /// Quotas without a unit are of requests.
    pub(super) unlabelled: bool,
}

/// The three headers of one quota.
pub(super) struct Window {
    pub(super) limit: &'static str,
    pub(super) remaining: &'static str,
    pub(super) reset: &'static str,
    /// What it counts, unless that is unknown or limits nothing.
    pub(super) of: Option<LeftOf>,
    /// `None` where it depends on who sends it.
    pub(super) period: Option<LeftIn>,
}

macro_rules! window {
    ($before:literal, $after:literal, $of:expr, $period:expr) => {
        Window {
            limit: concat!($before, "limit", $after),
            remaining: concat!($before, "remaining", $after),
            reset: concat!($before, "reset", $after),
            of: $of,
            period: $period,
        }
    };
}

const REQUESTS: Option<LeftOf> = Some(LeftOf::Requests);
const TOKENS: Option<LeftOf> = Some(LeftOf::Tokens);
const INPUT: Option<LeftOf> = Some(LeftOf::InputTokens);
const OUTPUT: Option<LeftOf> = Some(LeftOf::OutputTokens);
const MINUTE: Option<LeftIn> = Some(LeftIn::Minute);
const HOUR: Option<LeftIn> = Some(LeftIn::Hour);
const DAY: Option<LeftIn> = Some(LeftIn::Day);
const MONTH: Option<LeftIn> = Some(LeftIn::Month);

#[rustfmt::skip]
pub(super) const WINDOWS: [Window; 20] = [
    // platform.openai.com, "Rate limits: headers"; Azure and Groq use the same names
    window!("x-ratelimit-", "-requests", REQUESTS, None),
    window!("x-ratelimit-", "-tokens", TOKENS, MINUTE),
    window!("x-ratelimit-", "-project-tokens", TOKENS, MINUTE),
    // inference-docs.cerebras.ai, "Rate limits"
    window!("x-ratelimit-", "-requests-minute", REQUESTS, MINUTE),
    window!("x-ratelimit-", "-requests-hour", REQUESTS, HOUR),
    window!("x-ratelimit-", "-requests-day", REQUESTS, DAY),
    window!("x-ratelimit-", "-tokens-minute", TOKENS, MINUTE),
    window!("x-ratelimit-", "-tokens-hour", TOKENS, HOUR),
    window!("x-ratelimit-", "-tokens-day", TOKENS, DAY),
    // docs.mistral.ai, "Rate limits", and what its API sent before: the size is that of a request, in tokens
    window!("x-ratelimit-", "-req-minute", REQUESTS, MINUTE),
    window!("ratelimitbysize-", "", TOKENS, MINUTE),
    window!("x-ratelimitbysize-", "-minute", TOKENS, MINUTE),
    window!("x-ratelimitbysize-", "-month", TOKENS, MONTH),
    // openrouter.ai/docs, "Errors"
    window!("x-ratelimit-", "", None, None),
    // docs.anthropic.com, "Rate limits: response headers"
    window!("anthropic-ratelimit-requests-", "", REQUESTS, MINUTE),
    window!("anthropic-ratelimit-tokens-", "", TOKENS, MINUTE),
    window!("anthropic-ratelimit-input-tokens-", "", INPUT, MINUTE),
    window!("anthropic-ratelimit-output-tokens-", "", OUTPUT, MINUTE),
    // docs.anthropic.com, "Service tiers"
    window!("anthropic-priority-input-tokens-", "", None, MINUTE),
    window!("anthropic-priority-output-tokens-", "", None, MINUTE),
];

/// What a provider says in `x-should-retry`, which the `OpenAI` and Anthropic SDKs believe above everything
/// else: whether the same request may do better.
#[must_use]
pub fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match text(headers, "x-should-retry")? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

// ===== impl HintReader =====

impl HintReader {
    /// Believes in waits of up to [`Hint::LONGEST`]; what is not labelled means what it means at `OpenAI`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            longest: Hint::LONGEST,
            requests: LeftIn::Minute,
            unlabelled: false,
        }
    }

    /// Longer waits are taken for this long.
    #[must_use]
    pub const fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// `x-ratelimit-*-requests` counts the requests of a day, as at Groq, and not of a minute.
    #[must_use]
    pub const fn requests_per_day(mut self) -> Self {
        self.requests = LeftIn::Day;
        self
    }

    /// `x-ratelimit-limit` and its like, which name no unit, count requests, as at `OpenRouter`: those of a
    /// minute if they are back within one, else those of a day. By default nothing is made of them, since
    /// others count by the second.
    #[must_use]
    pub const fn unlabelled_requests(mut self) -> Self {
        self.unlabelled = true;
        self
    }

    /// What the headers say: [`retry_after`](Self::retry_after), else [`resets`](Self::resets).
    #[must_use]
    pub fn read(&self, headers: &HeaderMap) -> Option<Hint> {
        self.retry_after(headers).or_else(|| self.resets(headers))
    }

    /// How long the provider asks to wait.
    #[must_use]
    pub fn retry_after(&self, headers: &HeaderMap) -> Option<Hint> {
        let now = now(headers);
        let read = |name, bare| wait(text(headers, name)?, bare, now);
        read("retry-after-ms", Bare::Milliseconds)
            .or_else(|| read("x-ms-retry-after-ms", Bare::Milliseconds))
            .or_else(|| read(header::RETRY_AFTER.as_str(), Bare::Seconds))
            .map(|wait| self.believe(Hint::after(wait)))
    }

    /// When the last of the quotas that are used up is back.
    ///
    /// That is when it is *full* again, often later than when the next request would pass: good for a rest,
    /// never a reason to shorten one.
    #[must_use]
    pub fn resets(&self, headers: &HeaderMap) -> Option<Hint> {
        let now = now(headers);
        let quotas = WINDOWS.iter().filter(|window| window.is_used_up(headers));
        let quotas = quotas.filter_map(|window| {
            let wait = text(headers, window.reset).and_then(|text| wait(text, Bare::Seconds, now));
            if self.is_long(window) {
                return Some(Hint::long(wait.unwrap_or(self.longest)));
            }
            wait.map(Hint::after)
        });
        let plan = plan_reset(headers, now).map(Hint::long);
        quotas.chain(plan).max().map(|hint| self.believe(hint))
    }

    /// The hint for what comes back in days, nobody says when: look again after the longest wait believed in.
    #[must_use]
    pub const fn some_day(&self) -> Hint {
        Hint::long(self.longest)
    }

    /// True of what comes back in days.
    fn is_long(&self, window: &Window) -> bool {
        let own = window.of.map_or(LeftIn::Minute, |_| self.requests);
        window.period.unwrap_or(own) >= LeftIn::Day
    }

    /// `hint`, no longer than is believed.
    #[must_use]
    pub fn believe(&self, hint: Hint) -> Hint {
        hint.at_most(self.longest)
    }
}

impl Default for HintReader {
    fn default() -> Self {
        Self::new()
    }
}

// ===== impl Window =====

impl Window {
    fn is_used_up(&self, headers: &HeaderMap) -> bool {
        let number = |name| match number::leading(text(headers, name)?)? {
            (number, "") => Some(number),
            _ => None,
        };
        number(self.remaining).is_some_and(number::Number::is_zero)
            && number(self.limit).is_some_and(|limit| !limit.is_zero())
    }
}

/// When the allowance of an Anthropic plan is back, five hours' or a week's, if that is what is used up.
fn plan_reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let status = text(headers, "anthropic-ratelimit-unified-status")?;
    let reset = text(headers, "anthropic-ratelimit-unified-reset")?;
    (status == "rejected").then(|| wait(reset, Bare::Seconds, now))?
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    // Not `to_str`, which turns down the `µ` of a Go duration.
    str::from_utf8(headers.get(name)?.as_bytes())
        .ok()
        .map(str::trim)
}

/// The moment of the answer, by the clock of whoever answered if it says so.
pub(super) fn now(headers: &HeaderMap) -> SystemTime {
    text(headers, header::DATE.as_str())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(SystemTime::now)
}
