use crate::{Quota, RateLimit, RequestsOnly};
use headworks_core::StatusClassifier;
use tower_layer::Layer;

/// Keeps a [`Quota`] in front of one deployment. See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
pub struct RateLimitLayer<C = RequestsOnly, K = StatusClassifier> {
    quota: Quota,
    cost: C,
    classifier: K,
    rests: bool,
}

// ===== impl RateLimitLayer =====

impl RateLimitLayer {
    /// Counts requests against `quota`, and judges answers by their status.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self {
            quota,
            cost: RequestsOnly,
            classifier: StatusClassifier::default(),
            rests: true,
        }
    }
}

impl<C, K> RateLimitLayer<C, K> {
    /// Asks `cost` what requests cost. Default: [`RequestsOnly`].
    #[must_use]
    pub fn cost<D>(self, cost: D) -> RateLimitLayer<D, K> {
        RateLimitLayer {
            quota: self.quota,
            cost,
            classifier: self.classifier,
            rests: self.rests,
        }
    }

    /// Leaves the quota open when the provider says that it is used up, and when it will not be: for a
    /// deployment nobody can stand in for. By default it rests as long, for everybody who shares it.
    #[must_use]
    pub const fn without_rests(mut self) -> Self {
        self.rests = false;
        self
    }

    /// The quota it keeps.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Judges answers by `classifier`: what has failed costs less. Default: [`StatusClassifier`].
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> RateLimitLayer<C, D> {
        RateLimitLayer {
            quota: self.quota,
            cost: self.cost,
            classifier,
            rests: self.rests,
        }
    }
}

impl<S, C: Clone, K: Clone> Layer<S> for RateLimitLayer<C, K> {
    type Service = RateLimit<S, C, K>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit {
            inner,
            quota: self.quota.clone(),
            cost: self.cost.clone(),
            classifier: self.classifier.clone(),
            rests: self.rests,
        }
    }
}
