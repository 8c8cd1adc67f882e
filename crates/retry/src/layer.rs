use crate::{Retry, RetryPolicy};
use headworks_core::StatusClassifier;
use std::sync::Arc;
use tower_layer::Layer;

/// Tries again. See the [crate docs](crate) for an example.
#[derive(Debug)]
pub struct RetryLayer<C = StatusClassifier> {
    policy: Arc<RetryPolicy<C>>,
}

// ===== impl RetryLayer =====

impl<C> RetryLayer<C> {
    /// A layer that goes by `policy`.
    #[must_use]
    pub fn new(policy: RetryPolicy<C>) -> Self {
        Self {
            policy: Arc::new(policy),
        }
    }
}

impl<C> Clone for RetryLayer<C> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
        }
    }
}

impl<C, S> Layer<S> for RetryLayer<C> {
    type Service = Retry<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(inner, self.policy.clone())
    }
}
