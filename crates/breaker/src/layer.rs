use crate::{Breaker, Circuit};
use headworks_core::StatusClassifier;
use tower_layer::Layer;

/// Rests what is within while it fails. See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
pub struct BreakerLayer<C = StatusClassifier> {
    circuit: Circuit,
    classifier: C,
}

// ===== impl BreakerLayer =====

impl BreakerLayer {
    /// A layer that goes by `circuit` and the default classifier.
    #[must_use]
    pub fn new(circuit: Circuit) -> Self {
        Self {
            circuit,
            classifier: StatusClassifier::default(),
        }
    }
}

impl<C> BreakerLayer<C> {
    /// Judges answers by `classifier`.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> BreakerLayer<D> {
        BreakerLayer {
            circuit: self.circuit,
            classifier,
        }
    }

    /// The circuit it goes by.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

impl<C: Clone, S> Layer<S> for BreakerLayer<C> {
    type Service = Breaker<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Breaker::new(inner, self.circuit.clone(), self.classifier.clone())
    }
}
