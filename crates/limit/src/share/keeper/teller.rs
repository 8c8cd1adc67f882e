use super::{OnChange, State};
use crate::share::StoreError;
use std::sync::Arc;

/// Tells of each change of the store once.
pub(super) struct Teller {
    tell: Arc<OnChange>,
    told: State,
    /// Why it is silent, as far as that has been told.
    reasons: Vec<String>,
}

/// Reasons that are told of one silence at most: a server that gives another one each time would be told of without end.
const REASONS: usize = 8;

// ===== impl Teller =====

impl Teller {
    pub(super) const fn new(tell: Arc<OnChange>) -> Self {
        Self {
            tell,
            told: State::New,
            reasons: Vec::new(),
        }
    }

    /// It answers for all quotas.
    pub(super) fn answers(&mut self) {
        if self.changes(State::Answering) {
            (self.tell)(Ok(()));
        }
    }

    /// It answers for none, or not in time.
    pub(super) fn is_silent(&mut self, error: &StoreError) {
        if self.changes(State::Silent) | self.is_news(error) {
            (self.tell)(Err(error));
        }
    }

    /// It does not answer for so many `of` all quotas.
    pub(super) fn is_silent_for(&mut self, silent: usize, of: usize, error: &StoreError) {
        if self.changes(State::Partly) | self.is_news(error) {
            let error = StoreError::new(format!("{error}, for {silent} of {of} quotas"));
            (self.tell)(Err(&error));
        }
    }

    fn changes(&mut self, state: State) -> bool {
        let changes = state != self.told;
        if changes {
            self.told = state;
            self.reasons.clear();
        }
        changes
    }

    fn is_news(&mut self, error: &StoreError) -> bool {
        let reason = error.to_string();
        let is_news = self.reasons.len() < REASONS && !self.reasons.contains(&reason);
        if is_news {
            self.reasons.push(reason);
        }
        is_news
    }
}
