use crate::{Backoff, Budget};
use headworks_core::{Attempts, DeploymentId, Group, Outcome, StatusClassifier};
use std::collections::HashMap;

/// When to try again: how often, after which answers, and how long to wait.
#[derive(Clone, Debug)]
pub struct RetryPolicy<C = StatusClassifier> {
    pub(crate) classifier: C,
    pub(crate) backoff: Backoff,
    pub(crate) budget: Option<Budget>,
    further: Further,
    groups: HashMap<Group, Further>,
    deployments: HashMap<DeploymentId, u32>,
}

/// How many further attempts may follow the first: a number for all outcomes, and others for some.
///
/// ```
/// use headworks_core::Outcome;
/// use headworks_retry::Further;
///
/// // Twice, but never after a timeout, and five times when rate limited.
/// let further = Further::new(2)
///     .after(Outcome::Timeout, 0)
///     .after(Outcome::RateLimited, 5);
/// # drop(further);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    number: u32,
    after: Vec<(Outcome, u32)>,
}

// ===== impl RetryPolicy =====

impl RetryPolicy {
    /// Up to so many attempts after the first, by the default classifier and [`Backoff`], without a
    /// [`Budget`].
    ///
    /// `LiteLLM`'s default for `num_retries` is 2, as is that of the SDKs.
    #[must_use]
    pub fn new(further: impl Into<Further>) -> Self {
        Self {
            classifier: StatusClassifier::default(),
            backoff: Backoff::new(),
            budget: None,
            further: further.into(),
            groups: HashMap::new(),
            deployments: HashMap::new(),
        }
    }
}

impl<C> RetryPolicy<C> {
    /// Judges answers by `classifier`.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> RetryPolicy<D> {
        RetryPolicy {
            classifier,
            backoff: self.backoff,
            budget: self.budget,
            further: self.further,
            groups: self.groups,
            deployments: self.deployments,
        }
    }

    /// How long to wait.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Bounds the retries of all requests together. One budget may serve several policies.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Other numbers for the requests of one group, by the [`Group`] in their extensions.
    #[must_use]
    pub fn group(mut self, group: impl Into<Group>, further: impl Into<Further>) -> Self {
        self.groups.insert(group.into(), further.into());
        self
    }

    /// Another number after a failure of one deployment: `LiteLLM`'s `litellm_params.num_retries`.
    ///
    /// It stands in for the number of the policy or of the group; what a request brings itself, and a number
    /// for just this outcome, come before it. Which deployment failed is what the ledger says.
    #[must_use]
    pub fn deployment(mut self, deployment: impl Into<DeploymentId>, further: u32) -> Self {
        self.deployments.insert(deployment.into(), further);
        self
    }

    /// Counts a request that begins, as its ledger has it. One that has fallen back to another group is the same
    /// request still: were it counted in each, an outage of several groups would earn itself a share of retries
    /// for every one of them.
    pub(crate) fn count(&self, ledger: &Attempts) {
        if let Some(budget) = self.budget.as_ref().filter(|_| ledger.fallbacks() == 0) {
            budget.deposit();
        }
    }

    /// The number given for failures of the deployment that was asked last.
    pub(crate) fn given_for(&self, ledger: &Attempts) -> Option<u32> {
        if self.deployments.is_empty() {
            return None;
        }
        self.deployments.get(&ledger.last_deployment()?).copied()
    }

    /// The most that any deployment is given.
    pub(crate) fn most_of_deployments(&self) -> u32 {
        self.deployments.values().copied().max().unwrap_or(0)
    }

    /// The numbers for a request of `group`.
    pub(crate) fn further(&self, group: Option<&Group>) -> &Further {
        group
            .filter(|_| !self.groups.is_empty())
            .and_then(|group| self.groups.get(group))
            .unwrap_or(&self.further)
    }
}

// ===== impl Further =====

impl Further {
    /// Up to `number` further attempts, after outcomes that may be others on another attempt.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self {
            number,
            after: Vec::new(),
        }
    }

    /// Another number after `outcome`, counted over all attempts of a request. One above zero makes even
    /// those outcomes worth another attempt that are handed on otherwise.
    ///
    /// With a number per class of error this is `LiteLLM`'s `retry_policy`.
    #[must_use]
    pub fn after(mut self, outcome: Outcome, number: u32) -> Self {
        self.after.retain(|(earlier, _)| *earlier != outcome);
        self.after.push((outcome, number));
        self
    }

    /// The number given for just this outcome.
    pub(crate) fn given_after(&self, outcome: Outcome) -> Option<u32> {
        let mut after = self.after.iter();
        after
            .find(|(given, _)| *given == outcome)
            .map(|(_, number)| *number)
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// The most attempts that may follow, whatever the outcomes, of a request with this `number`.
    pub(crate) fn most(&self, number: u32) -> u32 {
        let after = self.after.iter().map(|(_, number)| *number);
        after.fold(number, u32::max)
    }
}

impl From<u32> for Further {
    fn from(number: u32) -> Self {
        Self::new(number)
    }
}
