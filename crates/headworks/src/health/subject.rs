use super::Probe;
use crate::{
    breaker::Circuit,
    provider::{
        Target,
        verdict::{JudgeLayer, SharedOverrule},
    },
};
use headworks_core::{DeploymentId, Group};
use std::{fmt, time::Duration};

/// A deployment to check.
pub struct Subject<S> {
    pub(super) id: DeploymentId,
    pub(super) group: Group,
    pub(super) model: String,
    pub(super) target: Target,
    pub(super) circuit: Circuit,
    pub(super) service: S,
    pub(super) judge: JudgeLayer<SharedOverrule>,
    pub(super) probe: Probe,
    pub(super) background: bool,
    pub(super) timeout: Option<Duration>,
}

// ===== impl Subject =====

impl<S> Subject<S> {
    /// The deployment `id` of `group`, which lives at `target`, is asked by `service`, and whose requests
    /// `circuit` admits.
    ///
    /// The service is an HTTP client with a pool of its own, as a rule: a check over a connection that a
    /// client's request has just opened does not show that another can be opened.
    pub fn new(
        id: impl Into<DeploymentId>,
        group: impl Into<Group>,
        target: Target,
        circuit: Circuit,
        service: S,
    ) -> Self {
        Self {
            id: id.into(),
            group: group.into(),
            model: target.model().to_owned(),
            judge: JudgeLayer::new(target.provider()).overrule(SharedOverrule::default()),
            target,
            circuit,
            service,
            probe: Probe::Models,
            background: true,
            timeout: None,
        }
    }

    /// What it is called in reports: `LiteLLM`'s `model`, with the provider's prefix. Default: the name the
    /// provider knows.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// How its answers are judged: as those to clients, if the findings are to be of one mind with them.
    /// Default: by what is known of its provider.
    #[must_use]
    pub fn judge(mut self, judge: JudgeLayer<SharedOverrule>) -> Self {
        self.judge = judge;
        self
    }

    /// What a check asks. Default: [`Probe::Models`].
    #[must_use]
    pub fn probe(mut self, probe: Probe) -> Self {
        self.probe = probe;
        self
    }

    /// Whether it is among those checked in the background: not with `disable_background_health_check`.
    /// Default: true.
    #[must_use]
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// How long its check may take: `health_check_timeout`. Default: what the policy says.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }
}

impl<S> fmt::Debug for Subject<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("id", &self.id)
            .field("group", &self.group)
            .field("target", &self.target)
            .field("probe", &self.probe)
            .finish_non_exhaustive()
    }
}
