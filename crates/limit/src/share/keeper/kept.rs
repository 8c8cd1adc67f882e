use super::{IDLE, PAUSE, SELDOM};
use crate::{
    Quota,
    share::{Answer, Question, TRUST},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A quota that is kept, and what is known of whoever keeps it.
pub(super) struct Kept {
    pub(super) name: Arc<str>,
    pub(super) quota: Quota,
    pub(super) state: State,
    /// When the store was last told and asked of it.
    pub(super) last: Instant,
    /// Its last question was not answered, or too late for those who waited.
    missed: bool,
    /// From then on it goes by itself, unless an answer comes.
    alone_at: Instant,
}

/// What is known of the store, of one quota or of all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing yet.
    New,
    /// It does not answer, or not in time.
    Silent,
    /// It answers for some.
    Partly,
    /// It has answered once since.
    Back,
    Answering,
}

// ===== impl Kept =====

impl Kept {
    pub(super) fn new(name: Arc<str>, quota: Quota, now: Instant) -> Self {
        Self {
            name,
            quota,
            state: State::New,
            last: now,
            missed: true,
            alone_at: now,
        }
    }

    /// True if there is something to tell or to ask, or nothing was for so long that the store might forget.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        // A little early, so that those which are due about the same time are asked for together.
        let since = now.duration_since(self.last) + IDLE / 4;
        since >= IDLE && since >= self.pause() || self.quota.has_news()
    }

    /// Between two questions while nothing is wanted.
    pub(super) fn pause(&self) -> Duration {
        match self.quota.is_held() {
            true => IDLE,
            false => SELDOM,
        }
    }

    pub(super) fn question(&mut self, now: Instant) -> Question {
        let since = now.duration_since(self.last).max(PAUSE);
        self.last = now;
        self.quota.question(self.name.clone(), since, now)
    }

    pub(super) fn answered(
        &mut self,
        question: &Question,
        answer: &Answer,
        asked: Instant,
        is_late: bool,
    ) {
        self.quota.answered(question, answer, asked);
        // The first answer says that there is somebody.
        self.state = match self.state {
            State::Back | State::Answering => State::Answering,
            _ => State::Back,
        };
        if is_late {
            self.miss(asked);
        } else if self.state == State::Answering {
            (self.missed, self.alone_at) = (false, asked + TRUST);
        }
    }

    pub(super) fn unanswered(&mut self, question: &Question, asked: Instant) {
        self.quota.unanswered(question);
        self.state = State::Silent;
        self.miss(asked);
    }

    fn miss(&mut self, asked: Instant) {
        if !self.missed {
            self.missed = true;
            // However long ago it was asked for before, it is asked for once more before that.
            self.alone_at = self.alone_at.max(asked + TRUST / 2);
        }
    }

    /// True while it is not known whether the store is silent, or has only missed a question.
    pub(super) fn is_undecided(&self, now: Instant) -> bool {
        self.state == State::Back || self.missed && now < self.alone_at
    }
}

// ===== impl State =====

impl State {
    /// What is known of the store as a whole.
    pub(super) fn of(quotas: &[Kept]) -> Self {
        let some = |state| quotas.iter().any(|kept| kept.state == state);
        let all = |state| quotas.iter().all(|kept| kept.state == state);
        match some(Self::Silent) {
            true if all(Self::Silent) => Self::Silent,
            true => Self::Partly,
            false if some(Self::Back) => Self::Back,
            false => Self::Answering,
        }
    }
}
