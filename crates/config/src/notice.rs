use crate::Location;
use std::fmt;

/// Something the operator should know that does not stop the start: printed once.
///
/// Displays as one line: `config.yaml:7:5: …`.
#[derive(Clone, Debug)]
pub struct Notice {
    kind: NoticeKind,
    at: Location,
    message: String,
    /// How often the same is found further down.
    repeated: usize,
}

/// What a [`Notice`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// A setting of `LiteLLM` that has no effect here yet.
    NotHonoured,
    /// A setting that nobody knows.
    UnknownKey,
    /// A setting that works and is probably not what was meant.
    Advice,
}

// ===== impl Notice =====

impl Notice {
    pub(crate) fn new(kind: NoticeKind, at: Location, message: String) -> Self {
        Self {
            kind,
            at,
            message,
            repeated: 0,
        }
    }

    /// Counts another place with the same message.
    pub(crate) fn repeat(&mut self) {
        self.repeated += 1;
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> NoticeKind {
        self.kind
    }

    /// Where it was found first.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.at
    }

    /// What was found and what follows from it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)?;
        match self.repeated {
            0 => Ok(()),
            1 => f.write_str(" (and once more below)"),
            times => write!(f, " (and {times} times more below)"),
        }
    }
}
