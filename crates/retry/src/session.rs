use crate::{Backoff, Retries, RetryPolicy};
use headworks_core::{Attempts, Hint, Verdict};
use http::Extensions;
use std::time::Duration;
use tokio::time::Instant;

/// One request's way through its attempts: the decisions, without the service.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    ledger: Attempts,
    left: u32,
    waits: u32,
    longest_wait: Option<Duration>,
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
    /// Begins with what the request brings: its ledger, or a new one, and its [`Retries`].
    pub(crate) fn new<C>(policy: &RetryPolicy<C>, extensions: &Extensions) -> Self {
        let own: Retries = extensions.get().copied().unwrap_or_default();
        let further = own.further.unwrap_or(policy.further);
        let ledger = extensions.get().cloned();
        let ledger: Attempts = ledger.unwrap_or_else(|| Attempts::new(further));
        Self {
            left: further,
            ledger,
            waits: 0,
            longest_wait: own.longest_wait,
        }
    }

    pub(crate) const fn ledger(&self) -> &Attempts {
        &self.ledger
    }

    /// True if a further attempt may follow the one that is about to begin.
    pub(crate) fn may_continue(&self) -> bool {
        self.left > 0 && self.ledger.left() > 0
    }

    /// Decides on an answer, and takes the further attempt from the ledger if there is to be one.
    pub(crate) fn next(&mut self, backoff: &Backoff, verdict: Verdict, now: Instant) -> Next {
        if !self.may_continue() {
            return Next::HandOn;
        }
        let elsewhere = verdict.outcome.may_succeed_elsewhere() && self.ledger.others() > 0;
        let wait = if elsewhere {
            Some(Duration::ZERO)
        } else if verdict.outcome.may_succeed_here() {
            self.wait(backoff, verdict.hint)
        } else {
            None
        };
        let Some(at) = wait.and_then(|wait| now.checked_add(wait)) else {
            return Next::HandOn;
        };
        let in_time = self.ledger.deadline().is_none_or(|deadline| at < deadline);
        if !in_time || !self.ledger.claim_another() {
            return Next::HandOn;
        }
        self.left -= 1;
        self.waits += u32::from(!elsewhere);
        Next::Again(at)
    }

    /// How long to wait for the same deployment; `None` if that is too long.
    fn wait(&self, backoff: &Backoff, hint: Option<Hint>) -> Option<Duration> {
        let wait = match hint.map(Hint::wait) {
            Some(hint) if hint > backoff.longest_believed() => return None,
            Some(hint) => hint,
            // A generator of its own for each wait, forked off the thread's: no two requests share one.
            None => backoff.wait(self.waits, &mut fastrand::Rng::new()),
        };
        self.longest_wait
            .is_none_or(|longest| wait <= longest)
            .then_some(wait)
    }
}

#[cfg(test)]
mod tests;
