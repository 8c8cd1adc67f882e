use super::{
    Bare, number,
    reader::{HintReader, Length, WINDOWS, Window, now, text},
    wait,
};
use http::HeaderMap;
use std::time::Duration;

/// No quota takes longer to come back that is worth comparing with others.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is left of a quota, as a provider tells it with an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Left {
    /// Of the whole, from 0 to 1.
    pub share: f64,
    /// How long until it is whole again, a day at most. Where the provider does not say, as long as its window
    /// lasts.
    pub full_in: Duration,
}

// ===== impl HintReader =====

impl HintReader {
    /// What is left of the quota of which the least is, by the `x-ratelimit-*`, `anthropic-ratelimit-*` and
    /// like headers that also tell of [`resets`](Self::resets). A quota counts if `limit` is a number above
    /// zero and `remaining` one.
    #[must_use]
    pub fn left(&self, headers: &HeaderMap) -> Option<Left> {
        // Most answers have none, and there are many to look for.
        if !headers.keys().any(|name| name.as_str().contains("limit")) {
            return None;
        }
        let lefts = WINDOWS
            .iter()
            .filter_map(|window| self.left_of(window, headers));
        lefts.min_by(|one, other| one.share.total_cmp(&other.share))
    }

    fn left_of(&self, window: &Window, headers: &HeaderMap) -> Option<Left> {
        let number = |name| match number::leading(text(headers, name)?)? {
            (number, "") => Some(number),
            _ => None,
        };
        let limit = number(window.limit).filter(|limit| !limit.is_zero())?;
        let remaining = number(window.remaining)?;
        let full_in = text(headers, window.reset)
            .and_then(|text| wait(text, Bare::Seconds, now(headers)))
            .unwrap_or(match self.length_of(window) {
                Length::Long => DAY,
                _ => Duration::from_secs(60),
            });
        Some(Left {
            share: remaining.over(limit).min(1.0),
            full_in: full_in.min(DAY),
        })
    }
}
