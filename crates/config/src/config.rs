use crate::{
    Affinity, Alias, Commit, Cooldown, Deployment, Error, Fallbacks, GeneralSettings,
    HealthCheckSettings, Limits, LimitsBy, LitellmSettings, Loader, Notice, OwnSettings, Redis,
    RetryPolicy, RouterSettings, RoutingStrategy, check,
    deployment::{self, ModelList},
    environment::Environment,
    location::Mark,
    names,
    read::Section,
    report::Report,
    yaml::Map,
};
use headworks_core::Secret;
use std::{path::Path, time::Duration};

/// A configuration that was read and found consistent.
#[derive(Clone, Debug)]
pub struct Config {
    /// The entries of `model_list` in their order; an entry with several organisations is several.
    pub deployments: Vec<Deployment>,
    /// `router_settings.model_group_alias` in its order. Every alias leads to a group, perhaps over others.
    pub aliases: Vec<Alias>,
    /// `router_settings`.
    pub router: RouterSettings,
    /// Where instances share limits and rests: `router_settings`' Redis, else that of
    /// `litellm_settings.cache_params`, if `cache` is on.
    pub redis: Option<Redis>,
    /// `litellm_settings`: what holds where `router_settings` says nothing.
    pub litellm: LitellmSettings,
    /// `general_settings`.
    pub general: GeneralSettings,
    /// The health checks of `general_settings`.
    pub health_checks: HealthCheckSettings,
    /// `headworks`: our own settings.
    pub headworks: OwnSettings,
    /// `environment_variables`, in the order of the file. Values may be keys.
    pub environment_variables: Vec<(String, Secret)>,
    pub(crate) fallbacks: Fallbacks,
}

/// A configuration and what there is to say about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to run.
    pub config: Config,
    /// What the operator should know, to be printed once at start.
    pub notices: Vec<Notice>,
}

/// `LiteLLM`'s number of retries where none is configured.
const DEFAULT_NUM_RETRIES: u32 = 2;

/// `LiteLLM`'s timeout where none is configured.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(6000);

/// `LiteLLM`'s number of fallbacks where none is configured.
const DEFAULT_MAX_FALLBACKS: u32 = 5;

/// 100 MB: larger than any prompt a provider takes, with room for a few images.
const DEFAULT_MAX_REQUEST_SIZE_MB: f64 = 100.0;

// ===== impl Config =====

