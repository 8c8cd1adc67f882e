use crate::Backoff;
use headworks_core::StatusClassifier;
use std::time::Duration;

/// When to try again: how often, after which answers, and how long to wait.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy<C = StatusClassifier> {
    pub(crate) further: u32,
    pub(crate) backoff: Backoff,
    pub(crate) classifier: C,
}

/// What this one request is given in retries, where it differs from the policy.
///
/// An extension of the request. `None` leaves the policy's own value in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// How many further attempts may follow the first (`num_retries`).
    pub further: Option<u32>,
    /// The longest single wait, whether a hint asks for it or the backoff; what would wait longer hands on
    /// the answer instead. Zero where somebody further out, a fallback, has better to do than to wait.
    pub longest_wait: Option<Duration>,
}

// ===== impl RetryPolicy =====

impl RetryPolicy {
    /// Up to `further` attempts after the first, by the default classifier and [`Backoff`].
    ///
    /// `LiteLLM`'s default for `num_retries` is 2, as is that of the SDKs.
    #[must_use]
    pub fn new(further: u32) -> Self {
        Self {
            further,
            backoff: Backoff::new(),
            classifier: StatusClassifier::default(),
        }
    }
}

impl<C> RetryPolicy<C> {
    /// How long to wait.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Judges answers by `classifier`.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> RetryPolicy<D> {
        RetryPolicy {
            further: self.further,
            backoff: self.backoff,
            classifier,
        }
    }
}
