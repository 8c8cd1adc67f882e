//! Active checks: is a deployment well, before a client has to find out?
//!
//! [`Health`] asks each deployment for what costs no tokens: the list of its models, with its own credentials,
//! over a connection of its own; or, where that is asked for, for a small [`Completion`]. It keeps what it found, with the time and the reason, answers `GET /health`
//! from it in `LiteLLM`'s shape, and if it is told to, steers requests by it.
//!
//! # Difference from its neighbour
//!
//! The [`breaker`](crate::breaker) learns from what clients met, costs nothing, and knows about completions. A
//! check learns without a client, and knows only what a list of models has in common with a completion: that
//! the place can be reached, answers, and takes the key. The two are kept from contradicting each other:
//!
//! | what was found | what follows |
//! |---|---|
//! | sick, others of the group are well | with [`routing`](HealthPolicy::routing) its [`HealthGate`] shuts, and the failure counts in its circuit |
//! | sick, nobody else is left | nothing: the last one is never taken out |
//! | well, having been sick | the gate opens, and a circuit that is open is closed by this success as its probe |
//! | well all along, while its circuit is open | nothing: what ails it (a quota, completions alone) is out of a check's sight, and a hint is not cut short |
//! | well after a whole completion | a circuit that is open is closed |
//!
//! # What is sick
//!
//! What the [one classifier](crate::provider::verdict) blames the deployment for: no connection, no answer in
//! time, 401 to 403, 429, 5xx. A server that knows no such list (404, 405, 501) is there, and is well. With
//! [`ignore_transient`](HealthPolicy::ignore_transient) a 429 or 408 says nothing.
//!
//! # When
//!
//! In the background, if that is switched on: the first round is spread over the first seconds, each deployment
//! then keeps a pace of its own, and what is sick is looked after sooner. Otherwise on request. Never more than
//! [`concurrency`](HealthPolicy::concurrency) at a time.
//!
//! # Where it belongs in the stack
//!
//! Beside it: a check passes no layer but the [`Judge`](crate::provider::verdict::Judge) and the credentials,
//! so that it is neither metered, nor admitted, nor retried. What it finds enters the stack in two places, the
//! deployment's gate in [`balance`](crate::balance) and its [`Circuit`](crate::breaker::Circuit).
//!
//! # Example
//!
//! ```
//! use headworks::{
//!     balance::Gate,
//!     breaker::{BreakerPolicy, Circuit},
//!     core::BoxError,
//!     health::{HealthBuilder, HealthPolicy, Subject},
//!     provider::Target,
//! };
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::service_fn;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // In place of an HTTP client: Tokyo is down.
//! let client = service_fn(async |request: Request<Full<Bytes>>| {
//!     let down = request.uri().host() == Some("tokyo.example.com");
//!     let response = Response::builder().status(if down { 503 } else { 200 });
//!     response.body(Full::<Bytes>::default())
//! });
//! let mut checks = HealthBuilder::new(HealthPolicy::new());
//! for id in ["paris", "tokyo"] {
//!     let target = Target::builder("hosted_vllm/llama").api_base(format!("https://{id}.example.com/v1"));
//!     let circuit = Circuit::new(BreakerPolicy::new());
//!     // The gate is handed to the deployment's `Endpoint`.
//!     let gate = checks.add(Subject::new(id, "llama", target.build()?, circuit, client.clone()));
//!     assert!(gate.check().is_ok());
//! }
//! let health = checks.build();
//!
//! let report = health.report(Some("model=llama")).await;
//! let report: serde_json::Value = serde_json::from_slice(&report)?;
//! assert_eq!(report["healthy_endpoints"][0]["model_id"], "paris");
//! assert_eq!(report["unhealthy_endpoints"][0]["error"], "status 503: capacity");
//! # Ok(())
//! # }
//! ```

mod check;
mod finding;
mod gate;
mod policy;
mod probe;
mod record;
mod report;
mod rounds;
mod schedule;
mod subject;
mod wards;

