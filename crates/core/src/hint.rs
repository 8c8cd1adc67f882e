use http::HeaderMap;
use std::time::{Duration, SystemTime};

mod left;
mod length;
mod moment;
mod number;
mod reader;

pub use left::{Left, LeftIn, LeftOf};
pub use reader::{HintReader, should_retry};

/// When to come back, as the provider said it.
///
/// | written | means | seen in |
/// |---|---|---|
/// | `7`, `0.25`, `1,200` | seconds | `retry-after`, Azure's and Cerebras' resets |
/// | `120`, `120.5` | milliseconds, where the name of the header says so | `retry-after-ms` |
/// | `1h2m3.5s`, `6m0s`, `577.5ms`, `900µs` | a Go duration | `OpenAI`'s and Groq's resets |
/// | `22s`, `45.837906927s` | a protobuf duration | Gemini's `RetryInfo` |
/// | `2026-03-01T12:00:30Z` | an RFC 3339 time | Anthropic's resets |
/// | `Sun, 06 Nov 1994 08:50:07 GMT` | an HTTP date (RFC 9110, 5.6.7) | `retry-after` |
/// | `1741305600`, `1741305600000` | an epoch, seconds or milliseconds by magnitude | `OpenRouter`'s resets |
///
/// Zero, negative, past and unreadable values mean that nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    wait: Duration,
    long: bool,
}

// ===== impl Hint =====

impl Hint {
    /// The longest wait that is believed unless a [`HintReader`] says otherwise: an hour. One odd header must
    /// not take a deployment out for days, and asking once an hour whether a quota is back costs nothing.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    /// Come back after this long, and not before.
    #[must_use]
    pub const fn after(wait: Duration) -> Self {
        Self { wait, long: false }
    }

    /// The same for what comes back in days and not in minutes: a daily quota, a spend limit, an empty
    /// account. `wait` is when to look again.
    #[must_use]
    pub const fn long(wait: Duration) -> Self {
        Self { wait, long: true }
    }

    /// How long to wait, counted from when the answer came.
    #[must_use]
    pub const fn wait(self) -> Duration {
        self.wait
    }

    /// True if it is a quota of a day or more, or money, that is used up: nothing that a request which is
    /// under way should wait for, however short [`wait`](Self::wait) is.
    #[must_use]
    pub const fn is_long(self) -> bool {
        self.long
    }

    /// The same hint, its wait no longer than `longest`.
    #[must_use]
    pub fn at_most(self, longest: Duration) -> Self {
        Self {
            wait: self.wait.min(longest),
            ..self
        }
    }

    /// Reads the hint of a response's headers, as [`HintReader::new`] does.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        HintReader::new().read(headers)
    }

    /// Reads one value in any of the forms above, a bare number as seconds. A time is counted from `now`.
    #[must_use]
    pub fn parse(text: &str, now: SystemTime) -> Option<Self> {
        wait(text, Bare::Seconds, now).map(Self::after)
    }

    /// Finds what English says to a person: `Please try again in 6m0s.`, `Please retry after 9 seconds.`,
    /// `Please wait 26 seconds before retrying.`
    #[must_use]
    pub fn of_prose(text: &str) -> Option<Self> {
        const BEFORE: [&str; 4] = ["try again in ", "retry after ", "retry in ", "please wait "];

        let text = text.to_ascii_lowercase();
        let mut found = BEFORE
            .iter()
            .flat_map(|before| text.match_indices(before))
            .filter_map(|(at, before)| length::leading(&text[at + before.len()..]));
        let (wait, _) = found.find(|(wait, _)| !wait.is_zero())?;
        Some(Self::after(wait))
    }
}

/// What a number without a unit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Seconds,
    Milliseconds,
}

/// The one parser: how long `text` says to wait, `None` for zero, negative, past and unreadable.
fn wait(text: &str, bare: Bare, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let until = |then: SystemTime| then.duration_since(now).ok();
    let wait = match number::leading(text) {
        Some((number, "")) if moment::is_epoch(number, bare) => {
            moment::of_epoch(number).and_then(until)
        }
        Some((number, "")) => number.times(match bare {
            Bare::Seconds => length::SECOND,
            Bare::Milliseconds => length::MILLISECOND,
        }),
        _ => match length::leading(text) {
            Some((length, "")) => Some(length),
            _ => moment::parse(text).and_then(until),
        },
    };
    wait.filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests;
