use crate::{Tokens, window::Window};
use std::{fmt, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What may be used of one quota. By default nothing is limited; a limit of zero admits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests at a time, each until its answer has ended; `LiteLLM`'s `max_parallel_requests`.
    pub parallel: Option<u64>,
    /// How minutes are counted.
    pub minute: Minute,
    /// When a day begins, after midnight UTC; `LiteLLM`'s `daily_reset_time`. Days are fixed, since the
    /// providers' are.
    pub day_begins: Duration,
    /// Whether a limit that is not set is learned from what the provider tells of it. Default: no, since an
    /// operator who set none may share the account with others, for whom it is not ours to keep.
    pub learn: bool,
    /// Whether rates are only counted, for whoever wants to know what is left of them, and refuse nothing.
    /// Nothing of them is asked of a store. Default: no, they are kept. `parallel` is kept in any case.
    pub advisory: bool,
    rates: Vec<Rate>,
}

/// How the minutes are counted that a limit is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Minute {
    /// The last sixty seconds, whenever they are looked at. The default: no minute there is sees more than
    /// the limit. It forgets by the second, which costs a fully used limit less than two of a hundred.
    #[default]
    Sliding,
    /// The minute on the clock, as in `LiteLLM`. Around its edge twice the limit goes through within seconds:
    /// all of one minute at its end, all of the next at its beginning.
    Fixed,
}

/// So much of a unit in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rate {
    pub(crate) unit: Unit,
    pub(crate) period: Period,
    pub(crate) limit: u64,
}

/// What is counted against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
}

/// The time a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Period {
    /// A minute.
    Minute,
    /// A day.
    Day,
}

// ===== impl Limits =====

impl Limits {
    /// No limit yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At most `limit` of `unit` in each `period`.
    #[must_use]
    pub fn rate(mut self, unit: Unit, period: Period, limit: u64) -> Self {
        self.rates
            .retain(|rate| (rate.unit, rate.period) != (unit, period));
        self.rates.push(Rate {
            unit,
            period,
            limit,
        });
        self
    }

    /// Requests a minute.
    #[must_use]
    pub fn rpm(self, limit: u64) -> Self {
        self.rate(Unit::Requests, Period::Minute, limit)
    }

    /// Tokens a minute, of prompts and answers together.
    #[must_use]
    pub fn tpm(self, limit: u64) -> Self {
        self.rate(Unit::Tokens, Period::Minute, limit)
    }

    /// Tokens of prompts a minute.
    #[must_use]
    pub fn itpm(self, limit: u64) -> Self {
        self.rate(Unit::InputTokens, Period::Minute, limit)
    }

    /// Tokens of answers a minute.
    #[must_use]
    pub fn otpm(self, limit: u64) -> Self {
        self.rate(Unit::OutputTokens, Period::Minute, limit)
    }

    /// Requests a day.
    #[must_use]
    pub fn rpd(self, limit: u64) -> Self {
        self.rate(Unit::Requests, Period::Day, limit)
    }

    /// Tokens a day, of prompts and answers together.
    #[must_use]
    pub fn tpd(self, limit: u64) -> Self {
        self.rate(Unit::Tokens, Period::Day, limit)
    }

    /// Sets [`parallel`](Self::parallel).
    #[must_use]
    pub const fn parallel(mut self, most: u64) -> Self {
        self.parallel = Some(most);
        self
    }

    /// Sets [`minute`](Self::minute).
    #[must_use]
    pub const fn minute(mut self, minute: Minute) -> Self {
        self.minute = minute;
        self
    }

    /// Sets [`day_begins`](Self::day_begins).
    #[must_use]
    pub const fn day_begins(mut self, after_midnight: Duration) -> Self {
        self.day_begins = after_midnight;
        self
    }

    /// Sets [`learn`](Self::learn).
    #[must_use]
    pub const fn learn(mut self, learn: bool) -> Self {
        self.learn = learn;
        self
    }

    /// Sets [`advisory`](Self::advisory).
    #[must_use]
    pub const fn advisory(mut self, advisory: bool) -> Self {
        self.advisory = advisory;
        self
    }

    /// True if a request may be refused because of them.
    #[must_use]
    pub fn may_refuse(&self) -> bool {
        self.parallel.is_some() || !self.advisory && (self.learn || !self.rates.is_empty())
    }

    /// True if tokens are counted, or may come to be.
    #[must_use]
    pub fn count_tokens(&self) -> bool {
        self.learn || self.rates.iter().any(|rate| rate.unit != Unit::Requests)
    }

    /// True if there is nothing to keep or to count, and never will be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parallel.is_none() && self.rates.is_empty() && !self.learn
    }

    /// The limit on `unit` in `period`, if there is one.
    #[must_use]
    pub fn get(&self, unit: Unit, period: Period) -> Option<u64> {
        let found = |rate: &&Rate| (rate.unit, rate.period) == (unit, period);
        self.rates.iter().find(found).map(|rate| rate.limit)
    }

    pub(crate) fn rates(&self) -> &[Rate] {
        &self.rates
    }

    pub(crate) fn window(&self, period: Period) -> Window {
        match (period, self.minute) {
            (Period::Minute, Minute::Sliding) => Window::sliding(MINUTE),
            (Period::Minute, Minute::Fixed) => Window::fixed(MINUTE, Duration::ZERO),
            (Period::Day, _) => Window::fixed(DAY, self.day_begins),
        }
    }
}

// ===== impl Rate =====

impl Rate {
    /// Its name in `LiteLLM`'s configuration, where it has one.
    pub(crate) const fn name(self) -> &'static str {
        match (self.unit, self.period) {
            (Unit::Requests, Period::Minute) => "rpm",
            (Unit::Tokens, Period::Minute) => "tpm",
            (Unit::InputTokens, Period::Minute) => "itpm",
            (Unit::OutputTokens, Period::Minute) => "otpm",
            (Unit::Requests, Period::Day) => "rpd",
            (Unit::Tokens, Period::Day) => "tpd",
            (Unit::InputTokens, Period::Day) => "itpd",
            (Unit::OutputTokens, Period::Day) => "otpd",
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// ===== impl Unit =====

impl Unit {
    /// So many of them are in one request of these tokens.
    #[must_use]
    pub const fn of(self, tokens: Tokens) -> u64 {
        match self {
            Self::Requests => 1,
            Self::Tokens => tokens.total(),
            Self::InputTokens => tokens.input,
            Self::OutputTokens => tokens.output,
        }
    }
}
