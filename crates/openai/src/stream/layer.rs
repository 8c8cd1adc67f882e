use super::Commit;
use headworks_core::MOST_HELD;
use std::time::Duration;
use tower_layer::Layer;

/// Applies [`Commit`]; see the [module](super).
///
/// The default hands on at the first token.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommitLayer {
    until: Until,
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
}

impl<S> Layer<S> for CommitLayer {
    type Service = Commit<S>;

    fn layer(&self, inner: S) -> Commit<S> {
        Commit::with(inner, self.until)
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