impl Config {
    /// Reads a file, those it includes, and the environment of the process. See [`Loader`] for another
    /// environment.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub fn load(path: &Path) -> Result<Loaded, Error> {
        Loader::new().load(path)
    }

    /// Reads a text as if it stood in a file called `name`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub fn parse(text: &str, name: &str) -> Result<Loaded, Error> {
        Loader::new().parse(text, name)
    }

    /// Retries after the first attempt: the router's number, else `litellm_settings`', else 2. A 0 counts.
    #[must_use]
    pub fn num_retries(&self) -> u32 {
        self.router
            .num_retries
            .or(self.litellm.num_retries)
            .unwrap_or(DEFAULT_NUM_RETRIES)
    }

    /// How long an attempt may take where its deployment does not say: the router's `timeout`, else
    /// `litellm_settings.request_timeout`, else 6000 s.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.router
            .timeout
            .or(self.litellm.request_timeout)
            .unwrap_or(DEFAULT_TIMEOUT)
    }

    /// The same for streamed answers: the router's `stream_timeout`, else [`timeout`](Self::timeout).
    #[must_use]
    pub fn stream_timeout(&self) -> Duration {
        self.router.stream_timeout.unwrap_or_else(|| self.timeout())
    }

    /// When this deployment rests, and for how long.
    ///
    /// The time: `model_info.cooldown_time`, else that of `litellm_params`, of `router_settings`, of
    /// `litellm_settings`, else 5 s. A 0 means what it does in `LiteLLM`: one at the deployment is no rest at
    /// all, one elsewhere is "not set". `disable_cooldowns` goes before all of them.
    ///
    /// The number: the deployment's `allowed_fails_policy`, then its `allowed_fails`, then the two of the
    /// router, then `litellm_settings.allowed_fails`. What callers bring about (bad requests, refused
    /// prompts) is looked for in the deployment's own policy alone.
    #[must_use]
    pub fn cooldown(&self, deployment: &Deployment) -> Cooldown {
        Cooldown::new(self, deployment)
    }

    /// Whether `rpm`, `tpm` and the other limits of deployments are kept, rather than being shares alone:
    /// what `headworks.limits` says, else as in `LiteLLM`, where the strategies by usage, by latency and by cost
    /// pass over whoever has reached them, and the others keep them with `enforce_model_rate_limits`. A number
    /// that has been a share in a file for years must not begin to refuse requests.
    #[must_use]
    pub fn keeps_limits(&self) -> bool {
        self.limits().0 != Limits::Weigh
    }

    /// The same, and what decides it.
    #[must_use]
    pub fn limits(&self) -> (Limits, LimitsBy) {
        let strategy = self.router.routing_strategy;
        if let Some(limits) = self.headworks.limits {
            return (limits, LimitsBy::Setting);
        }
        if self.router.enforce_model_rate_limits {
            return (Limits::Enforce, LimitsBy::Check);
        }
        let limits = match strategy {
            RoutingStrategy::UsageBased
            | RoutingStrategy::UsageBasedV2
            | RoutingStrategy::LatencyBased
            | RoutingStrategy::CostBased => Limits::Enforce,
            _ => Limits::Weigh,
        };
        (limits, LimitsBy::Strategy(strategy))
    }

    /// Whether a provider is asked for the tokens that a stream uses where the client does not ask: what
    /// `general_settings.always_include_stream_usage` says, else only where tokens decide: by a usage-based
    /// strategy, or by limits on them that are kept. `LiteLLM` estimates them there; elsewhere a request is
    /// worth more as it was written than a metric that is complete.
    #[must_use]
    pub fn asks_stream_usage(&self) -> bool {
        let tokens_decide = matches!(
            self.router.routing_strategy,
            RoutingStrategy::UsageBased | RoutingStrategy::UsageBasedV2
        );
        let limits_tokens = |one: &Deployment| {
            let limits = [one.tpm, one.itpm, one.otpm, one.tpd];
            limits.iter().any(Option::is_some)
        };
        let said = self.general.always_include_stream_usage;
        said.unwrap_or_else(|| match self.limits().0 {
            Limits::Learn => true,
            Limits::Enforce => tokens_decide || self.deployments.iter().any(limits_tokens),
            Limits::Weigh => tokens_decide,
        })
    }

    /// What of a group's streams must be here before a client gets any of it: its entry of
    /// `headworks.model_group_commit`, else `headworks.commit`.
    #[must_use]
    pub fn commit(&self, group: &str) -> Commit {
        let mut commits = self.headworks.model_group_commit.iter();
        commits
            .find(|own| own.group == group)
            .map_or(self.headworks.commit, |own| own.commit)
    }

    /// The retries of a group by class of error: its entry of `model_group_retry_policy`, else
    /// `retry_policy`, each as a whole.
    #[must_use]
    pub fn retry_policy(&self, group: &str) -> RetryPolicy {
        let mut policies = self.router.model_group_retry_policy.iter();
        policies
            .find(|policy| policy.group == group)
            .map_or(self.router.retry_policy, |own| own.policy)
    }

    /// What keeps requests for a group with one deployment: the group's entry of
    /// `model_group_affinity_config`, else `optional_pre_call_checks`, each as a whole.
    #[must_use]
    pub fn affinities(&self, group: &str) -> &[Affinity] {
        let router = &self.router;
        let mut groups = router.model_group_affinities.iter();
        groups
            .find(|own| own.group == group)
            .map_or(&router.affinities, |own| &own.affinities)
    }

    /// Where to try when a group has failed. Of each list the router's, or `litellm_settings`' where that is
    /// empty.
    ///
    /// Entries and targets are groups wherever that can be said: an alias is the group it leads to, and an
    /// entry for `openai/gpt-4o` is one for `gpt-4o` if there is no such group, and the other way round, as
    /// in `LiteLLM`. Of two entries for one group that written with its name holds, else the first.
    #[must_use]
    pub fn fallbacks(&self) -> &Fallbacks {
        &self.fallbacks
    }

    /// How many groups may follow the first: the router's number, else `litellm_settings`', else 5. A 0
    /// counts.
    #[must_use]
    pub fn max_fallbacks(&self) -> u32 {
        self.router
            .max_fallbacks
            .or(self.litellm.max_fallbacks)
            .unwrap_or(DEFAULT_MAX_FALLBACKS)
    }

    /// How many requests at a time this deployment is given: its own `max_parallel_requests`, else the
    /// router's `default_max_parallel_requests`. 0 in the file is no limit, as in `LiteLLM`.
    ///
    /// `LiteLLM` derives a number that is missing from `rpm` or `tpm`. We do not: what fits into a minute says
    /// nothing about what fits at a time.
    #[must_use]
    pub fn max_parallel_requests(&self, deployment: &Deployment) -> Option<u64> {
        deployment
            .max_parallel_requests
            .or(self.router.default_max_parallel_requests)
            .filter(|limit| *limit > 0)
    }

    /// The largest request body, in bytes: `general_settings.max_request_size_mb`, else 100 MB, of 2²⁰ bytes
    /// each.
    #[must_use]
    pub fn max_request_size(&self) -> u64 {
        let megabytes = self
            .general
            .max_request_size_mb
            .unwrap_or(DEFAULT_MAX_REQUEST_SIZE_MB);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast from a float saturates"
        )]
        let bytes = (megabytes * 1024.0 * 1024.0) as u64;
        bytes
    }

    /// A variable that the file sets.
    #[must_use]
    pub fn environment_variable(&self, name: &str) -> Option<&Secret> {
        let mut latest_first = self.environment_variables.iter().rev();
        latest_first
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn build(root: &Map, environment: Environment<'_>, report: &mut Report) -> Self {
        let top = Section {
            path: "",
            map: root,
        };
        check::keys(&top, report);
        let mut section = |name: &'static str| {
            let section = top.get(name)?.section(name, report)?;
            check::keys(&section, report);
            Some(section)
        };
        let mut section = |name| section(name).unwrap_or(EMPTY);
        let [router, litellm, general, headworks] = [
            "router_settings",
            "litellm_settings",
            "general_settings",
            "headworks",
        ]
        .map(&mut section);
        let ModelList {
            deployments,
            refused,
        } = match top.get("model_list") {
            Some(list) => deployment::read_list(&list, report),
            None => {
                let mark = root
                    .entry("model_list")
                    .map_or(Mark::default(), |entry| entry.key_mark);
                let help = "it lists the deployments: `model_list: [{model_name: …, litellm_params: {model: …}}]`";
                report.problem(mark, "`model_list` is missing", help);
                ModelList::default()
            }
        };
        let mut config = Self {
            deployments,
            aliases: Alias::read(&router, report),
            router: RouterSettings::read(&router, report),
            litellm: LitellmSettings::read(&litellm, report),
            general: GeneralSettings::read(&general, &environment, report),
            health_checks: HealthCheckSettings::read(&general, &router, report),
            redis: Redis::read(&router, &litellm, report),
            headworks: OwnSettings::read(&headworks, report),
            environment_variables: environment.into_own(),
            fallbacks: Fallbacks::default(),
        };
        names::check(&mut config, &refused, report);
        if let Some(strategy) = router.get("routing_strategy") {
            check::prices(&config, &strategy, report);
        }
        config
    }
}

/// A section that was not written.
const EMPTY: Section<'static> = Section {
    path: "",
    map: &Map {
        entries: Vec::new(),
    },
};
