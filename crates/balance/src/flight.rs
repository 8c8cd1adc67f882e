use crate::{
    State,
    load::{Form, FramesOrText, Trial, Units},
};
use bytes::Buf;
use headworks_core::{
    AttemptNumber, Attempts, End, Finish, GuardedBody, NotAdmitted, Outcome, Verdict, Watch,
};
use std::{error::Error, sync::Arc};

/// The body of an answer that has come through a [`Balance`](crate::Balance).
pub type ResponseBody<B> = GuardedBody<B, Flight>;

/// One attempt under way: it counts in the state of its deployment until the end, and the ledger is told
/// once how it ended.
#[derive(Debug)]
pub struct Flight {
    state: Arc<State>,
    /// `None` once the ledger has been told, or if there is none.
    record: Option<(Attempts, AttemptNumber)>,
    /// What its latency tells, if somebody asks for that.
    trial: Option<Trial>,
    /// Of the head; before it, the attempt would have been cancelled.
    verdict: Verdict,
    /// Whether the state has been told.
    judged: bool,
}

// ===== impl Flight =====

impl Flight {
    /// Takes over an attempt that `state` has counted already.
    pub(crate) fn new(state: Arc<State>, record: Option<(Attempts, AttemptNumber)>) -> Self {
        Self {
            trial: Trial::begin(&state),
            state,
            record,
            verdict: Outcome::Cancelled.into(),
            judged: false,
        }
    }

    /// The head has come. A failure is the verdict at once, so that a retry finds it in the ledger; of a
    /// success it remains to be seen.
    pub(crate) fn head(&mut self, verdict: Verdict, form: Form) {
        self.verdict = verdict;
        if let Some(trial) = &mut self.trial {
            trial.head(&self.state, form, verdict);
        }
        if verdict.outcome != Outcome::Success {
            self.judge(verdict);
            self.record(verdict);
        }
    }

    /// No head will come.
    pub(crate) fn error(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.judge(verdict);
        self.record(verdict);
    }

    /// Tells the state, once, whether the deployment failed.
    fn judge(&mut self, verdict: Verdict) {
        let failed = verdict.outcome.blames_the_deployment();
        if (failed || verdict.outcome == Outcome::Success) && !self.judged {
            self.state.ended(failed);
            self.judged = true;
        }
    }

    /// The request has come back: there was no attempt.
    pub(crate) fn withdraw(&mut self, why: NotAdmitted) {
        self.trial = None;
        self.judged = true;
        if let Some((attempts, number)) = self.record.take() {
            attempts.withdraw(number, why);
        }
    }

    fn record(&mut self, verdict: Verdict) {
        if let Some((attempts, number)) = self.record.take() {
            attempts.end(number, verdict);
        }
    }
}

impl Finish for Flight {
    fn finish(mut self, end: End) {
        let verdict = self.verdict.at_end(end);
        if let Some(trial) = self.trial.take() {
            trial.end(&self.state, verdict);
        }
        self.judge(verdict);
        self.state.end();
        self.record(verdict);
    }
}

impl<D: Buf> Watch<D> for Flight {
    fn asked(&mut self) {
        if let Some(trial) = &mut self.trial {
            trial.asked();
        }
    }

    fn data(&mut self, data: &D) {
        if let Some(trial) = &mut self.trial {
            let units = FramesOrText.count(data, trial.form());
            trial.data(&self.state, units);
        }
    }

    fn failed(&mut self, error: &(dyn Error + 'static)) {
        if self.verdict.outcome == Outcome::Success {
            self.verdict = Verdict::of_error(error);
        }
    }
}
