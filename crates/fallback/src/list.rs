use headworks_core::Outcome;
use std::fmt;

/// The three lists of fallbacks, one for each kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum List {
    /// For whatever may succeed with another deployment and has not within the group.
    General,
    /// For prompts that do not fit the model's context window.
    ContextWindow,
    /// For prompts that the provider's content policy turned down.
    ContentPolicy,
}

// ===== impl List =====

impl List {
    /// Every list.
    pub const ALL: [Self; 3] = [Self::General, Self::ContextWindow, Self::ContentPolicy];

    /// The list that is for `outcome`; `None` for those that no other group is asked after: a success, a
    /// request that would be wrong everywhere, a client that left.
    #[must_use]
    pub const fn after(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::ContextTooLong => Some(Self::ContextWindow),
            Outcome::ContentRefused => Some(Self::ContentPolicy),
            outcome if outcome.may_succeed_elsewhere() => Some(Self::General),
            _ => None,
        }
    }

    /// Its key in `LiteLLM`'s configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::General => "fallbacks",
            Self::ContextWindow => "context_window_fallbacks",
            Self::ContentPolicy => "content_policy_fallbacks",
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_the_one_list_that_is_for_it() {
        for outcome in Outcome::ALL {
            let list = match outcome {
                Outcome::RateLimited
                | Outcome::Capacity
                | Outcome::ServerFault
                | Outcome::Transport
                | Outcome::Timeout
                | Outcome::Auth
                | Outcome::Misconfigured
                | Outcome::Unsuitable => Some(List::General),
                Outcome::ContextTooLong => Some(List::ContextWindow),
                Outcome::ContentRefused => Some(List::ContentPolicy),
                _ => None,
            };
            assert_eq!(List::after(outcome), list, "{outcome:?}");
        }
    }
}
