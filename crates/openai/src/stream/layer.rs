use super::{Commit, ToldError, rule::ErrorRule};
use headworks_core::{MOST_HELD, Verdict};
use std::time::Duration;
use tower_layer::Layer;

/// Applies [`Commit`]; see the [module](super).
///
/// The default hands on at the first token.
#[derive(Clone, Debug, Default)]
pub struct CommitLayer {
    until: Until,
    rule: ErrorRule,
}

/// Up to where an answer is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommitPoint {
    /// The first event with a piece of the answer in it, or with its finish. Neither a role nor a comment is
    /// one.
    #[default]
    FirstToken,
    /// The end of a stream that is whole.
    Complete,
}

/// The commit point, and how much is held at most for its sake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    pub(super) point: CommitPoint,
    pub(super) at_most: usize,
    pub(super) first_token: Option<Duration>,
}

// ===== impl CommitLayer =====

impl CommitLayer {
    /// Holds answers up to `point`, and of each at most [`CommitPoint::at_most`].
    #[must_use]
    pub const fn new(point: CommitPoint) -> Self {
        Self {
            until: Until::new(point),
            rule: ErrorRule::none(),
        }
    }

    /// Holds so many bytes of an answer at most. One that has more before its commit point is handed on there
    /// and then, as if it had reached it: an answer that was paid for is worth more than the promise.
    #[must_use]
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.until.at_most = bytes;
        self
    }
}

impl CommitLayer {
    /// Gives so much time to the first token of a stream, from `call` on; when it is up the attempt fails with
    /// [`Elapsed`](headworks_core::Elapsed) of [`Clock::FirstToken`](headworks_core::Clock::FirstToken).
    /// Default: no limit.
    ///
    /// A request that asks for a plain answer (its
    /// [`Timeouts::attempt_body`](headworks_core::Timeouts::attempt_body) is true) has no such clock, and an
    /// answer that is no event stream stops it with its head.
    #[must_use]
    pub fn first_token(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.until.first_token = time.into();
        self
    }

    /// Judges what a provider says of its failure in a good answer by `rule`, before the commit point and after it:
    /// for whoever knows the provider's errors, so that one that comes as an event means what it does as an answer.
    ///
    /// Default: before the commit point it becomes an answer with the status it names, 500 if it names none, and
    /// nobody has judged that yet; after it, it means what [that status
    /// does](headworks_core::Outcome::of_status), and is a failure of transport if it names none.
    #[must_use]
    pub fn judge_by(
        mut self,
        rule: impl Fn(&ToldError<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.rule = ErrorRule::new(rule);
        self
    }
}

impl<S> Layer<S> for CommitLayer {
    type Service = Commit<S>;

    fn layer(&self, inner: S) -> Commit<S> {
        Commit::with(inner, self.until, self.rule.clone())
    }
}

// ===== impl CommitPoint =====

impl CommitPoint {
    /// How many bytes of an answer are held by default: 256 KiB for the first token, before which there are
    /// a few events of some hundred bytes, or one that echoes the request; [`MOST_HELD`] for a whole
    /// answer, which a layer further out can keep as well.
    #[must_use]
    pub const fn at_most(self) -> usize {
        match self {
            Self::FirstToken => 256 * 1024,
            Self::Complete => MOST_HELD,
        }
    }
}

// ===== impl Until =====

impl Until {
    pub(super) const fn new(point: CommitPoint) -> Self {
        Self {
            point,
            at_most: point.at_most(),
            first_token: None,
        }
    }
}

impl Default for Until {
    fn default() -> Self {
        Self::new(CommitPoint::default())
    }
}
