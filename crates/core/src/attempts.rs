use crate::{DeploymentId, Group, NotAdmitted, Reason, Verdict};
use parking_lot::Mutex;
use std::{fmt, sync::Arc};
use tokio::time::Instant;

/// The most attempts and the most exclusions one ledger records; what comes after is counted, not kept.
const MAX_RECORDS: usize = 64;

/// The ledger of one request: where it was tried, why there, how each try ended, by when it must be answered,
/// and how many attempts are left in all.
///
/// An extension of the request, shared by every layer that sees it and by every copy a retry makes. *N*
/// further attempts, shared by all groups the request comes to, and *M* further groups, each of which is
/// asked once without drawing on the attempts, are at most `1 + N + M` attempts: a plan of a known length, and
/// never a product. A group that was fallen back to is asked even when the one before has used up all of *N*.
///
/// Who writes what: whoever sends a request a further time to its group asks
/// [`claim_another`](Self::claim_another) first, and whoever sends it to another group
/// [`claim_fallback`](Self::claim_fallback); whoever chooses a deployment calls [`begin`](Self::begin) and [`end`](Self::end); the total timeout calls
/// [`shorten_deadline`](Self::shorten_deadline).
#[derive(Clone)]
pub struct Attempts(Arc<Mutex<Ledger>>);

struct Ledger {
    left: u32,
    fallbacks: u32,
    /// `None` until somebody plans for some.
    fallbacks_left: Option<u32>,
    begun: u32,
    others: usize,
    deadline: Option<Instant>,
    attempts: Vec<Attempt>,
    passed_over: Vec<PassedOver>,
}

/// One attempt, as the ledger keeps it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The group it was made for.
    pub group: Group,
    /// Where it went.
    pub deployment: DeploymentId,
    /// Why there.
    pub why: Why,
    /// When it began.
    pub began: Instant,
    /// How it ended; `None` while it runs.
    pub verdict: Option<Verdict>,
    /// When that was known; `None` while it runs.
    pub ended: Option<Instant>,
}

/// A deployment that was not a candidate for an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassedOver {
    /// Which attempt it was not a candidate for, counted from 0.
    pub attempt: u32,
    /// Who.
    pub deployment: DeploymentId,
    /// Why not.
    pub reason: Reason,
}

/// Why a deployment was chosen: a few fixed words, such as the strategy's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Why(&'static str);

/// Names an attempt within its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptNumber(u32);

// ===== impl Attempts =====

impl Attempts {
    /// A ledger for a request that may be sent once and `further` times more, whichever groups it comes to;
    /// not counting the first attempt in a group it falls back to, for which there is
    /// [`plan_fallbacks`](Self::plan_fallbacks).
    #[must_use]
    pub fn new(further: u32) -> Self {
        Self(Arc::new(Mutex::new(Ledger {
            left: further,
            fallbacks: 0,
            fallbacks_left: None,
            begun: 0,
            others: 0,
            deadline: None,
            attempts: Vec::new(),
            passed_over: Vec::new(),
        })))
    }

    /// Takes one of the further attempts; false when none is left.
    #[must_use]
    pub fn claim_another(&self) -> bool {
        let mut ledger = self.0.lock();
        let left = ledger.left.checked_sub(1);
        ledger.left = left.unwrap_or(0);
        left.is_some()
    }

