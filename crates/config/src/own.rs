use crate::{
    Limits, Minute, Sharing,
    read::{Field, Section},
    report::Report,
};
use headworks_core::Hint;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

mod bounds;
mod commit;

pub use bounds::{QueueSettings, RetryBudget};
pub use commit::{Commit, GroupCommit};

/// The top-level key `headworks`: what `LiteLLM` has no key for. Which of it has an effect yet is in
/// [`KEYS`](crate::KEYS).
///
/// ```yaml
/// headworks:
///   total_timeout: 120     # seconds for a request with all its attempts; default none
///   connect_timeout: 5     # seconds to connect to an upstream
///   upstream_http: 1       # or 2
///   tls_roots: bundled     # or native
///   pool_idle_timeout: 60  # seconds an idle upstream connection is kept
///   ttft_timeout: 10       # seconds to the first token of a stream; default none
///   headers_timeout: 5     # seconds to the head of a stream; default none
///   stream_idle_timeout: 30  # seconds between two events of a stream; default 600
///   stream_keepalive: 15   # seconds until a client that waits is sent a comment; default none
///   commit: first_token    # or complete
///   dns_servers: [10.96.0.10]  # with or without a port; default those of the system
///   dns_refresh_interval: 5    # seconds from one lookup of addresses to the next
///   dns_timeout: 2             # seconds a lookup may take
///   health_check: models   # or completion, LiteLLM's, which costs tokens
///   model_group_commit: {gpt-4o: complete}  # the same for single groups
///   retry_budget: {share: 0.2, floor_per_minute: 60}  # default none
///   queue: {wait: 5, max: 1000}  # for a deployment that takes the request; default none
///   when_all_rest: refuse  # or least_bad
///   longest_hint: 3600     # seconds a provider's word on when to come back is believed at most
///   limits: enforce        # or weigh, or learn; default as the strategy and the checks say
///   minute: sliding        # or fixed, LiteLLM's: twice a limit may go through around its edge
///   tokenizer: true        # samples of prompts are counted by it; default false
///   redis: {replicas: 3, when_silent: share}  # or open, or closed; strict_within: 0.02 asks for each request
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OwnSettings {
    /// One deadline over all attempts of a request. Default: none, as in `LiteLLM`.
    pub total_timeout: Option<Duration>,
    /// How long connecting to an upstream may take. Default: 5 s, that of `LiteLLM`'s own HTTP handler.
    pub connect_timeout: Duration,
    /// What is spoken with upstreams. Default: HTTP/1.1.
    pub upstream_http: HttpVersion,
    /// Whose word is taken for an upstream's certificate. Default: the bundled roots.
    pub tls_roots: TlsRoots,
    /// How long an idle connection to an upstream is kept. Default: 60 s, below the 75 s after which nginx,
    /// in front of many an upstream, closes one.
    pub pool_idle_timeout: Duration,
    /// How long the first token of a stream may take. Default: none.
    pub ttft_timeout: Option<Duration>,
    /// How long an upstream may take to the head of a stream, connecting included. Default: none: some send
    /// it with the first token, which has a time of its own.
    pub headers_timeout: Option<Duration>,
    /// How long a stream that has begun may be silent: not an event, not a comment. Default: 600 s, after
    /// which the `OpenAI` SDKs, by their own default, have given it up too.
    pub stream_idle_timeout: Duration,
    /// How long a client waits for a stream before it is sent a comment, and from one comment to the next, so
    /// that what stands between does not take the connection for dead. The first comment takes the head with it:
    /// a 200, before it is known whether there will be an answer. What fails then is told as an event of the
    /// stream, without a status of its own and without the headers that say who was tried; no SDK tries it
    /// again by itself. Default: none, so that a failure keeps its status.
    pub stream_keepalive: Option<Duration>,
    /// What of a stream must be here before a client gets any of it. Default: the first token.
    pub commit: Commit,
    /// The name servers that are asked for the addresses of deployments with
    /// [`kubernetes_pod_discovery`](crate::Deployment::kubernetes_pod_discovery). Empty: the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// From one lookup of addresses to the next. Default: 5 s, as in `LiteLLM`.
    pub dns_refresh_interval: Duration,
    /// How long a lookup of addresses may take. Default: 2 s, as in `LiteLLM`.
    pub dns_timeout: Duration,
    /// What a health check asks a deployment for. Default: its models.
    pub health_check: HealthCheck,
    /// The same for single groups, before `commit`.
    pub model_group_commit: Vec<GroupCommit>,
    /// Bounds the retries of the whole process. Default: none, as in `LiteLLM`.
    pub retry_budget: Option<RetryBudget>,
    /// Lets requests wait that no deployment of their group takes at the moment. Default: none, as in
    /// `LiteLLM`: they are refused at once.
    pub queue: Option<QueueSettings>,
    /// What becomes of a request when every deployment that could take it rests.
    pub when_all_rest: WhenAllRest,
    /// The longest wait that a provider's hint is believed for, and how long a deployment is left alone that is
    /// back some day: a spent daily quota, an empty account. Default: an hour ([`Hint::LONGEST`]). A deployment
    /// rests no shorter than its `cooldown_time` for it.
    pub longest_hint: Duration,
    /// Whether limits are kept. See [`Config::keeps_limits`](crate::Config::keeps_limits) for the default.
    pub limits: Option<Limits>,
    /// How the minutes of limits are counted. Default: the last sixty seconds.
    pub minute: Minute,
    /// Whether samples of prompts for `OpenAI`'s models are counted by their tokenizers, in the background, so that
    /// estimates are right before a provider has reported a usage. Default: no. It takes a program that was built
    /// with a tokenizer.
    pub tokenizer: bool,
    /// How instances share what they keep, if Redis is named.
    pub redis: Sharing,
}

