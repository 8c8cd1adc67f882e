use headworks_core::Outcome;
use http::StatusCode;

/// What a word or a phrase stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This outcome, whatever the status.
    Is(Outcome),
    /// A quota of a day or more is used up.
    Daily,
    /// The account is empty, or at the limit its owner set.
    Spent,
}

// ===== impl Meaning =====

impl Meaning {
    /// The outcome, at a status if there is one. Spent is as the status tells it, a quota (429) or an account
    /// that was turned down; both rest long.
    pub(super) fn outcome(self, status: Option<StatusCode>) -> Outcome {
        match self {
            Self::Is(outcome) => outcome,
            Self::Daily => Outcome::RateLimited,
            Self::Spent => match status {
                None | Some(StatusCode::TOO_MANY_REQUESTS) => Outcome::RateLimited,
                Some(_) => Outcome::Auth,
            },
        }
    }

    /// True if nobody need ask again soon.
    pub(super) const fn is_long(self) -> bool {
        matches!(self, Self::Daily | Self::Spent)
    }
}
