use crate::{
    Affinity, AllowedFailsPolicy, FallbackSettings, GroupAffinity, GroupRetryPolicy, RetryPolicy,
    keys, limits,
    read::{Field, Section},
    report::Report,
};
use std::{fmt, time::Duration};

/// `router_settings`: how deployments are chosen and failures handled.
///
/// The aliases among them are [`Config::aliases`](crate::Config::aliases).
#[derive(Clone, Debug, Default)]
pub struct RouterSettings {
    /// How a deployment is chosen. Default: simple-shuffle.
    pub routing_strategy: RoutingStrategy,
    /// Retries after the first attempt.
    pub num_retries: Option<u32>,
    /// How long an attempt may take. 0 in the file is `None`.
    pub timeout: Option<Duration>,
    /// The same for streamed answers. 0 in the file is `None`.
    pub stream_timeout: Option<Duration>,
    /// The least wait before a retry, where one waits at all. 0 in the file is `None`.
    pub retry_after: Option<Duration>,
    /// Retries by class of error. See [`Config::retry_policy`](crate::Config::retry_policy).
    pub retry_policy: RetryPolicy,
    /// The same for single groups, in the order of the file.
    pub model_group_retry_policy: Vec<GroupRetryPolicy>,
    /// Failures that are borne; a deployment rests at one more. See
    /// [`Config::cooldown`](crate::Config::cooldown).
    pub allowed_fails: Option<u32>,
    /// The same by class of error.
    pub allowed_fails_policy: AllowedFailsPolicy,
    /// How long a deployment rests. 0 in the file is `None`.
    pub cooldown_time: Option<Duration>,
    /// No deployment ever rests. Default: false.
    pub disable_cooldowns: bool,
    /// Where to try when a group has failed. See [`Config::fallbacks`](crate::Config::fallbacks).
    pub fallbacks: FallbackSettings,
    /// How many groups may follow the first. See [`Config::max_fallbacks`](crate::Config::max_fallbacks).
    pub max_fallbacks: Option<u32>,
    /// Requests at a time for each deployment without a number of its own. See
    /// [`Config::max_parallel_requests`](crate::Config::max_parallel_requests).
    pub default_max_parallel_requests: Option<u64>,
    /// Chooses by the tags of requests and deployments. Default: false.
    pub enable_tag_filtering: bool,
    /// One tag in common is enough; else a deployment needs all that the request has. Default: true.
    pub tag_filtering_match_any: bool,
    /// What marks a tag as meant for routing, and is no part of it. Default: nothing.
    pub tag_routing_prefix: String,
    /// Passes over deployments whose context window a prompt does not fit, or that stand in another region
    /// than the request asks for. Default: false.
    pub enable_pre_call_checks: bool,
    /// What keeps requests with one deployment: `optional_pre_call_checks`. See
    /// [`Config::affinities`](crate::Config::affinities).
    pub affinities: Vec<Affinity>,
    /// The same for single groups, in the order of the file.
    pub model_group_affinities: Vec<GroupAffinity>,
    /// Keeps the limits of deployments, whatever the strategy: `enforce_model_rate_limits` among
    /// `optional_pre_call_checks`. See [`Config::keeps_limits`](crate::Config::keeps_limits).
    pub enforce_model_rate_limits: bool,
}

/// How a deployment is chosen among those of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoutingStrategy {
    /// At random, by `weight`, else `rpm`, else `tpm`.
    #[default]
    SimpleShuffle,
    /// The one with the fewest requests under way.
    LeastBusy,
    /// One after the other. Ours; `LiteLLM` has none.
    RoundRobin,
    /// The same for all requests of a session, or of a conversation. Ours; `LiteLLM` has affinities instead.
    Sticky,
    /// The one that has used the least of its limits this minute.
    UsageBased,
    /// The same; in `LiteLLM` another way to count.
    UsageBasedV2,
    /// The one that answers soonest.
    LatencyBased,
    /// The cheapest.
    CostBased,
}

// ===== impl RouterSettings =====

impl RouterSettings {
    pub(crate) fn read(section: &Section<'_>, report: &mut Report) -> Self {
        let get = |name| section.get(name);
        let seconds = |name, report: &mut Report| section.get(name)?.seconds(report);
        let flag = |name, report: &mut Report| {
            let field = section.get(name);
            field.and_then(|field| field.truth(report)).unwrap_or(false)
        };
        Self {
            routing_strategy: get("routing_strategy")
                .and_then(|field| RoutingStrategy::read(&field, report))
                .unwrap_or_default(),
            num_retries: get("num_retries")
                .and_then(|field| field.small(report, "a number of retries, 0 or more")),
            timeout: seconds("timeout", report),
            stream_timeout: seconds("stream_timeout", report),
            retry_after: seconds("retry_after", report),
            retry_policy: get("retry_policy").map_or_else(RetryPolicy::default, |field| {
                RetryPolicy::read(&field, "router_settings.retry_policy", report)
            }),
            model_group_retry_policy: GroupRetryPolicy::read_all(section, report),
            allowed_fails: get("allowed_fails")
                .and_then(|field| field.small(report, "a number of failures, 0 or more")),
            allowed_fails_policy: AllowedFailsPolicy::read_shared(section, report),
            cooldown_time: seconds("cooldown_time", report),
            disable_cooldowns: flag("disable_cooldowns", report),
            fallbacks: FallbackSettings::read(section, report),
            max_fallbacks: get("max_fallbacks")
                .and_then(|field| field.small(report, "a number of groups, 0 or more")),
            default_max_parallel_requests: get("default_max_parallel_requests")
                .and_then(|field| field.count(report)),
            enable_tag_filtering: flag("enable_tag_filtering", report),
            tag_filtering_match_any: get("tag_filtering_match_any")
                .and_then(|field| field.truth(report))
                .unwrap_or(true),
            tag_routing_prefix: get("tag_routing_prefix")
                .and_then(|field| field.string(report))
                .unwrap_or_default()
                .to_owned(),
            enable_pre_call_checks: flag("enable_pre_call_checks", report),
            affinities: get("optional_pre_call_checks")
                .map_or_else(Vec::new, |field| Affinity::read_all(&field, report)),
            model_group_affinities: GroupAffinity::read_all(section, report),
            enforce_model_rate_limits: limits::asked_for(section),
        }
    }
}

// ===== impl RoutingStrategy =====

impl RoutingStrategy {
    /// Every strategy, those of `LiteLLM` first.
    pub const ALL: [Self; 8] = [
        Self::SimpleShuffle,
        Self::LeastBusy,
        Self::UsageBased,
        Self::UsageBasedV2,
        Self::LatencyBased,
        Self::CostBased,
        Self::RoundRobin,
        Self::Sticky,
    ];

    /// The name in `config.yaml`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SimpleShuffle => "simple-shuffle",
            Self::LeastBusy => "least-busy",
            Self::RoundRobin => "round-robin",
            Self::Sticky => "sticky",
            Self::UsageBased => "usage-based-routing",
            Self::UsageBasedV2 => "usage-based-routing-v2",
            Self::LatencyBased => "latency-based-routing",
            Self::CostBased => "cost-based-routing",
        }
    }

    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        let name = field.string(report)?;
        let strategy = Self::ALL.into_iter().find(|known| known.as_str() == name);
        if strategy.is_none() {
            let names = Self::ALL.map(Self::as_str);
            let accepted = format!("one of {}", names.join(", "));
            let nearest = keys::nearest(name, names);
            let help = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
            field.refuse(report, &accepted, help.unwrap_or_default());
        }
        strategy
    }
}

impl fmt::Display for RoutingStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
