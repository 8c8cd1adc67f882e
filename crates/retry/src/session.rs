use crate::{Backoff, Retries, RetryPolicy};
use headworks_core::{Attempts, Group, Hint, Verdict};
use http::Extensions;
use std::time::Duration;
use tokio::time::Instant;

/// One request's way through its attempts: the decisions, without the service.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    ledger: Attempts,
    group: Option<Group>,
    own: Retries,
    /// The most attempts that may follow the first, whatever their outcomes.
    most: u32,
    /// How many have followed it, and how many of these after a wait.
    used: u32,
    waits: u32,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It goes to the client.
    HandOn,
    /// Another attempt begins at this moment, which may have come already.
    Again(Instant),
}

// ===== impl Session =====

impl Session {
    /// Begins with what the request brings: its ledger, or a new one, its group, and its [`Retries`].
    pub(crate) fn new<C>(policy: &RetryPolicy<C>, extensions: &Extensions) -> Self {
        let group: Option<Group> = extensions.get().cloned();
        let own: Retries = extensions.get().copied().unwrap_or_default();
        let further = policy.further(group.as_ref());
        let most = match own.further {
            Some(0) => 0,
            Some(number) => further.most(number),
            // Whose failures these will be remains to be seen.
            None => further
                .most(further.number())
                .max(policy.most_of_deployments()),
        };
        let ledger = extensions.get().cloned();
        Self {
            ledger: ledger.unwrap_or_else(|| Attempts::new(most)),
            group,
            own,
            most,
            used: 0,
            waits: 0,
        }
    }

    pub(crate) const fn ledger(&self) -> &Attempts {
        &self.ledger
    }

    /// By when the request must be answered, if that is known.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.ledger.deadline()
    }

    /// True if a further attempt may follow the one that is about to begin.
    pub(crate) fn may_continue(&self) -> bool {
        self.used < self.most && self.ledger.left() > 0
    }

    /// Decides on an answer. If there is to be a further attempt it is taken from the budget and the ledger.
    pub(crate) fn next<C>(
        &mut self,
        policy: &RetryPolicy<C>,
        verdict: Verdict,
        now: Instant,
    ) -> Next {
        let Some(wait) = self.wait(policy, verdict) else {
            return Next::HandOn;
        };
        let Some(at) = now.checked_add(wait) else {
            return Next::HandOn;
        };
        let in_time = self.deadline().is_none_or(|deadline| at < deadline);
        if !in_time
            || !policy.budget.as_ref().is_none_or(crate::Budget::withdraw)
            || !self.ledger.claim_another()
        {
            return Next::HandOn;
        }
        self.used += 1;
        self.waits += u32::from(!wait.is_zero());
        Next::Again(at)
    }

    /// How long until another attempt may begin, as far as this request alone is concerned; `None` for never.
    fn wait<C>(&self, policy: &RetryPolicy<C>, verdict: Verdict) -> Option<Duration> {
        if !self.may_continue() {
            return None;
        }
        let outcome = verdict.outcome;
        let further = policy.further(self.group.as_ref());
        let given = further.given_after(outcome);
        let number = given
            .or(self.own.further)
            .or_else(|| policy.given_for(&self.ledger))
            .unwrap_or(further.number());
        if self.used >= number {
            return None;
        }
        let asked_for = given.is_some();
        if (asked_for || outcome.may_succeed_elsewhere()) && self.ledger.others() > 0 {
            Some(Duration::ZERO)
        } else if asked_for || outcome.may_succeed_here() {
            self.wait_here(&policy.backoff, verdict.hint)
        } else {
            None
        }
    }

    /// How long to wait for the same deployment; `None` if that is too long.
    fn wait_here(&self, backoff: &Backoff, hint: Option<Hint>) -> Option<Duration> {
        // A quota of a day, a spend limit: whatever wait came with it, nobody waits that out.
        if hint.is_some_and(Hint::is_long) {
            return None;
        }
        let wait = match hint.map(Hint::wait) {
            Some(hint) if hint > backoff.longest_believed() => return None,
            Some(hint) => hint,
            // A generator of its own for each wait, forked off the thread's: no two requests share one.
            None => backoff.wait(self.waits, &mut fastrand::Rng::new()),
        };
        let longest = self.own.longest_wait;
        longest
            .is_none_or(|longest| wait <= longest)
            .then_some(wait)
    }
}

#[cfg(test)]
mod tests;
