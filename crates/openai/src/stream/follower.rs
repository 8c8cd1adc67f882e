use super::{
    StreamError, StreamErrorKind,
    in_band::InBand,
    rule::ErrorRule,
    sieve::{Sieve, Stop},
};
use bytes::Bytes;
use headworks_core::{BoxError, Judged, Verdict};
use http::HeaderMap;
use std::collections::VecDeque;

const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// Follows a stream that has been handed on, and decides how it ends.
///
/// It does no I/O: it is told what comes, and says what is to be sent.
#[derive(Debug)]
pub(super) struct Follower {
    sieve: Sieve,
    rule: ErrorRule,
    /// What may be sent.
    queue: VecDeque<Bytes>,
    ending: Option<Result<(), StreamError>>,
}

// ===== impl Follower =====

impl Follower {
    /// Goes on where the holder left off, with what it has kept.
    pub(super) fn new(sieve: Sieve, kept: VecDeque<Bytes>, rule: ErrorRule) -> Self {
        let mut follower = Self {
            sieve,
            rule,
            queue: kept,
            ending: None,
        };
        follower.settle(None);
        follower
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.sieve.push(chunk, &mut self.queue);
        self.settle(None);
    }

    /// The stream has come to its end by itself.
    pub(super) fn end(&mut self) {
        self.sieve.end(&mut self.queue);
        self.settle(None);
        self.complete();
    }

    /// The stream has broken. An answer that is finished is whole all the same.
    pub(super) fn break_off(&mut self, error: BoxError) {
        self.sieve.break_off();
        self.settle(Some(error));
        self.complete();
    }

    /// What is to be sent next.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        self.queue.pop_front()
    }

    /// How the answer ends once all is sent that is to be; `None` while it goes on.
    pub(super) const fn ending(&self) -> Option<&Result<(), StreamError>> {
        self.ending.as_ref()
    }

    pub(super) const fn ends_in_error(&self) -> bool {
        matches!(self.ending, Some(Err(_)))
    }

    /// The error the answer ends with.
    pub(super) fn take_error(&mut self) -> Option<StreamError> {
        self.ending.replace(Ok(()))?.err()
    }

    /// How many bytes are known to follow.
    pub(super) fn queued(&self) -> u64 {
        self.queue.iter().map(|bytes| bytes.len() as u64).sum()
    }

    /// Tells of a failure, if there is one by now.
    fn settle(&mut self, source: Option<BoxError>) {
        let Some(stop) = self.sieve.stop().filter(|_| self.ending.is_none()) else {
            return;
        };
        let (kind, source) = match stop {
            Stop::Error(data) => {
                let error = InBand::of(data, self.sieve.protocol());
                // What the head has said of its time is no news by now.
                let verdict = self.rule.verdict(&error, &HeaderMap::new());
                let verdict = verdict.unwrap_or_else(|| error.verdict());
                let told = Judged::new(verdict, "an error event broke the answer off");
                (StreamErrorKind::InBand, Some(told.into()))
            }
            Stop::Malformed => (StreamErrorKind::Malformed, source),
            Stop::Cut => (StreamErrorKind::Cut, source),
        };
        let error = match source {
            Some(source) => StreamError::broken(kind, source),
            None => StreamError::new(kind),
        };
        // The provider has told of its own failure itself.
        if kind != StreamErrorKind::InBand {
            let (opening, events) = (self.sieve.opening(), self.sieve.events());
            let event = self.sieve.protocol().failure(&error, opening, events);
            self.queue.push_back(event);
        }
        // Known by now; and whoever is told of it need not wait for the end.
        self.sieve.reading().failed(Verdict::of_error(&error));
        self.ending = Some(Err(error));
    }

    fn complete(&mut self) {
        if self.ending.is_some() {
            return;
        }
        if self.sieve.protocol().ends_in_done() && !self.sieve.saw_done() {
            self.queue.push_back(DONE);
        }
        self.ending = Some(Ok(()));
    }
}
