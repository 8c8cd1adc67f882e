use super::{
    CommitPoint, StreamErrorKind,
    follower::Follower,
    in_band::InBand,
    protocol::Protocol,
    reading::Reading,
    rule::ErrorRule,
    sieve::{Sieve, Stop},
};
use bytes::Bytes;
use std::collections::VecDeque;

/// Decides when a stream is handed on, or that it never is.
///
/// It does no I/O: it is told what comes, and says what is to be done.
#[derive(Debug)]
pub(super) struct Holder {
    sieve: Sieve,
    kept: VecDeque<Bytes>,
    held: usize,
    at_most: usize,
    point: CommitPoint,
}

/// What becomes of a stream that is held.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It is held on to.
    More,
    /// It is handed on.
    Commit,
    /// It is none: the provider's error is the answer.
    Refused(InBand),
    /// It has failed.
    Failed(StreamErrorKind),
}

// ===== impl Holder =====

impl Holder {
    pub(super) fn new(
        protocol: Protocol,
        point: CommitPoint,
        at_most: usize,
        hides_usage: bool,
    ) -> Self {
        Self {
            sieve: Sieve::new(protocol, hides_usage),
            kept: VecDeque::new(),
            held: 0,
            at_most,
            point,
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, chunk: Bytes) -> Held {
        self.held += chunk.len();
        self.sieve.push(chunk, &mut self.kept);
        self.decide()
    }

    /// The stream has come to its end by itself.
    pub(super) fn end(&mut self) -> Held {
        self.sieve.end(&mut self.kept);
        match self.decide() {
            Held::More => Held::Commit,
            decided => decided,
        }
    }

    /// The stream has broken.
    pub(super) fn break_off(&mut self) -> Held {
        self.sieve.break_off();
        match self.decide() {
            Held::More => Held::Commit,
            decided => decided,
        }
    }

    /// What is read, for those further out.
    pub(super) const fn reading(&self) -> &Reading {
        self.sieve.reading()
    }

    /// True once a piece of the answer has come, or its finish.
    pub(super) const fn saw_content(&self) -> bool {
        self.sieve.saw_content()
    }

    /// True if the answer was withheld by the content policy before any of it is handed on. What comes in
    /// one piece with words that came first is taken as it would be if they had come alone.
    pub(super) fn is_withheld(&self) -> bool {
        match self.point {
            CommitPoint::FirstToken => self.sieve.withheld() == Some(0),
            CommitPoint::Complete => self.sieve.withheld().is_some(),
        }
    }

    /// What follows the stream from here on, and judges an error in it by `rule`.
    pub(super) fn into_follower(self, rule: ErrorRule) -> Follower {
        Follower::new(self.sieve, self.kept, rule)
    }

    fn decide(&self) -> Held {
        if self.point == CommitPoint::FirstToken && self.sieve.saw_content() {
            return Held::Commit;
        }
        match self.sieve.stop() {
            Some(Stop::Error(data)) => Held::Refused(InBand::of(data, self.sieve.protocol())),
            Some(Stop::Malformed) => Held::Failed(StreamErrorKind::Malformed),
            Some(Stop::Cut) if self.sieve.events() == 0 => Held::Failed(StreamErrorKind::Empty),
            Some(Stop::Cut) => Held::Failed(StreamErrorKind::Cut),
            None if self.held > self.at_most => Held::Commit,
            None => Held::More,
        }
    }
}
