//! From a configuration to the stack: each setting to the layer that honours it.

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
    quota::{Quotas, Sharing, TokenCost},
    reach::Reach,
    stack::{self, CheckClient},
    standing::Stand,
    view::Views,
};
use crate::{
    health::{Completion, HealthBuilder, Probe, Subject},
    meter::{Labels, MeterLayer, Meters},
};
use headworks_alias::{AliasError, Aliases};
use headworks_balance::{Balance, Endpoint, Groups, State, Strategy};
use headworks_breaker::Circuit;
use headworks_config::{
    Commit, Config, Deployment, Error as ConfigError, HealthCheck, Problem, RoutingStrategy,
};
use headworks_core::{Group, RequestedModel, Secret};
use headworks_fallback::FallbackError;
use headworks_limit::RateLimitLayer;
use headworks_openai::stream::{CommitLayer, CommitPoint};
use headworks_provider::{
    Provider, Target, TargetBuilder, TargetError,
    simulated::{Params, Simulated},
};
use headworks_timeout::{AttemptTimeoutLayer, StreamTimeoutLayer};
use http::{HeaderValue, StatusCode};
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fmt, io,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::time::Instant;

/// Builds a [`Gateway`].
pub struct GatewayBuilder<'a> {
    config: &'a Config,
    metrics: Option<Box<dyn Fn() -> String + Send + Sync>>,
    mock_faults: bool,
    strategy: Option<Strategy>,
}

/// Why a configuration, though well-formed, makes no gateway.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// Some deployments cannot be reached as they are described; says where in the file, and why.
    Deployments(ConfigError),
    /// The aliases lead nowhere or in a circle.
    Aliases(AliasError),
    /// The fallbacks lead nowhere or in a circle.
    Fallbacks(FallbackError),
    /// The system's certificates cannot be read.
    Roots(io::Error),
    /// The system's settings for DNS cannot be read.
    Resolver(io::Error),
    /// Where Redis is cannot be understood.
    Redis(io::Error),
}

// ===== impl GatewayBuilder =====

