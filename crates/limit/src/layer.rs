use crate::{Quota, RateLimit, RequestsOnly, rests::Rests};
use headworks_core::{StatusClassifier, Verdict};
use std::{sync::Arc, time::Duration};
use tower_layer::Layer;

/// Keeps a [`Quota`] in front of one deployment. See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
pub struct RateLimitLayer<C = RequestsOnly, K = StatusClassifier> {
    quota: Quota,
    cost: C,
    classifier: K,
    rests: Rests,
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
            rests: Rests::default(),
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

    /// Leaves the quota open whatever the provider says: for a deployment nobody can stand in for. By default it
    /// rests, for everybody who shares it, after an answer that blames the deployment and says for how long.
    #[must_use]
    pub fn without_rests(mut self) -> Self {
        self.rests = Rests::Never;
        self
    }

    /// Rests the quota, for everybody who shares it, for as long as `rule` says of a verdict that is no success,
    /// in place of the default: for whoever knows more of when to rest, as a breaker further in, which has been
    /// told of the verdict by then.
    #[must_use]
    pub fn rest_by(
        mut self,
        rule: impl Fn(Verdict) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.rests = Rests::By(Arc::new(rule));
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
            rests: self.rests.clone(),
        }
    }
}
