use crate::{Choice, Scenario, deployment::Deployment};
use headworks_balance::{Balance, Endpoint, Registry};
use headworks_breaker::{Breaker, BreakerLayer, BreakerPolicy, Circuit};
use headworks_retry::{Retry, RetryLayer, RetryPolicy};
use headworks_timeout::{AttemptTimeout, AttemptTimeoutLayer};
use std::time::Duration;
use tokio::time::Instant;
use tower::{Layer, ServiceBuilder};

/// What stands in front of one deployment.
type Guarded = Breaker<AttemptTimeout<Deployment>>;

/// One instance of the gateway: the layers as they stand in the real one, as far as they have to do with the
/// choice.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) service: Retry<Balance<Guarded>>,
    registry: Registry<Guarded>,
}

// ===== impl Instance =====

impl Instance {
    /// An instance over these deployments, of which it knows nothing but what it sees itself.
    pub(crate) fn new(scenario: &Scenario, choice: Choice, deployments: &[Deployment]) -> Self {
        let gateway = &scenario.gateway;
        let endpoints = deployments.iter().zip(scenario.each()).enumerate();
        let endpoints = endpoints.map(|(number, (deployment, class))| {
            let circuit = Circuit::new(if gateway.breaker {
                BreakerPolicy::new()
            } else {
                BreakerPolicy::never()
            });
            let service = ServiceBuilder::new()
                .layer(BreakerLayer::new(circuit.clone()))
                .layer(AttemptTimeoutLayer::new(Duration::from_secs_f64(
                    gateway.timeout,
                )))
                .service(deployment.clone());
            let mut endpoint =
                Endpoint::new(id(number), service).gate(move || circuit.standing(Instant::now()));
            if let Some(weight) = class.weight {
                endpoint = endpoint.weight(weight);
            }
            if let Some(rpm) = class.told_rpm {
                endpoint = endpoint.rpm(rpm.into());
            }
            if let Some(cost) = class.cost {
                endpoint = endpoint.cost(cost);
            }
            if let Some(seconds) = gateway.slow_start {
                endpoint = endpoint.slow_start(Duration::from_secs_f64(seconds));
            }
            endpoint
        });
        let balance = Balance::new("lab", &choice.strategy(), endpoints);
        Self {
            registry: balance.registry().clone(),
            service: RetryLayer::new(RetryPolicy::new(gateway.retries)).layer(balance),
        }
    }

    /// Takes a deployment out of the configuration.
    pub(crate) fn remove(&self, number: usize) {
        self.registry.remove(&id(number));
    }
}

fn id(number: usize) -> String {
    number.to_string()
}
