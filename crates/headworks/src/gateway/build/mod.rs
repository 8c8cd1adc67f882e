//! From a configuration to the stack: each setting to the layer that honours it.

mod endpoint;
mod error;
mod simulated;
mod subject;
mod target;

pub use error::BuildError;

use endpoint::endpoint;
use simulated::simulated;
use subject::subject;
use target::{key_of_variable, targets};

use super::{
    Gateway, Shared,
    discovery::Discovery,
    fallbacks,
    headers::DeploymentHeaders,
    info::Info,
    names::{Names, Shown},
    network::Network,
    plan::Plans,
    policy,
    quota::{LeftsBuilder, LimitPlan, Quotas, Sampling, Sharing, TokenCost},
    reach::Reach,
    secrets::Secrets,
    stack,
    standing::Stand,
    view::Views,
};
use crate::health::HealthBuilder;
use headworks_alias::Aliases;
use headworks_balance::{Balance, Groups, Strategy};
use headworks_breaker::Circuit;
use headworks_config::{Config, Deployment, RoutingStrategy};
use headworks_core::{Group, RequestedModel};
use headworks_limit::RateLimitLayer;
use headworks_provider::{
    Target,
    simulated::Simulated,
    verdict::{JudgeLayer, Overrule, SharedOverrule},
};
use http::HeaderValue;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::time::Instant;

/// Builds a [`Gateway`].
pub struct GatewayBuilder<'a> {
    config: &'a Config,
    metrics: Option<Box<dyn Fn() -> String + Send + Sync>>,
    mock_faults: bool,
    strategy: Option<Strategy>,
    overrule: SharedOverrule,
}

// ===== impl GatewayBuilder =====

impl<'a> GatewayBuilder<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            metrics: None,
            mock_faults: config.general.dangerously_allow_mock_testing_request_params,
            strategy: None,
            overrule: SharedOverrule::default(),
        }
    }

    /// Answers `GET /metrics` with what `render` writes, in Prometheus' text form. Default: 404, for a
    /// program that exports its metrics in another way.
    #[must_use]
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Box::new(render));
        self
    }

    /// Whether a request may ask to be failed, by `LiteLLM`'s `mock_testing_…` parameters. Default: what the
    /// configuration says (`dangerously_allow_mock_testing_request_params`); a listener on loopback may allow
    /// it, since nobody but the operator can ask.
    #[must_use]
    pub fn mock_faults(mut self, allowed: bool) -> Self {
        self.mock_faults = allowed;
        self
    }

    /// Chooses among the deployments of every group by a rule of the program's own: what `LiteLLM` does by
    /// subclassing its `CustomRoutingStrategyBase`. Default: what the configuration says.
    ///
    /// The rule chooses from those that may take the request, so that rests, limits, tags and the rest hold as
    /// for every strategy.
    ///
    /// ```
    /// use headworks::{Gateway, balance::{Candidates, Strategy}, config::Config};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), headworks::BoxError> {
    /// # let config = "model_list: [{model_name: m, litellm_params: {model: simulated/a}}]";
    /// # let config = Config::parse(config, "config.yaml")?.config;
    /// // Whoever has nothing to do, else the first.
    /// let idle_first = |candidates: &Candidates<'_>| {
    ///     let idle = candidates.iter().find(|(_, member)| member.state().in_flight() == 0);
    ///     idle.or_else(|| candidates.iter().next()).map(|(place, _)| place)
    /// };
    /// let gateway = Gateway::builder(&config).strategy(Strategy::picker(idle_first)).build()?;
    /// # drop(gateway);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Gives the program the last word on what a deployment's error means, by its status
    /// ([`Statuses`](headworks_provider::verdict::Statuses)) or by a closure: retries, fallbacks, rests, health
    /// checks and metrics all go by it. Default: what is known of the providers.
    ///
    /// ```
    /// use headworks::{Gateway, config::Config, core::Outcome, provider::verdict::Statuses};
    /// use http::StatusCode;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), headworks::BoxError> {
    /// # let config = "model_list: [{model_name: m, litellm_params: {model: simulated/a}}]";
    /// # let config = Config::parse(config, "config.yaml")?.config;
    /// // What stands in front of these deployments answers so when it is out of room.
    /// let statuses = Statuses::from_iter([(StatusCode::IM_A_TEAPOT, Outcome::Capacity)]);
    /// let gateway = Gateway::builder(&config).overrule(statuses).build()?;
    /// # drop(gateway);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn overrule(mut self, overrule: impl Overrule + Send + Sync + 'static) -> Self {
        self.overrule = SharedOverrule::new(overrule);
        self
    }

    /// The gateway.
    ///
    /// Deployments register their metrics here, so a recorder for the `metrics` facade must be installed
    /// before. The addresses of hosts are looked up in the background from here on, health is checked if that
    /// is asked for, and both end with the last clone of the gateway.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if a deployment's provider, URL or headers cannot be used.
    pub fn build(self) -> Result<Gateway, BuildError> {
        let config = self.config;
        let targets = targets(config)?;
        let network = Network::new(config)?;
        let checker = network.checker();
        let mut discovery = Discovery::default();
        let mut quotas = Quotas::new(config)?;
        let sampling = Sampling::begin(config).map_err(BuildError::Tokenizer)?;
        let mut lefts = LeftsBuilder::default();
        let mut checks = HealthBuilder::new(policy::health(config));

        let mut groups: BTreeMap<&Group, Vec<_>> = BTreeMap::new();
        let mut deployments = HashMap::new();
        let mut stands = HashMap::new();
        for (deployment, target) in config.deployments.iter().zip(&targets) {
            let circuit = Circuit::new(policy::breaker(config, deployment));
            let judge = JudgeLayer::new(target.provider())
                .longest_hint(config.headworks.longest_hint)
                .overrule(self.overrule.clone());
            let subject = subject(config, deployment, target, &circuit, &judge, &checker);
            let gate = checks.add(subject);
            let reach = match simulated(deployment, target) {
                Some(params) => Reach::from(Simulated::new(params)),
                None => network.reach(deployment, target, &mut discovery),
            };
            let quota = quotas.of(config, deployment);
            let account = deployment.info.quota_group.as_deref();
            lefts.add(&deployment.group, account, &quota);
            let mut limit = RateLimitLayer::new(quota.clone()).cost(TokenCost::new(
                &deployment.id,
                target.provider(),
                &quota,
                sampling.of(deployment, target),
            ));
            let by_hint = policy::rests_by_hint(config, deployment)
                .filter(|_| quotas.may_refuse(deployment, &quota));
            limit = match by_hint {
                Some(longest) => {
                    let quota = quota.clone();
                    limit.rest_by(move |verdict| policy::used_up(verdict, longest, &quota))
                }
                None if quotas.is_shared(deployment) => {
                    let circuit = circuit.clone();
                    limit.rest_by(move |verdict| circuit.told_to_rest(verdict, Instant::now()))
                }
                // Where nobody shares it, the breaker rests all there is to rest.
                None => limit.without_rests(),
            };
            let breaker = circuit.clone();
            let mut endpoint = endpoint(config, deployment, target, breaker, judge, limit, reach);
            let state = endpoint.member().state().clone();
            let stand = Stand::new(circuit, state, quota.clone());
            stands.insert(deployment.id.clone(), stand);
            if config.health_checks.routing {
                endpoint = endpoint.gate(gate);
            }
            if quotas.may_refuse(deployment, &quota) {
                endpoint = endpoint.gate(move || quota.standing(Instant::now()));
            }
            groups.entry(&deployment.group).or_default().push(endpoint);
            let known = headers(config, deployment, target);
            deployments.insert(deployment.id.clone(), known);
        }
        let configured = || strategy(config.router.routing_strategy);
        let strategy = self.strategy.unwrap_or_else(configured);
        let views = Views::of(config);
        let groups: Groups<_> = groups
            .into_iter()
            .map(|(group, endpoints)| {
                let strategy = views.strategy(group, strategy.clone());
                let balance = Balance::new(group.clone(), &strategy, endpoints);
                let balance = policy::when_nobody_takes_it(config, balance);
                (group.clone(), balance)
            })
            .collect();

        let pairs = config.aliases.iter();
        let pairs = pairs.map(|alias| (alias.name.as_str(), alias.model.as_str()));
        let aliases =
            Aliases::new(pairs, |name| groups.get(name).is_some()).map_err(BuildError::Aliases)?;
        let is_group = |name: &str| groups.get(name).is_some();
        let fallbacks = fallbacks::configured(config, &aliases, is_group)?;
        let shared = Shared {
            aliases: aliases.clone(),
            master_key: config.general.master_key.clone(),
            max_request_bytes: usize::try_from(config.max_request_size()).unwrap_or(usize::MAX),
            plans: Plans::new(config, &fallbacks),
            limits: LimitPlan::new(config),
            lefts: lefts.build(),
            views,
            total_timeout: config.headworks.total_timeout,
            stream_keepalive: config.headworks.stream_keepalive,
            mock_faults: self.mock_faults,
            names: names(config),
            info: Info::new(config, &targets),
            deployments,
            metrics: self.metrics,
            health: checks.build(),
            stands,
            discovery,
            sharing: Sharing::begin(config, quotas).map_err(BuildError::Redis)?,
            draining: AtomicBool::new(false),
        };
        Ok(Gateway {
            stack: stack::stack(aliases, fallbacks, policy::retries(config), groups),
            shared: Arc::new(shared),
        })
    }
}