/// What a health check asks a deployment for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HealthCheck {
    /// The list of its models, which costs no tokens: `models`.
    #[default]
    Models,
    /// A small request of its own kind (`model_info.mode`), as `LiteLLM` does: `completion`. It costs tokens, and
    /// shows what a list of models does not: that the model itself answers.
    Completion,
}

/// What becomes of a request when every deployment that could take it rests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenAllRest {
    /// It is refused, as in `LiteLLM`: `refuse`.
    #[default]
    Refuse,
    /// The one that is back first is asked all the same: `least_bad`.
    LeastBad,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1: a connection for each request under way, so that one slow connection delays one request.
    #[default]
    Http1,
    /// HTTP/2: one connection for all.
    Http2,
}

/// The certificate authorities that upstreams are checked against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsRoots {
    /// Mozilla's list, built in: the same on every machine.
    #[default]
    Bundled,
    /// Those the operating system trusts, for upstreams with a company's certificate.
    Native,
}

// ===== impl OwnSettings =====

impl OwnSettings {
    pub(crate) fn read(section: &Section<'_>, report: &mut Report) -> Self {
        let default = Self::default();
        let get = |name| section.get(name);
        Self {
            total_timeout: get("total_timeout").and_then(|field| field.positive_seconds(report)),
            connect_timeout: get("connect_timeout")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(default.connect_timeout),
            upstream_http: get("upstream_http")
                .and_then(|field| HttpVersion::read(&field, report))
                .unwrap_or(default.upstream_http),
            tls_roots: get("tls_roots")
                .and_then(|field| TlsRoots::read(&field, report))
                .unwrap_or(default.tls_roots),
            pool_idle_timeout: get("pool_idle_timeout")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(default.pool_idle_timeout),
            ttft_timeout: get("ttft_timeout").and_then(|field| field.positive_seconds(report)),
            headers_timeout: get("headers_timeout")
                .and_then(|field| field.positive_seconds(report)),
            stream_idle_timeout: get("stream_idle_timeout")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(default.stream_idle_timeout),
            stream_keepalive: get("stream_keepalive")
                .and_then(|field| field.positive_seconds(report)),
            commit: get("commit")
                .and_then(|field| Commit::read(&field, report))
                .unwrap_or_default(),
            dns_servers: get("dns_servers")
                .map_or_else(Vec::new, |field| name_servers(&field, report)),
            dns_refresh_interval: get("dns_refresh_interval")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(default.dns_refresh_interval),
            dns_timeout: get("dns_timeout")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(default.dns_timeout),
            health_check: get("health_check")
                .and_then(|field| HealthCheck::read(&field, report))
                .unwrap_or_default(),
            model_group_commit: GroupCommit::read_all(section, report),
            retry_budget: get("retry_budget").and_then(|field| RetryBudget::read(&field, report)),
            queue: get("queue").and_then(|field| QueueSettings::read(&field, report)),
            when_all_rest: get("when_all_rest")
                .and_then(|field| WhenAllRest::read(&field, report))
                .unwrap_or_default(),
            longest_hint: get("longest_hint")
                .and_then(|field| field.positive_seconds(report))
                .unwrap_or(default.longest_hint),
            limits: get("limits").and_then(|field| Limits::read(&field, report)),
            minute: get("minute")
                .and_then(|field| Minute::read(&field, report))
                .unwrap_or_default(),
            tokenizer: get("tokenizer")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
            redis: get("redis")
                .and_then(|field| Sharing::read(&field, report))
                .unwrap_or_default(),
        }
    }
}

