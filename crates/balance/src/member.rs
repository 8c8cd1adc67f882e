use crate::{Params, State, hash};
use headworks_core::{DeploymentId, Reason};
use std::{fmt, sync::Arc, time::Duration};

/// What is known of an endpoint, as pickers, metrics and logs see it: everything but its service.
#[derive(Clone)]
pub struct Member {
    id: DeploymentId,
    pub(crate) params: Params,
    pub(crate) gates: Arc<[Arc<dyn Gate>]>,
    pub(crate) state: Arc<State>,
    hash: u64,
    /// Differs between an endpoint and the one that replaces it under the same id. Zero before it is part of
    /// a group.
    serial: u64,
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

// ===== impl Member =====

impl Member {
    pub(crate) fn new(id: DeploymentId) -> Self {
        Self {
            hash: hash::of(id.as_bytes()),
            id,
            params: Params::default(),
            gates: Arc::new([]),
            state: Arc::default(),
            serial: 0,
        }
    }

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

    /// How long it rests, if that is all there is to say against it.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let full = |max| self.state.in_flight() >= max;
        if self.params.max_in_flight.is_some_and(full) {
            return None;
        }
        let mut gates = self.gates.iter().map(|gate| gate.check());
        gates.try_fold(Duration::ZERO, |longest, gate| match gate {
            Ok(()) => Some(longest),
            Err(Reason::Resting(left)) => Some(left.max(longest)),
            Err(_) => None,
        })
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
    use crate::Endpoint;

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

    #[test]
    fn it_only_rests_if_no_gate_says_anything_else_and_it_has_room() {
        let secs = Duration::from_secs;
        let endpoint = Endpoint::new("a", ())
            .gate(|| Ok(()))
            .gate(move || Err(Reason::Resting(secs(3))))
            .gate(move || Err(Reason::Resting(secs(2))));
        assert_eq!(endpoint.member().rest(), Some(secs(3)));
        let full = endpoint.clone().max_in_flight(0);
        assert_eq!(full.member().rest(), None);
        let shut = endpoint.gate(|| Err(Reason::NotReady));
        assert_eq!(shut.member().rest(), None);
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
