use headworks_core::{Hint, Outcome, Verdict};
use std::time::Duration;

/// When a circuit opens, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerPolicy {
    rules: Vec<(Outcome, Rule)>,
    pub(crate) consecutive: Option<u32>,
    pub(crate) share: Option<(f64, u32)>,
    pub(crate) window: Duration,
    pub(crate) cooldown: Duration,
    pub(crate) longest: Duration,
    pub(crate) longest_hint: Duration,
    pub(crate) jitter: f64,
    pub(crate) lone: bool,
}

/// What an outcome does to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The deployment is well.
    Success,
    /// Says nothing about the deployment.
    Neutral,
    /// A failure: opens the circuit when there are too many in a row, or too large a share of them.
    Counted,
    /// A failure: opens the circuit when there are more than so many failures in the window, of whichever
    /// outcome they are.
    Allowed(u32),
}

// ===== impl BreakerPolicy =====

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl BreakerPolicy {
    /// Opens after five failures in a row, or when more than half of at least five in a minute failed, and at
    /// once when rate limited or turned down; for 5 s at first and 60 s at most.
    ///
    /// The share, its minimum, the minute, the five seconds, and opening at once are `LiteLLM`'s defaults for
    /// a deployment that has siblings.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rules: Vec::new(),
            consecutive: Some(5),
            share: Some((0.5, 5)),
            window: Duration::from_secs(60),
            cooldown: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            longest_hint: Duration::from_secs(24 * 60 * 60),
            jitter: 0.1,
            lone: false,
        }
    }

    /// A circuit that never opens: `LiteLLM`'s `disable_cooldowns`.
    #[must_use]
    pub fn never() -> Self {
        let blamed = Outcome::ALL
            .into_iter()
            .filter(|o| o.blames_the_deployment());
        blamed.fold(Self::new(), |policy, outcome| {
            policy.rule(outcome, Rule::Neutral)
        })
    }

    /// Opens after so many failures in a row that are [`Rule::Counted`]; `None` looks at the share alone.
    /// Default: 5.
    #[must_use]
    pub fn consecutive(mut self, failures: impl Into<Option<u32>>) -> Self {
        self.consecutive = failures.into();
        self
    }

    /// Opens at a failure that is [`Rule::Counted`] if the failures are more than this share of what came in
    /// the window, and that was `minimum` or more. Default: 0.5 of at least 5.
    #[must_use]
    pub const fn share(mut self, share: f64, minimum: u32) -> Self {
        self.share = Some((share, minimum));
        self
    }

    /// How long failures and successes are remembered. Default: a minute.
    ///
    /// They are counted in ten slots: what is older than nine tenths of it may be forgotten already.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// What `outcome` does, in place of what it does by default.
    #[must_use]
    pub fn rule(mut self, outcome: Outcome, rule: Rule) -> Self {
        self.rules.retain(|(earlier, _)| *earlier != outcome);
        self.rules.push((outcome, rule));
        self
    }

    /// Opens at more than `fails` failures in the window, and by no other rule: `LiteLLM`'s `allowed_fails`.
    /// With [`rule`](Self::rule) after it, single outcomes may differ: `allowed_fails_policy`.
    #[must_use]
    pub fn allowed_fails(self, fails: u32) -> Self {
        let blamed = Outcome::ALL
            .into_iter()
            .filter(|o| o.blames_the_deployment());
        blamed.fold(self, |policy, outcome| {
            policy.rule(outcome, Rule::Allowed(fails))
        })
    }

    /// How long the circuit is open when it opens for the first time: `LiteLLM`'s `cooldown_time`. Zero lets
    /// the next request through at once, as a probe. Default: 5 s.
    #[must_use]
    pub const fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// What the cooldown grows to when openings follow each other. Default: 60 s; a cooldown above it stays
    /// what it is. With the [`jitter`](Self::jitter) on top that is the longest a deployment that gives no hint
    /// rests, 66 s by default: whoever is well again is probed by the first request after so long.
    #[must_use]
    pub const fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// The longest hint that is believed; of a longer one only so much. Default: a day, which is how long a
    /// spent daily quota may last.
    #[must_use]
    pub const fn longest_hint(mut self, longest: Duration) -> Self {
        self.longest_hint = longest;
        self
    }

    /// The most that is added to a cooldown at random, as a share of it from 0 to 1. Default: 0.1.
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        // `max` first: it makes zero of what is no number.
        self.jitter = jitter.max(0.0).min(1.0);
        self
    }

    /// For a deployment that nobody can stand in for, neither a sibling nor a fallback: it is never rested.
    /// When too many failures come in a row, of whichever outcome, it is asked one request at a time until one
    /// is answered. Default: false.
    #[must_use]
    pub const fn lone(mut self, lone: bool) -> Self {
        self.lone = lone;
        self
    }

    /// What `outcome` does.
    pub(crate) fn rule_of(&self, outcome: Outcome) -> Rule {
        let mut rules = self.rules.iter();
        let rule = match rules.find(|(ruled, _)| *ruled == outcome) {
            Some((_, rule)) => *rule,
            None => Self::default_rule(outcome),
        };
        match rule {
            Rule::Allowed(_) if self.lone => Rule::Counted,
            rule => rule,
        }
    }

    /// How long the provider has said that it is to be left alone, if this is somebody who rests.
    pub(crate) fn hint_of(&self, verdict: Verdict) -> Option<Duration> {
        let fails = matches!(
            self.rule_of(verdict.outcome),
            Rule::Counted | Rule::Allowed(_)
        );
        self.believed(verdict.hint).filter(|_| fails && !self.lone)
    }

    /// As much of a hint as is believed.
    pub(crate) fn believed(&self, hint: Option<Hint>) -> Option<Duration> {
        hint.map(|hint| hint.wait().min(self.longest_hint))
    }

    fn default_rule(outcome: Outcome) -> Rule {
        match outcome {
            Outcome::Success => Rule::Success,
            Outcome::RateLimited | Outcome::Auth | Outcome::Misconfigured => Rule::Allowed(0),
            outcome if outcome.blames_the_deployment() => Rule::Counted,
            _ => Rule::Neutral,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_deployments_own_faults_are_failures() {
        let policy = BreakerPolicy::new();
        for outcome in Outcome::ALL {
            let failure = matches!(policy.rule_of(outcome), Rule::Counted | Rule::Allowed(_));
            assert_eq!(failure, outcome.blames_the_deployment(), "{outcome:?}");
        }
    }

    #[test]
    fn the_last_rule_given_stands() {
        let policy = BreakerPolicy::new()
            .allowed_fails(3)
            .rule(Outcome::Timeout, Rule::Allowed(0))
            .rule(Outcome::CallerFault, Rule::Allowed(9));
        assert_eq!(policy.rule_of(Outcome::ServerFault), Rule::Allowed(3));
        assert_eq!(policy.rule_of(Outcome::Timeout), Rule::Allowed(0));
        assert_eq!(policy.rule_of(Outcome::CallerFault), Rule::Allowed(9));
        assert_eq!(policy.rule_of(Outcome::Success), Rule::Success);
    }
}
