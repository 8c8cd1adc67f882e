use crate::{Fallback, Fallbacks};
use headworks_core::StatusClassifier;
use std::sync::Arc;
use tower_layer::Layer;

/// Leads requests from group to group. See the [crate docs](crate) for an example.
#[derive(Debug)]
pub struct FallbackLayer<C = StatusClassifier> {
    fallbacks: Fallbacks,
    classifier: Arc<C>,
}

// ===== impl FallbackLayer =====

impl FallbackLayer {
    /// A layer that goes by `fallbacks`, and judges answers by the default classifier.
    #[must_use]
    pub fn new(fallbacks: Fallbacks) -> Self {
        Self {
            fallbacks,
            classifier: Arc::default(),
        }
    }
}

impl<C> FallbackLayer<C> {
    /// Judges answers by `classifier`.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> FallbackLayer<D> {
        FallbackLayer {
            fallbacks: self.fallbacks,
            classifier: Arc::new(classifier),
        }
    }
}

impl<C> Clone for FallbackLayer<C> {
    fn clone(&self) -> Self {
        Self {
            fallbacks: self.fallbacks.clone(),
            classifier: self.classifier.clone(),
        }
    }
}

impl<C, S> Layer<S> for FallbackLayer<C> {
    type Service = Fallback<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Fallback::new(inner, self.fallbacks.clone(), self.classifier.clone())
    }
}