#[cfg(test)]
mod tests;

pub use self::{
    finding::{Finding, Sickness},
    gate::HealthGate,
    policy::HealthPolicy,
    probe::{Completion, Probe},
    report::ReportFuture,
    subject::Subject,
};

use self::{
    gate::Peers,
    record::Record,
    rounds::Rounds,
    wards::{Wards, Watched},
};
use bytes::Bytes;
use headworks_core::{BoxError, DeploymentId, Group};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use std::{collections::HashMap, fmt, sync::Arc};
use tower::Service;

/// Collects the deployments to check.
#[derive(Debug)]
pub struct HealthBuilder {
    policy: HealthPolicy,
    watched: Vec<Watched>,
    groups: HashMap<Group, Peers>,
}

/// The health of every deployment, as far as checks can tell.
///
/// Checks in the background end when it is dropped.
pub struct Health {
    wards: Arc<Wards>,
    /// Held for its drop.
    _rounds: Option<Rounds>,
}

// ===== impl HealthBuilder =====

impl HealthBuilder {
    /// No deployments yet.
    #[must_use]
    pub fn new(policy: HealthPolicy) -> Self {
        Self {
            policy,
            watched: Vec::new(),
            groups: HashMap::new(),
        }
    }

    /// Adds a deployment. What it is given back is the deployment's gate, which is open unless the policy says
    /// that checks in the background steer requests.
    ///
    /// The gate must be the endpoint's of the same deployment, and all deployments of a group be added here:
    /// the last one that is left is told by who was added.
    pub fn add<S, B>(&mut self, subject: Subject<S>) -> HealthGate
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<BoxError> + Send,
    {
        let peers = self.groups.entry(subject.group.clone()).or_default();
        let record = Arc::new(Record::new(subject.id, subject.circuit.clone()));
        let gate = HealthGate::new(record, peers.clone(), &self.policy);
        self.watched.push(Watched {
            group: subject.group,
            model: subject.model,
            api_base: subject.target.api_base().to_owned(),
            circuit: subject.circuit,
            background: subject.background && self.policy.background,
            thorough: matches!(subject.probe, Probe::Completion(_)),
            check: check::new(
                subject.service,
                subject.target,
                &subject.judge,
                subject.probe,
                subject.timeout.unwrap_or(self.policy.timeout),
            ),
            gate: gate.clone(),
        });
        gate
    }

    /// Begins to check in the background, if the policy says so.
    ///
    /// # Panics
    ///
    /// With checks in the background, outside of a tokio runtime with time enabled.
    #[must_use]
    pub fn build(self) -> Health {
        let wards = Arc::new(Wards::new(self.policy, self.watched));
        Health {
            _rounds: wards.policy().background.then(|| Rounds::begin(&wards)),
            wards,
        }
    }
}

// ===== impl Health =====

impl Health {
    /// The answer to `GET /health`: `LiteLLM`'s object of `healthy_endpoints`, `unhealthy_endpoints` and their
    /// counts, as JSON. `query` is the request's; its `model` narrows the answer to the deployments whose own
    /// model that is, or else to those of the group of that name.
    ///
    /// With checks in the background it tells what they found last; only what they have not come to yet is
    /// checked now, and those that opted out are left out. Without, all are checked now. Dropping the future
    /// ends the checks that it began.
    ///
    /// No key, no header and nothing of what a provider wrote is in it.
    pub fn report(&self, query: Option<&str>) -> ReportFuture {
        ReportFuture::new(self.wards.clone(), query)
    }

    /// What was found of a deployment last; `None` if it is not known or was not checked yet.
    #[must_use]
    pub fn finding(&self, id: &DeploymentId) -> Option<Finding> {
        let watched = self.wards.watched().iter();
        let mut records = watched.map(|watched| watched.gate.record());
        records.find(|record| record.id() == id)?.last()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("policy", self.wards.policy())
            .field("watched", &self.wards.watched())
            .finish_non_exhaustive()
    }
}
