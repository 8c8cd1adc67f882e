use crate::{DeploymentId, Group, Reason, Verdict};
use parking_lot::Mutex;
use std::{fmt, sync::Arc};
use tokio::time::Instant;

/// The most attempts and the most exclusions one ledger records; what comes after is counted, not kept.
const MAX_RECORDS: usize = 64;

/// The ledger of one request: where it was tried, why there, how each try ended, by when it must be answered,
/// and how many attempts are left in all.
///
/// An extension of the request, shared by every layer that sees it and by every copy a retry makes. Because
/// retries and fallbacks draw on the same count, *N* retries and *M* fallbacks are a plan of a known length
/// and never a product.
///
/// Who writes what: whoever sends a request a further time asks [`claim_another`](Self::claim_another) first;
/// whoever chooses a deployment calls [`begin`](Self::begin) and [`end`](Self::end); the total timeout calls
/// [`shorten_deadline`](Self::shorten_deadline).
#[derive(Clone)]
pub struct Attempts(Arc<Mutex<Ledger>>);

struct Ledger {
    left: u32,
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
    /// A ledger for a request that may be sent once and `further` times more, in all.
    #[must_use]
    pub fn new(further: u32) -> Self {
        Self(Arc::new(Mutex::new(Ledger {
            left: further,
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

    /// Records that an attempt goes to `deployment`, and that `others` would have been candidates too.
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
            });
        }
        number
    }

    /// Records how an attempt ended. The first verdict stands.
    pub fn end(&self, attempt: AttemptNumber, verdict: Verdict) {
        let mut ledger = self.0.lock();
        if let Some(attempt) = ledger.attempts.get_mut(attempt.0 as usize) {
            attempt.verdict.get_or_insert(verdict);
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

    /// How many attempts have begun.
    #[must_use]
    pub fn begun(&self) -> u32 {
        self.0.lock().begun
    }

    /// How many other candidates there were when the last attempt's deployment was chosen. While it is above
    /// zero a retry has somewhere new to go and need not wait.
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
mod tests {
    use super::*;
    use crate::Outcome;
    use std::time::Duration;

    const WHY: Why = Why::new("test");

    #[test]
    fn copies_draw_on_one_count() {
        let attempts = Attempts::new(1);
        let copy = attempts.clone();
        assert!(attempts.claim_another());
        assert!(!copy.claim_another());
        assert_eq!(copy.left(), 0);
    }

    #[test]
    fn the_first_verdict_stands() {
        let attempts = Attempts::new(0);
        let (group, id) = (Group::from("g"), DeploymentId::from("d"));
        let first = attempts.begin(&group, &id, WHY, 0);
        assert_eq!(attempts.last_verdict(&id), None);
        attempts.end(first, Outcome::Capacity.into());
        attempts.end(first, Outcome::Cancelled.into());
        assert_eq!(attempts.last_verdict(&id), Some(Outcome::Capacity.into()));
    }

    #[test]
    fn attempts_are_shown_oldest_first() {
        let attempts = Attempts::new(1);
        for id in ["a", "b"] {
            let number = attempts.begin(&"g".into(), &id.into(), WHY, 0);
            attempts.end(number, Outcome::Capacity.into());
        }
        let mut seen = Vec::new();
        attempts.for_each(|attempt| seen.push(attempt.deployment.as_str().to_owned()));
        assert_eq!(seen, ["a", "b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_only_ever_shortens() {
        let attempts = Attempts::new(0);
        let now = Instant::now();
        let (near, far) = (now + Duration::from_secs(1), now + Duration::from_secs(9));
        attempts.shorten_deadline(far);
        attempts.shorten_deadline(near);
        attempts.shorten_deadline(far);
        assert_eq!(attempts.deadline(), Some(near));
    }

    #[test]
    fn the_record_is_bounded_and_the_count_goes_on() {
        let attempts = Attempts::new(0);
        let (group, id) = (Group::from("g"), DeploymentId::from("d"));
        for _ in 0..100 {
            attempts.pass_over(&id, Reason::Tried);
            let number = attempts.begin(&group, &id, WHY, 0);
            attempts.end(number, Outcome::Capacity.into());
        }
        assert_eq!(attempts.begun(), 100);
        assert_eq!(attempts.attempts().len(), MAX_RECORDS);
        assert_eq!(attempts.passed_over().len(), MAX_RECORDS);
    }
}