    /// How many further attempts are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.0.lock().left
    }

    /// Lets the request go on to as many as `most` groups after its first. A plan that stands already is
    /// left as it is, so that two layers that fall back, one within the other, share one.
    pub fn plan_fallbacks(&self, most: u32) {
        self.0.lock().fallbacks_left.get_or_insert(most);
    }

    /// Takes one of the further groups; false when none is left, or none was planned for.
    ///
    /// The next attempt is made for another group, so the [`others`](Self::others) of the last one are
    /// forgotten.
    #[must_use]
    pub fn claim_fallback(&self) -> bool {
        let mut ledger = self.0.lock();
        let Some(left) = ledger.fallbacks_left.and_then(|left| left.checked_sub(1)) else {
            return false;
        };
        ledger.fallbacks_left = Some(left);
        ledger.fallbacks += 1;
        ledger.others = 0;
        true
    }

    /// How many groups the request has gone on to after its first.
    #[must_use]
    pub fn fallbacks(&self) -> u32 {
        self.0.lock().fallbacks
    }

    /// How many more it may go on to.
    #[must_use]
    pub fn fallbacks_left(&self) -> u32 {
        self.0.lock().fallbacks_left.unwrap_or(0)
    }

    /// Records that an attempt goes to `deployment`, and that there are `others` where the request has not
    /// been and may go next.
    ///
    /// A request that outgrows the record (64 attempts) is counted on but no longer remembered.
    #[must_use = "an attempt is recorded as running until its number is given to `end`"]
    pub fn begin(
        &self,
        group: &Group,
        deployment: &DeploymentId,
        why: Why,
        others: usize,
    ) -> AttemptNumber {
        let mut ledger = self.0.lock();
        let number = AttemptNumber(ledger.begun);
        ledger.begun += 1;
        ledger.others = others;
        if ledger.attempts.len() < MAX_RECORDS {
            ledger.attempts.push(Attempt {
                group: group.clone(),
                deployment: deployment.clone(),
                why,
                began: Instant::now(),
                verdict: None,
                ended: None,
            });
        }
        number
    }

    /// Records how an attempt ended. The first verdict stands.
    pub fn end(&self, attempt: AttemptNumber, verdict: Verdict) {
        let mut ledger = self.0.lock();
        let attempt = ledger.attempts.get_mut(attempt.0 as usize);
        if let Some(attempt) = attempt.filter(|attempt| attempt.verdict.is_none()) {
            attempt.verdict = Some(verdict);
            attempt.ended = Some(Instant::now());
        }
    }

    /// Takes back an attempt that was begun and never made, since its deployment did not admit the request: it
    /// is then among those that were passed over. Whoever chose it may begin another in its place.
    ///
    /// Another attempt that has begun meanwhile leaves it on record, as ended with the verdict of the reason.
    pub fn withdraw(&self, attempt: AttemptNumber, why: NotAdmitted) {
        let mut ledger = self.0.lock();
        if ledger.begun != attempt.0 + 1 {
            drop(ledger);
            self.end(attempt, Verdict::of_error(&why));
            return;
        }
        ledger.begun = attempt.0;
        ledger.others = 0;
        let record = (ledger.attempts.len() > attempt.0 as usize).then(|| ledger.attempts.pop());
        drop(ledger);
        if let Some(record) = record.flatten() {
            self.pass_over(&record.deployment, why.reason());
        }
    }

    /// Records that `deployment` was not a candidate for the attempt that is about to begin.
    pub fn pass_over(&self, deployment: &DeploymentId, reason: Reason) {
        let mut ledger = self.0.lock();
        let attempt = ledger.begun;
        if ledger.passed_over.len() < MAX_RECORDS {
            ledger.passed_over.push(PassedOver {
                attempt,
                deployment: deployment.clone(),
                reason,
            });
        }
    }

    /// True if an attempt of this request went to `deployment`.
    #[must_use]
    pub fn tried(&self, deployment: &DeploymentId) -> bool {
        let ledger = self.0.lock();
        ledger.attempts.iter().any(|a| a.deployment == *deployment)
    }

    /// How the last attempt on `deployment` ended, if there was one and it has.
    #[must_use]
    pub fn last_verdict(&self, deployment: &DeploymentId) -> Option<Verdict> {
        let ledger = self.0.lock();
        let mut attempts = ledger.attempts.iter().rev();
        attempts.find(|a| a.deployment == *deployment)?.verdict
    }

    /// Where the last attempt went that is on record, if there was one.
    #[must_use]
    pub fn last_deployment(&self) -> Option<DeploymentId> {
        let ledger = self.0.lock();
        let last = ledger.attempts.last()?;
        Some(last.deployment.clone())
    }

    /// How many attempts have begun.
    #[must_use]
    pub fn begun(&self) -> u32 {
        self.0.lock().begun
    }

    /// How many others there were, when the last attempt's deployment was chosen, where the request had not
    /// been. While it is above zero a retry has somewhere new to go and need not wait.
    #[must_use]
    pub fn others(&self) -> usize {
        self.0.lock().others
    }

    /// By when the request must be answered, if there is a limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.lock().deadline
    }

    /// Sets the deadline, unless an earlier one stands.
    pub fn shorten_deadline(&self, deadline: Instant) {
        let mut ledger = self.0.lock();
        ledger.deadline = Some(ledger.deadline.map_or(deadline, |d| d.min(deadline)));
    }

    /// Shows `f` each attempt so far, oldest first, without copying them.
    ///
    /// The ledger is locked meanwhile: `f` must not ask it anything.
    pub fn for_each(&self, f: impl FnMut(&Attempt)) {
        self.0.lock().attempts.iter().for_each(f);
    }

    /// The attempts so far, oldest first.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.0.lock().attempts.clone()
    }

    /// Who was not a candidate, for which attempt, and why.
    #[must_use]
    pub fn passed_over(&self) -> Vec<PassedOver> {
        self.0.lock().passed_over.clone()
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.0.lock();
        f.debug_struct("Attempts")
            .field("left", &ledger.left)
            .field("fallbacks", &ledger.fallbacks)
            .field("fallbacks_left", &ledger.fallbacks_left)
            .field("deadline", &ledger.deadline)
            .field("attempts", &ledger.attempts)
            .field("passed_over", &ledger.passed_over)
            .finish_non_exhaustive()
    }
}

// ===== impl Why =====

impl Why {
    /// A reason in a few fixed words.
    #[must_use]
    pub const fn new(words: &'static str) -> Self {
        Self(words)
    }

    /// The words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests;
