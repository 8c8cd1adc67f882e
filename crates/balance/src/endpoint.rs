use crate::{Gate, Member, Params, State};
use headworks_core::DeploymentId;
use std::{fmt, sync::Arc, time::Duration};

/// One place a request may go, before it is part of a group: an id, a service that reaches it, and what the
/// choice goes by.
///
/// The service is cloned for each request it is given, so a clone must be cheap: a few reference counts.
#[derive(Clone)]
pub struct Endpoint<S> {
    pub(crate) member: Member,
    pub(crate) service: S,
}

// ===== impl Endpoint =====

impl<S> Endpoint<S> {
    /// The endpoint `id`, reached by `service`.
    pub fn new(id: impl Into<DeploymentId>, service: S) -> Self {
        let member = Member::new(id.into());
        Self { member, service }
    }

    /// Sets all that can be said about it.
    #[must_use]
    pub fn params(mut self, params: Params) -> Self {
        self.member.params = params;
        self
    }

    /// Sets [`Params::weight`]. What is negative or no number counts as zero.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.member.params.weight = Some(weight);
        self
    }

    /// Sets [`Params::rpm`].
    #[must_use]
    pub fn rpm(mut self, rpm: u64) -> Self {
        self.member.params.rpm = Some(rpm);
        self
    }

    /// Sets [`Params::tpm`].
    #[must_use]
    pub fn tpm(mut self, tpm: u64) -> Self {
        self.member.params.tpm = Some(tpm);
        self
    }

    /// Sets [`Params::cost`].
    #[must_use]
    pub fn cost(mut self, cost: f64) -> Self {
        self.member.params.cost = Some(cost);
        self
    }

    /// Sets [`Params::order`].
    #[must_use]
    pub fn order(mut self, order: i64) -> Self {
        self.member.params.order = Some(order);
        self
    }

    /// Sets [`Params::max_in_flight`].
    #[must_use]
    pub fn max_in_flight(mut self, max: usize) -> Self {
        self.member.params.max_in_flight = Some(max);
        self
    }

    /// Sets [`Params::slow_start`].
    #[must_use]
    pub fn slow_start(mut self, over: Duration) -> Self {
        self.member.params.slow_start = over;
        self
    }

    /// Sets [`Params::tags`].
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.member.params.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Params::max_input_tokens`].
    #[must_use]
    pub fn max_input_tokens(mut self, max: u64) -> Self {
        self.member.params.max_input_tokens = Some(max);
        self
    }

    /// Sets [`Params::region`].
    #[must_use]
    pub fn region(mut self, region: impl Into<Arc<str>>) -> Self {
        self.member.params.region = Some(region.into());
        self
    }

    /// Adds a gate; the endpoint takes requests while all its gates say so.
    #[must_use]
    pub fn gate(mut self, gate: impl Gate + 'static) -> Self {
        let gates = self.member.gates.iter().cloned();
        self.member.gates = gates.chain([Arc::new(gate) as Arc<dyn Gate>]).collect();
        self
    }

    /// Shares the state of an endpoint that stands for the same deployment elsewhere, in another group or
    /// before a reload. By default each endpoint has its own.
    #[must_use]
    pub fn state(mut self, state: Arc<State>) -> Self {
        self.member.state = state;
        self
    }

    /// What is known of it, but for the service.
    pub const fn member(&self) -> &Member {
        &self.member
    }

    /// The service.
    pub const fn get_ref(&self) -> &S {
        &self.service
    }

    /// The service.
    pub fn into_inner(self) -> S {
        self.service
    }

    /// Becomes `other`, but for the state.
    pub(crate) fn replace_by(&mut self, other: Self) {
        let state = self.member.state.clone();
        *self = other.state(state);
    }
}

impl<S> fmt::Debug for Endpoint<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}