impl fmt::Debug for GatewayBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBuilder").finish_non_exhaustive()
    }
}

fn headers(config: &Config, deployment: &Deployment, target: &Target) -> DeploymentHeaders {
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let empty = HeaderValue::from_static("");
    let key = deployment.api_key.clone();
    let key = key.or_else(|| key_of_variable(config, target.provider()));
    DeploymentHeaders {
        id: value(&deployment.id).unwrap_or_else(|| empty.clone()),
        model: value(&deployment.model).unwrap_or(empty),
        api_base: Some(target.api_base())
            .filter(|base| !base.is_empty())
            .and_then(value),
        secrets: Secrets::new(key.as_ref(), &deployment.extra_headers),
    }
}

fn names(config: &Config) -> Names {
    let groups = config.deployments.iter();
    let groups = groups.map(|deployment| (deployment.group.as_str(), Shown::Yes));
    let aliases = config.aliases.iter().map(|alias| {
        let shown = if alias.hidden {
            Shown::Hidden
        } else {
            Shown::Yes
        };
        (alias.name.as_str(), shown)
    });
    groups
        .chain(aliases)
        .map(|(name, shown)| (RequestedModel::from(name), shown))
        .collect()
}

fn strategy(strategy: RoutingStrategy) -> Strategy {
    match strategy {
        RoutingStrategy::RoundRobin => Strategy::RoundRobin,
        RoutingStrategy::LeastBusy => Strategy::LeastBusy,
        RoutingStrategy::LatencyBased => Strategy::LeastLatency,
        RoutingStrategy::UsageBased | RoutingStrategy::UsageBasedV2 => Strategy::LeastUsed,
        RoutingStrategy::CostBased => Strategy::Cheapest,
        // simple-shuffle, and whatever else the configuration may come to know.
        _ => Strategy::WeightedShuffle,
    }
}
