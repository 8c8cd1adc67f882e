use crate::{State, hash};
use headworks_core::{DeploymentId, Reason};
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

/// What is known of an endpoint, as pickers, metrics and logs see it: everything but its service.
#[derive(Clone)]
pub struct Member {
    id: DeploymentId,
    params: Params,
    gates: Arc<[Arc<dyn Gate>]>,
    state: Arc<State>,
    hash: u64,
    /// Differs between an endpoint and the one that replaces it under the same id. Zero before it is part of
    /// a group.
    serial: u64,
}

/// What the operator has said about an endpoint.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Params {
    /// Its share relative to the others. Zero is a standby: chosen when nobody with a weight may be.
    pub weight: Option<f64>,
    /// Requests a minute it is good for; its share where nobody who may be chosen has a weight.
    pub rpm: Option<u64>,
    /// Tokens a minute it is good for; its share where nobody who may be chosen has a weight or an `rpm`.
    pub tpm: Option<u64>,
    /// Its tier: the lowest with a candidate is asked, those without an order last. Default: none.
    pub order: Option<i64>,
    /// The most requests in flight at a time. Default: no limit.
    pub max_in_flight: Option<usize>,
    /// How long it takes until it has its whole share, when it is new in a group that has others or is back
    /// from a rest. Default: 5 s; zero is at once.
    pub slow_start: Duration,
    /// What it may be asked for by; see [`Tags`](crate::Tags). Default: none.
    pub tags: Arc<[Box<str>]>,
    /// The longest prompt it takes, in tokens. Default: not known, which is any.
    pub max_input_tokens: Option<u64>,
    /// Where it is. Default: not known, which is none that can be asked for.
    pub region: Option<Arc<str>>,
}

/// Says whether an endpoint takes requests at this moment: a circuit breaker, a quota, a maintenance switch.
///
/// Asked on every choice the endpoint is drawn in, so an answer should cost no more than an atomic load.
/// Implemented by every `Fn() -> Result<(), Reason>`.
pub trait Gate: Send + Sync {
    /// `Ok` if it does.
    ///
    /// # Errors
    ///
    /// Why it does not.
    fn check(&self) -> Result<(), Reason>;
}

// ===== impl Endpoint =====

impl<S> Endpoint<S> {
    /// The endpoint `id`, reached by `service`.
    pub fn new(id: impl Into<DeploymentId>, service: S) -> Self {
        let id = id.into();
        let member = Member {
            hash: hash::of(id.as_bytes()),
            id,
            params: Params::default(),
            gates: Arc::new([]),
            state: Arc::default(),
            serial: 0,
        };
        Self { member, service }
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

// ===== impl Member =====

impl Member {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &DeploymentId {
        &self.id
    }

    /// What the operator has said about it.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// What goes on there: requests in flight, for one.
    #[must_use]
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// `Ok` if it takes requests at this moment.
    ///
    /// # Errors
    ///
    /// The reason of the first of its gates that is shut, or [`Reason::Full`].
    pub fn check(&self) -> Result<(), Reason> {
        for gate in self.gates.iter() {
            gate.check().inspect_err(|reason| {
                if matches!(reason, Reason::Resting(_)) {
                    self.state.rests();
                }
            })?;
        }
        self.state.wakes();
        match self.params.max_in_flight {
            Some(max) if self.state.in_flight() >= max => Err(Reason::Full),
            _ => Ok(()),
        }
    }

    /// The part of its share that it takes: 1 but for a slow start.
    #[must_use]
    pub fn ramp(&self) -> f64 {
        self.state.ramp(self.params.slow_start)
    }

    /// The id as a number, the same on every machine.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) const fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) const fn enroll(&mut self, serial: u64) {
        self.serial = serial;
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("id", &self.id)
            .field("params", &self.params)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

// ===== impl Params =====

impl Default for Params {
    fn default() -> Self {
        Self {
            weight: None,
            rpm: None,
            tpm: None,
            order: None,
            max_in_flight: None,
            // Long enough for connections and caches to fill, and short enough that its share is back well
            // within ten seconds.
            slow_start: Duration::from_secs(5),
            tags: Arc::new([]),
            max_input_tokens: None,
            region: None,
        }
    }
}

// ===== impl Gate =====

impl<F> Gate for F
where
    F: Fn() -> Result<(), Reason> + Send + Sync,
{
    fn check(&self) -> Result<(), Reason> {
        self()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_takes_requests_while_all_its_gates_say_so_and_it_has_room() {
        let endpoint = Endpoint::new("a", ()).gate(|| Ok(())).max_in_flight(1);
        assert_eq!(endpoint.member().check(), Ok(()));
        assert!(endpoint.member().state().try_begin(None));
        assert_eq!(endpoint.member().check(), Err(Reason::Full));

        let resting = Reason::Resting(Duration::from_secs(3));
        let endpoint = endpoint.gate(move || Err(resting));
        assert_eq!(endpoint.member().check(), Err(resting));
    }

    #[tokio::test(start_paused = true)]
    async fn one_whose_gate_said_that_it_rests_is_back_slowly() {
        let until = tokio::time::Instant::now() + Duration::from_secs(3);
        let endpoint = Endpoint::new("a", ())
            .slow_start(Duration::from_secs(10))
            .gate(move || {
                let left = until.saturating_duration_since(tokio::time::Instant::now());
                if left.is_zero() {
                    Ok(())
                } else {
                    Err(Reason::Resting(left))
                }
            });
        let member = endpoint.member();
        assert_eq!(member.ramp(), 1.0);
        assert!(member.check().is_err());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(member.check().is_ok());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(member.ramp(), 0.5);
    }
}
