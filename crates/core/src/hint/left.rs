use super::{
    Bare, number,
    reader::{HintReader, WINDOWS, Window, now, text},
    wait,
};
use http::HeaderMap;
use std::time::{Duration, SystemTime};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is left of a quota, as a provider tells it with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// What is counted.
    pub of: LeftOf,
    /// The time it is counted in.
    pub period: LeftIn,
    /// What is left. Some round: Anthropic's tokens are in thousands.
    pub remaining: u64,
    /// The whole, if the provider says so; never zero.
    pub limit: Option<u64>,
    /// How long until it is *whole* again, if the provider says so: longer than the next request would have
    /// to wait, and no wait that anybody has asked for.
    pub reset: Option<Duration>,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeftOf {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
}

/// The time a quota is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeftIn {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

// ===== impl Left =====

impl Left {
    /// What part of the whole is left, from 0 to 1, if the whole is known.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share need not be exact to 2^-53"
    )]
    pub fn share(&self) -> Option<f64> {
        let limit = self.limit?;
        Some((self.remaining as f64 / limit as f64).min(1.0))
    }

    /// How long until it is whole again, a month at most: where the provider does not say, as long as its
    /// period.
    #[must_use]
    pub fn full_in(&self) -> Duration {
        self.reset
            .map_or_else(|| self.period.length(), |reset| reset.min(MONTH))
    }
}

// ===== impl LeftIn =====

impl LeftIn {
    /// How long it is; a month has thirty days.
    #[must_use]
    pub const fn length(self) -> Duration {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Month => MONTH,
        }
    }
}

// ===== impl HintReader =====

impl HintReader {
    /// What is left of each quota that the `x-ratelimit-*`, `anthropic-ratelimit-*` and like headers tell of.
    ///
    /// Each header is judged on its own. A quota counts if what remains is a number; none is left only of a
    /// limit above zero, so that `-1`, junk, and 0 without a limit say nothing. Several may tell of the same
    /// unit and period, such as an account's tokens and a project's.
    ///
    /// Left out are quotas without a unit unless the reader is told of
    /// [`unlabelled_requests`](Self::unlabelled_requests), and Anthropic's priority tokens, beyond which
    /// requests are still answered (docs.anthropic.com, "Service tiers").
    ///
    /// ```
    /// use headworks_core::{HintReader, LeftIn, LeftOf};
    /// use http::HeaderMap;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-limit-tokens", "30,000".parse()?);
    /// headers.insert("x-ratelimit-remaining-tokens", "7500".parse()?);
    /// headers.insert("x-ratelimit-remaining-requests", "-1".parse()?);
    ///
    /// let left: Vec<_> = HintReader::new().left(&headers).collect();
    /// assert_eq!(left.len(), 1);
    /// assert_eq!((left[0].of, left[0].period), (LeftOf::Tokens, LeftIn::Minute));
    /// assert_eq!((left[0].remaining, left[0].share()), (7500, Some(0.25)));
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    pub fn left<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = Left> + use<'h> {
        let reader = *self;
        // Most answers have none, and there are many to look for.
        let tells = headers.keys().any(|name| name.as_str().contains("limit"));
        let now = tells.then(|| now(headers));
        now.into_iter().flat_map(move |now| {
            let quotas = WINDOWS.iter();
            quotas.filter_map(move |window| reader.left_of(window, headers, now))
        })
    }

    fn left_of(&self, window: &Window, headers: &HeaderMap, now: SystemTime) -> Option<Left> {
        let number = |name| match number::leading(text(headers, name)?)? {
            (number, "") => Some(number.whole()),
            _ => None,
        };
        let remaining = number(window.remaining)?;
        let limit = number(window.limit).filter(|limit| *limit > 0);
        if remaining == 0 && limit.is_none() {
            return None;
        }
        let reset = text(headers, window.reset).and_then(|text| wait(text, Bare::Seconds, now));
        let (of, period) = match (window.of, window.period) {
            (Some(of), period) => (of, period.unwrap_or(self.requests)),
            // Not labelled at all: what is back within a minute is counted by the minute.
            (None, None) if self.unlabelled => {
                let minute = reset? <= MINUTE;
                let period = if minute { LeftIn::Minute } else { LeftIn::Day };
                (LeftOf::Requests, period)
            }
            (None, _) => return None,
        };
        Some(Left {
            of,
            period,
            remaining,
            limit,
            reset,
        })
    }
}