impl Default for OwnSettings {
    fn default() -> Self {
        Self {
            total_timeout: None,
            connect_timeout: Duration::from_secs(5),
            upstream_http: HttpVersion::default(),
            tls_roots: TlsRoots::default(),
            pool_idle_timeout: Duration::from_secs(60),
            ttft_timeout: None,
            headers_timeout: None,
            stream_idle_timeout: Duration::from_secs(600),
            stream_keepalive: None,
            commit: Commit::default(),
            dns_servers: Vec::new(),
            dns_refresh_interval: Duration::from_secs(5),
            dns_timeout: Duration::from_secs(2),
            health_check: HealthCheck::default(),
            model_group_commit: Vec::new(),
            retry_budget: None,
            queue: None,
            when_all_rest: WhenAllRest::default(),
            longest_hint: Hint::LONGEST,
            limits: None,
            minute: Minute::default(),
            tokenizer: false,
            redis: Sharing::default(),
        }
    }
}

/// Addresses with a port, or without one for that of DNS.
fn name_servers(list: &Field<'_>, report: &mut Report) -> Vec<SocketAddr> {
    const PORT: u16 = 53;
    let mut servers = Vec::new();
    for item in list.items(report) {
        let Some(text) = item.string(report) else {
            continue;
        };
        let alone = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT));
        match text.parse().or_else(|_| alone()) {
            Ok(server) => servers.push(server),
            Err(_) => item.refuse(report, "an IP address, or one with a port", ""),
        }
    }
    servers
}

// ===== impl HealthCheck =====

impl HealthCheck {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[("models", Self::Models), ("completion", Self::Completion)],
            report,
        )
    }
}

// ===== impl WhenAllRest =====

impl WhenAllRest {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[("refuse", Self::Refuse), ("least_bad", Self::LeastBad)],
            report,
        )
    }
}

// ===== impl HttpVersion =====

impl HttpVersion {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        match field.text(report)?.trim() {
            "1" | "1.1" => Some(Self::Http1),
            "2" | "2.0" => Some(Self::Http2),
            _ => {
                field.refuse(report, "1 or 2", "");
                None
            }
        }
    }
}

// ===== impl TlsRoots =====

impl TlsRoots {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        field.word(
            &[("bundled", Self::Bundled), ("native", Self::Native)],
            report,
        )
    }
}
