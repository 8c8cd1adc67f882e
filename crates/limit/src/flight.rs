use crate::{Reservation, Tally, Tokens, rests::Rests};
use bytes::Buf;
use headworks_core::{Answer, End, Finish, GuardedBody, Outcome, Verdict, Watch};
use std::{error::Error, io::IoSlice};

/// The body of an answer that has come through a [`RateLimit`](crate::RateLimit).
pub type ResponseBody<B, T> = GuardedBody<B, Flight<T>>;

/// How many pieces of one frame are looked at. A frame is one piece almost always.
const PIECES: usize = 16;

/// One admitted request, whose cost is accounted for at its end.
#[derive(Debug)]
pub struct Flight<T> {
    reservation: Reservation,
    tally: T,
    /// Of the head; before it, the request would have been cancelled.
    outcome: Outcome,
    rests: Rests,
    /// It was admitted though the quota rests.
    anyway: bool,
}

// ===== impl Flight =====

impl<T: Tally> Flight<T> {
    pub(crate) const fn new(
        reservation: Reservation,
        tally: T,
        rests: Rests,
        anyway: bool,
    ) -> Self {
        Self {
            reservation,
            tally,
            outcome: Outcome::Cancelled,
            rests,
            anyway,
        }
    }

    pub(crate) fn head(&mut self, head: Answer<'_>, verdict: Verdict) {
        self.outcome = verdict.outcome;
        self.tally.head(head);
        if verdict.outcome == Outcome::Success {
            if self.anyway {
                self.reservation.wake();
            }
        } else if let Some(rest) = self.rests.after(verdict) {
            self.reservation.rest(rest);
        }
    }

    /// It was turned away further in, and never sent.
    pub(crate) fn refund(self) {
        self.reservation.refund();
    }
}

impl<T: Tally> Finish for Flight<T> {
    fn finish(self, end: End) {
        let estimate = self.reservation.tokens();
        let actual = match self.outcome {
            Outcome::Success => self.tally.total(end, estimate).unwrap_or(estimate),
            // A policy that struck when the answer was there already has let it cost something, and it says so.
            Outcome::ContentRefused => self.tally.total(end, estimate).unwrap_or(Tokens::NONE),
            failed => of_failure(failed, estimate),
        };
        self.reservation.settle(actual);
    }
}

impl<T: Tally, D: Buf> Watch<D> for Flight<T> {
    fn data(&mut self, data: &D) {
        if !matches!(self.outcome, Outcome::Success | Outcome::ContentRefused) {
            return;
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let filled = data.chunks_vectored(&mut pieces);
        for piece in &pieces[..filled] {
            self.tally.follow(piece);
        }
    }

    fn failed(&mut self, error: &(dyn Error + 'static)) {
        // What the head said has been acted on; what it could not say is said here.
        if self.outcome == Outcome::Success
            && let Some(rest) = self.rests.after(Verdict::of_error(error))
        {
            self.reservation.rest(rest);
        }
    }
}

/// What a request has cost that has failed: its prompt, where the provider may have worked on it, and nothing
/// where it has turned it down.
const fn of_failure(outcome: Outcome, estimate: Tokens) -> Tokens {
    match outcome {
        Outcome::Cancelled | Outcome::Timeout | Outcome::Transport => {
            Tokens::new(estimate.input, 0)
        }
        _ => Tokens::NONE,
    }
}
