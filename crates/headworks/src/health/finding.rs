use headworks_core::{Clock, Elapsed, Outcome, Verdict};
use http::StatusCode;
use std::{error::Error, fmt, io, time::Duration};
use tokio::time::Instant;

/// What one check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    at: Instant,
    due: Option<Instant>,
    sickness: Option<Sickness>,
}

/// What is wrong with a deployment, as far as a check can tell. It holds nothing that a provider wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sickness {
    verdict: Verdict,
    sign: Sign,
}

/// What was seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Status(StatusCode),
    Elapsed(Elapsed),
    Connection(Option<io::ErrorKind>),
}

// ===== impl Finding =====

impl Finding {
    pub(super) fn new(found: Result<(), Sickness>, at: Instant, due: Option<Instant>) -> Self {
        Self {
            at,
            due,
            sickness: found.err(),
        }
    }

    /// When the check ended.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// What is wrong; `None` if the deployment is well.
    #[must_use]
    pub const fn sickness(&self) -> Option<Sickness> {
        self.sickness
    }

    /// True if it says at `now` that the deployment is sick, and is not older than `age`.
    pub(super) fn is_sick(&self, now: Instant, age: Duration) -> bool {
        self.sickness.is_some() && now.saturating_duration_since(self.at) <= age
    }

    /// How long until the next check begins.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let due = self.due.unwrap_or(now);
        due.saturating_duration_since(now)
    }
}

// ===== impl Sickness =====

impl Sickness {
    pub(super) const fn of_status(status: StatusCode, verdict: Verdict) -> Self {
        Self {
            verdict,
            sign: Sign::Status(status),
        }
    }

    /// No answer came within this time.
    pub(super) fn of_silence(limit: Duration) -> Self {
        Self {
            verdict: Outcome::Timeout.into(),
            sign: Sign::Elapsed(Elapsed::new(Clock::Attempt, limit)),
        }
    }

    pub(super) fn of_error(error: &(dyn Error + 'static), verdict: Verdict) -> Self {
        let mut kind = None;
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(elapsed) = error.downcast_ref::<Elapsed>() {
                return Self {
                    verdict,
                    sign: Sign::Elapsed(*elapsed),
                };
            }
            kind = error.downcast_ref().map(io::Error::kind).or(kind);
            cause = error.source();
        }
        Self {
            verdict,
            sign: Sign::Connection(kind.filter(|kind| says_something(*kind))),
        }
    }

    /// What the classifier made of it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// True if it may be over in a moment, by `LiteLLM`'s rule: an answer of 429 or 408.
    pub(super) const fn is_transient(&self) -> bool {
        matches!(
            self.sign,
            Sign::Status(StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        )
    }
}

impl fmt::Display for Sickness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sign {
            Sign::Status(status) => {
                let outcome = self.verdict.outcome.as_str().replace('_', " ");
                write!(f, "status {}: {outcome}", status.as_u16())
            }
            Sign::Elapsed(elapsed) => {
                let missed = match elapsed.clock() {
                    Clock::Connect => "connection",
                    _ => "answer",
                };
                write!(f, "no {missed} within {:?}", elapsed.after())
            }
            Sign::Connection(Some(kind)) => write!(f, "no answer: {kind}"),
            Sign::Connection(None) => f.write_str("no answer: the connection failed"),
        }
    }
}

/// A name that does not resolve, for one, has a kind that says less than nothing.
const fn says_something(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::TimedOut
            | Kind::UnexpectedEof
    )
}
