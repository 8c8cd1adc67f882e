use crate::{Permit, fault};
use headworks_core::{End, Finish, GuardedBody, Outcome, Verdict, Watch};
use std::error::Error;
use tokio::time::Instant;

/// The body of an answer that has come through a [`Breaker`](crate::Breaker).
pub type BreakerBody<B> = GuardedBody<B, Flight>;

/// One attempt under way, of which the circuit is told how it ends.
#[derive(Debug)]
pub struct Flight {
    /// `None` once the circuit has been told all there is to tell.
    permit: Option<Permit>,
}

// ===== impl Flight =====

impl Flight {
    pub(crate) const fn new(permit: Permit) -> Self {
        Self {
            permit: Some(permit),
        }
    }

    /// The head of the answer, or the error that came instead, has this verdict.
    pub(crate) fn head(&mut self, verdict: Verdict) {
        if verdict.outcome == Outcome::Success {
            if let Some(permit) = &mut self.permit {
                permit.succeed_for_now(Instant::now());
            }
        } else if let Some(permit) = self.permit.take() {
            permit.record(verdict, Instant::now());
        }
    }
}

impl Finish for Flight {
    fn finish(self, end: End) {
        if let Some(permit) = self.permit
            && end == End::Failed
        {
            let verdict = Verdict::from(Outcome::Success).at_end(end);
            permit.record(verdict, Instant::now());
        }
    }
}

impl<D> Watch<D> for Flight {
    fn failed(&mut self, error: &(dyn Error + 'static)) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        // A head of any other verdict has been told already.
        if fault::is_nobodys(error) {
            drop(permit);
        } else {
            permit.record(Verdict::of_error(error), Instant::now());
        }
    }
}
