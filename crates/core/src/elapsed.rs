use std::{error::Error, fmt, time::Duration};

/// The clocks a request runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clock {
    /// From asking for a connection to having one, TLS included.
    Connect,
    /// From asking a deployment to the head of its answer, connecting included.
    Head,
    /// From asking a deployment to the first token of a stream.
    FirstToken,
    /// Between two pieces of an answer, while there is nothing to wait for but the next.
    Idle,
    /// One attempt: from the request to the head of the answer, and to the end of its body if that is
    /// covered (see [`Timeouts::attempt_body`]), but for the pauses in which nobody asks for more of it.
    Attempt,
    /// The whole request: waiting, every attempt, every fallback, the body.
    Total,
}

impl Clock {
    /// The word for it in errors and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Head => "headers",
            Self::FirstToken => "first token",
            Self::Idle => "idle",
            Self::Attempt => "attempt",
            Self::Total => "total",
        }
    }
}

/// A clock ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    clock: Clock,
    after: Duration,
    shortened: bool,
}

impl Elapsed {
    /// `clock` ran out after `after`.
    #[must_use]
    pub const fn new(clock: Clock, after: Duration) -> Self {
        Self {
            clock,
            after,
            shortened: false,
        }
    }

    /// Says that the request brought this time itself, and that it is shorter than what would have been given.
    #[must_use]
    pub const fn shortened(mut self) -> Self {
        self.shortened = true;
        self
    }

    /// True if the request asked for less time than it would have been given. What did not answer within
    /// that is not to be blamed for it.
    #[must_use]
    pub const fn is_shortened(&self) -> bool {
        self.shortened
    }

    /// Which clock.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// How long it had been given.
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} timeout of {:?} elapsed",
            self.clock.as_str(),
            self.after
        )
    }
}

impl Error for Elapsed {}

/// What this one request is given in time, where it differs from what the layers were built with.
///
/// An extension of the request. `None` leaves a layer's own value in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For the whole request ([`Clock::Total`]).
    pub total: Option<Duration>,
    /// Whether the clock of the whole request runs until the end of the body (`true`, the default) or stops
    /// at the head of the answer that is handed on (`false`, for a stream).
    pub total_body: Option<bool>,
    /// For each attempt ([`Clock::Attempt`]).
    pub attempt: Option<Duration>,
    /// Whether the attempt's clock runs until the end of the body (`true`, a plain answer) or stops at the
    /// head (`false`, a stream, which may rightly take minutes).
    pub attempt_body: Option<bool>,
}