impl<'a> GatewayBuilder<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            metrics: None,
            mock_faults: config.general.dangerously_allow_mock_testing_request_params,
            strategy: None,
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
        let mut checks = HealthBuilder::new(policy::health(config));

        let mut groups: BTreeMap<&Group, Vec<_>> = BTreeMap::new();
        let mut deployments = HashMap::new();
        let mut stands = HashMap::new();
        for (deployment, target) in config.deployments.iter().zip(&targets) {
            let circuit = Circuit::new(policy::breaker(config, deployment));
            let gate = checks.add(subject(config, deployment, target, &circuit, &checker));
            let reach = match simulated(deployment, target) {
                Some(params) => Reach::from(Simulated::new(params)),
                None => network.reach(deployment, target, &mut discovery),
            };
            let quota = quotas.of(config, deployment);
            let mut limit = RateLimitLayer::new(quota.clone()).cost(TokenCost::new(
                &deployment.id,
                target.provider(),
                &quota,
            ));
            // Where nobody shares it, the breaker rests all there is to rest.
            if !quotas.is_shared(deployment) || policy::is_lone(config, deployment) {
                limit = limit.without_rests();
            }
            let mut endpoint = endpoint(config, deployment, target, circuit.clone(), limit, reach);
            let stand = Stand::new(circuit, endpoint.member().state().clone());
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

/// Where each deployment lives; every one that cannot be told is reported, not only the first.
fn targets(config: &Config) -> Result<Vec<Target>, BuildError> {
    let mut problems = Vec::new();
    let mut targets = Vec::new();
    for deployment in &config.deployments {
        match target(config, deployment) {
            Ok(target) => targets.push(target),
            Err(error) => problems.push(Problem::new(&deployment.at, error.to_string())),
        }
        let checked = checked(deployment).map(|checked| target(config, &checked));
        if let Some(Err(error)) = checked {
            let message = format!("`model_info.health_check_model`: {error}");
            problems.push(Problem::new(&deployment.at, message));
        }
    }
    if problems.is_empty() {
        Ok(targets)
    } else {
        Err(BuildError::Deployments(problems.into_iter().collect()))
    }
}

fn target(config: &Config, deployment: &Deployment) -> Result<Target, TargetError> {
    let describe = |api_base: Option<&str>, api_key: Option<Secret>| {
        let mut target = Target::builder(&deployment.model);
        let set =
            |builder, value: Option<&str>, set: fn(TargetBuilder, String) -> TargetBuilder| {
                match value {
                    Some(value) => set(builder, value.to_owned()),
                    None => builder,
                }
            };
        target = set(
            target,
            deployment.custom_llm_provider.as_deref(),
            TargetBuilder::provider,
        );
        target = set(target, api_base, TargetBuilder::api_base);
        target = set(
            target,
            deployment.api_version.as_deref(),
            TargetBuilder::api_version,
        );
        target = set(
            target,
            deployment.organization.as_deref(),
            TargetBuilder::organization,
        );
        for (name, value) in &deployment.extra_headers {
            // The configuration has checked that it is text.
            let value = value.to_str().unwrap_or_default();
            target = target.header(name.as_str(), Secret::from(value));
        }
        match api_key {
            Some(key) => target.api_key(key).build(),
            None => target.build(),
        }
    };
    let (api_base, api_key) = (deployment.api_base.as_deref(), deployment.api_key.clone());
    let target = describe(api_base, api_key.clone());
    // What the configuration leaves out is looked for where LiteLLM looks: in the provider's variables.
    let provider = match &target {
        Ok(target) => target.provider(),
        Err(TargetError::NoApiBase(name)) => match Provider::find(name) {
            Some(provider) => provider,
            None => return target,
        },
        Err(_) => return target,
    };
    let variable = |names: &[&str]| names.iter().find_map(|name| variable(config, name));
    let found_base = match api_base {
        Some(_) => None,
        None => variable(provider.api_base_env()),
    };
    let found_key = match api_key {
        Some(_) => None,
        None => key_of_variable(config, provider),
    };
    if found_base.is_none() && found_key.is_none() {
        return target;
    }
    let found_base = found_base.as_ref().map(Secret::expose);
    describe(api_base.or(found_base), api_key.or(found_key))
}

/// The key that a provider's own variables hold, for deployments that are given none.
fn key_of_variable(config: &Config, provider: &Provider) -> Option<Secret> {
    let mut names = provider.key_env().iter();
    names.find_map(|name| variable(config, name))
}

/// A variable of the file's own, else of the process.
fn variable(config: &Config, name: &str) -> Option<Secret> {
    config.environment_variable(name).cloned().or_else(|| {
        let value = std::env::var(name).ok()?;
        (!value.is_empty()).then(|| Secret::from(value))
    })
}

fn subject(
    config: &Config,
    deployment: &Deployment,
    target: &Target,
    circuit: &Circuit,
    checker: &CheckClient,
) -> Subject<CheckClient> {
    let probe = match simulated(deployment, target) {
        Some(_) => Probe::Nothing,
        None => probe(config, deployment),
    };
    let other = match &probe {
        Probe::Completion(_) => {
            checked(deployment).and_then(|other| self::target(config, &other).ok())
        }
        _ => None,
    };
    let target = other.as_ref().unwrap_or(target);
    Subject::new(
        deployment.id.clone(),
        deployment.group.clone(),
        target.clone(),
        circuit.clone(),
        checker.clone(),
    )
    .model(&deployment.model)
    .probe(probe)
    .background(!deployment.info.disable_background_health_check)
    .timeout(deployment.info.health_check_timeout)
}

/// What a check asks for: a completion only where the operator has asked for it, and the deployment is for
/// something of which a little is enough.
fn probe(config: &Config, deployment: &Deployment) -> Probe {
    let info = &deployment.info;
    let completion = match config.headworks.health_check {
        HealthCheck::Models => None,
        HealthCheck::Completion => Completion::of_mode(info.mode.as_deref()),
    };
    let Some(mut completion) = completion else {
        return Probe::Models;
    };
    if info.health_check_without_max_tokens {
        completion = completion.max_tokens(None);
    } else if let Some(tokens) = info.health_check_max_tokens() {
        completion = completion.max_tokens(tokens);
    }
    Probe::Completion(match &info.health_check_voice {
        Some(voice) => completion.voice(voice.as_str()),
        None => completion,
    })
}

/// The deployment as a check by completion asks for it, where that is for another model.
fn checked(deployment: &Deployment) -> Option<Deployment> {
    let model = deployment.info.health_check_model.clone()?;
    Some(Deployment {
        model,
        ..deployment.clone()
    })
}

fn endpoint(
    config: &Config,
    deployment: &Deployment,
    target: &Target,
    circuit: Circuit,
    limit: RateLimitLayer<TokenCost>,
    reach: Reach,
) -> Endpoint<stack::Deployment> {
    let meters = Meters::new(&Labels {
        deployment: deployment.id.clone(),
        group: deployment.group.clone(),
        provider: target.provider().name().to_owned(),
        model: target.model().to_owned(),
    });
    let plain = deployment.timeout.unwrap_or_else(|| config.timeout());
    let stream = deployment.stream_timeout.or(config.router.stream_timeout);
    let first_token = config.headworks.ttft_timeout;
    let (timeout, commit) = match config.commit(&deployment.group) {
        // The head is held until the first token: it has the time of a stream.
        Commit::FirstToken => {
            let timeout = AttemptTimeoutLayer::new(plain).head(stream.unwrap_or(plain));
            let commit = CommitLayer::new(CommitPoint::FirstToken).first_token(first_token);
            (timeout, commit)
        }
        // The head is held until the end: all of the answer has the time of a plain one, and its first token
        // that of a stream.
        Commit::Complete => {
            let first_token = first_token.into_iter().chain(stream).min();
            let commit = CommitLayer::new(CommitPoint::Complete).first_token(first_token);
            (AttemptTimeoutLayer::new(plain), commit)
        }
    };
    let silence = StreamTimeoutLayer::new()
        .head(config.headworks.headers_timeout)
        .idle(config.headworks.stream_idle_timeout);
    let state = Arc::new(State::default());
    let mut meter = MeterLayer::new(meters);
    if goes_by_usage(config) {
        meter = meter.telling(state.clone());
    }
    if !limit.quota().limits().is_empty() {
        meter = meter.showing();
    }
    let own = stack::Own {
        limit,
        meter,
        circuit: circuit.clone(),
        timeout,
        commit,
        silence,
    };
    let service = stack::deployment(own, target.clone(), reach);
    let mut endpoint = Endpoint::new(deployment.id.clone(), service)
        .state(state)
        .tags(deployment.tags.iter().map(String::as_str))
        .gate(move || circuit.standing(Instant::now()));
    if let Some(order) = deployment.order {
        endpoint = endpoint.order(order);
    }
    if let Some(most) = config.max_parallel_requests(deployment) {
        endpoint = endpoint.max_in_flight(usize::try_from(most).unwrap_or(usize::MAX));
    }
    if let Some(weight) = deployment.weight {
        endpoint = endpoint.weight(weight);
    }
    if let Some(rpm) = deployment.rpm {
        endpoint = endpoint.rpm(rpm);
    }
    if let Some(tpm) = deployment.tpm {
        endpoint = endpoint.tpm(tpm);
    }
    if config.router.enable_pre_call_checks {
        if let Some(max) = deployment.info.max_input_tokens {
            endpoint = endpoint.max_input_tokens(max);
        }
        if let Some(region) = &deployment.region_name {
            endpoint = endpoint.region(region.as_str());
        }
    }
    if let Some(cost) = deployment.cost_per_token() {
        endpoint = endpoint.cost(cost);
    }
    endpoint
}

/// How a deployment that lives in the process behaves; `None` for one that does not.
fn simulated(deployment: &Deployment, target: &Target) -> Option<Params> {
    if let Some(mock) = &deployment.mock_response {
        // LiteLLM takes whole response objects too; their text is what a client reads.
        let text = mock
            .as_str()
            .map_or_else(|| mock.to_string(), str::to_owned);
        return Some(Params::mock_response(&text));
    }
    if !target.provider().is_simulated() {
        return None;
    }
    let mut params = Params::default();
    let Some(simulated) = &deployment.simulated else {
        return Some(params);
    };
    if let Some(latency) = simulated.latency {
        params = params.latency(latency);
    }
    if let Some(jitter) = simulated.jitter {
        params = params.jitter(jitter);
    }
    if let Some(delay) = simulated.first_token {
        params = params.first_token(delay);
    }
    if let Some(rate) = simulated.tokens_per_second {
        params = params.tokens_per_second(rate);
    }
    if let Some(tokens) = simulated.answer_tokens {
        params = params.answer_tokens(usize::try_from(tokens).unwrap_or(usize::MAX));
    }
    for (status, rate) in &simulated.errors {
        // The configuration takes no other numbers.
        if let Ok(status) = StatusCode::from_u16(*status) {
            params = params.error_rate(status, *rate);
        }
    }
    if let Some(rpm) = simulated.rpm {
        params = params.rpm(u32::try_from(rpm).unwrap_or(u32::MAX));
    }
    if let Some(rate) = simulated.cut_rate {
        params = params.cut_rate(rate);
    }
    if let Some(seed) = simulated.seed {
        params = params.seed(seed);
    }
    Some(params)
}

fn headers(config: &Config, deployment: &Deployment, target: &Target) -> DeploymentHeaders {
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let empty = HeaderValue::from_static("");
    DeploymentHeaders {
        id: value(&deployment.id).unwrap_or_else(|| empty.clone()),
        model: value(&deployment.model).unwrap_or(empty),
        api_base: Some(target.api_base())
            .filter(|base| !base.is_empty())
            .and_then(value),
        key: deployment
            .api_key
            .clone()
            .or_else(|| key_of_variable(config, target.provider())),
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

/// True if somebody chooses by what is used, so that it is worth reading.
fn goes_by_usage(config: &Config) -> bool {
    matches!(
        config.router.routing_strategy,
        RoutingStrategy::UsageBased | RoutingStrategy::UsageBasedV2
    )
}

// ===== impl BuildError =====

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployments(error) => error.fmt(f),
            Self::Aliases(error) => error.fmt(f),
            Self::Fallbacks(error) => error.fmt(f),
            Self::Roots(error) => write!(
                f,
                "the system's certificates cannot be used ({error}); install them, or set \
                 `headworks.tls_roots: bundled`"
            ),
            Self::Resolver(error) => write!(
                f,
                "the system's settings for DNS cannot be used ({error}); say where addresses are looked up by \
                 `headworks.dns_servers`"
            ),
            Self::Redis(error) => write!(
                f,
                "Redis cannot be reached where `router_settings.redis_…` says it is: {error}"
            ),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Deployments(error) => Some(error),
            Self::Aliases(error) => Some(error),
            Self::Fallbacks(error) => Some(error),
            Self::Roots(error) | Self::Resolver(error) | Self::Redis(error) => Some(error),
        }
    }
}
