use crate::Verdict;
use std::{error::Error, fmt};

/// An error that brings its verdict along, where no other type of this crate says what it means: a fault
/// that is made up for a test, or one that only whoever raised it can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    verdict: Verdict,
    message: &'static str,
}

// ===== impl Judged =====

impl Judged {
    /// An error of this verdict, in a few fixed words.
    #[must_use]
    pub const fn new(verdict: Verdict, message: &'static str) -> Self {
        Self { verdict, message }
    }

    /// What it means.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl Error for Judged {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    #[test]
    fn its_verdict_is_taken_over() {
        let judged = Judged::new(Outcome::ContextTooLong.into(), "too long");
        assert_eq!(Verdict::of_error(&judged).outcome, Outcome::ContextTooLong);
    }
}
