use crate::{
    Config, Deployment, NoticeKind, classes,
    read::{Field, Section},
    report::Report,
};
use std::time::Duration;

/// When one deployment rests and for how long: see [`Config::cooldown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// How long it rests. `None`: it never does.
    pub time: Option<Duration>,
    /// It rests at more failures than this. `None`: by the breaker's own rule.
    pub allowed_fails: Option<u32>,
    /// Other numbers for some classes of errors.
    pub policy: AllowedFailsPolicy,
}

/// How many failures of a class of errors are borne before a deployment rests; it rests at one more.
///
/// `None` goes by `allowed_fails`. The names in the file are those of `LiteLLM`:
///
/// ```yaml
/// router_settings:
///   allowed_fails_policy:
///     RateLimitErrorAllowedFails: 0
///     TimeoutErrorAllowedFails: 12
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowedFailsPolicy {
    /// 400 and 422, the caller's fault: `BadRequestErrorAllowedFails`.
    pub bad_request: Option<u32>,
    /// 401: `AuthenticationErrorAllowedFails`.
    pub authentication: Option<u32>,
    /// No answer in time, 408 and 504: `TimeoutErrorAllowedFails`.
    pub timeout: Option<u32>,
    /// 429: `RateLimitErrorAllowedFails`.
    pub rate_limit: Option<u32>,
    /// The prompt was refused: `ContentPolicyViolationErrorAllowedFails`.
    pub content_policy: Option<u32>,
    /// 500: `InternalServerErrorAllowedFails`.
    pub internal_server: Option<u32>,
    /// 503: `ServiceUnavailableErrorAllowedFails`.
    pub service_unavailable: Option<u32>,
    /// 502: `BadGatewayErrorAllowedFails`.
    pub bad_gateway: Option<u32>,
    /// 404: `NotFoundErrorAllowedFails`.
    pub not_found: Option<u32>,
}

/// `LiteLLM`'s rest where none is configured.
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(5);

/// What callers bring about. See [`AllowedFailsPolicy::without_callers`].
const CALLERS: [&str; 2] = [
    "BadRequestErrorAllowedFails",
    "ContentPolicyViolationErrorAllowedFails",
];

// ===== impl Cooldown =====

impl Cooldown {
    pub(crate) fn new(config: &Config, deployment: &Deployment) -> Self {
        let (router, litellm) = (&config.router, &config.litellm);
        let time = deployment
            .cooldown_time
            .or(router.cooldown_time)
            .or(litellm.cooldown_time)
            .unwrap_or(DEFAULT_COOLDOWN);
        let own = deployment.allowed_fails_policy;
        let (allowed_fails, policy) = if deployment.allowed_fails.is_some() {
            (deployment.allowed_fails, own)
        } else {
            let shared = router.allowed_fails_policy.without_callers();
            (
                router.allowed_fails.or(litellm.allowed_fails),
                own.or(shared),
            )
        };
        Self {
            time: (!router.disable_cooldowns && !time.is_zero()).then_some(time),
            allowed_fails,
            policy,
        }
    }
}

// ===== impl AllowedFailsPolicy =====

impl AllowedFailsPolicy {
    pub(crate) fn read(field: &Field<'_>, path: &'static str, report: &mut Report) -> Self {
        let mut policy = Self::default();
        if let Some(section) = field.section(path, report) {
            let accepted = "a number of failures, 0 or more";
            classes::read(&section, policy.slots(), accepted, report);
        }
        policy
    }

    /// The router's, which says when what callers bring about has no effect.
    pub(crate) fn read_shared(router: &Section<'_>, report: &mut Report) -> Self {
        const PATH: &str = "router_settings.allowed_fails_policy";
        let Some(field) = router.get("allowed_fails_policy") else {
            return Self::default();
        };
        let policy = Self::read(&field, PATH, report);
        let map = field.node.as_map();
        for entry in map.iter().flat_map(|map| &map.entries) {
            if CALLERS.contains(&entry.key.as_str()) && !entry.value.is_null() {
                let message = format!(
                    "`{PATH}.{}` has no effect, as in LiteLLM: no deployment rests for what its callers \
                     send, unless its own `model_info.allowed_fails_policy` says so",
                    entry.key
                );
                report.notice(NoticeKind::Advice, entry.key_mark, message);
            }
        }
        policy
    }

    /// True if no class has a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The numbers that are set here, else those of `other`.
    fn or(self, other: Self) -> Self {
        Self {
            bad_request: self.bad_request.or(other.bad_request),
            authentication: self.authentication.or(other.authentication),
            timeout: self.timeout.or(other.timeout),
            rate_limit: self.rate_limit.or(other.rate_limit),
            content_policy: self.content_policy.or(other.content_policy),
            internal_server: self.internal_server.or(other.internal_server),
            service_unavailable: self.service_unavailable.or(other.service_unavailable),
            bad_gateway: self.bad_gateway.or(other.bad_gateway),
            not_found: self.not_found.or(other.not_found),
        }
    }

    /// What a caller brings about rests nobody by the numbers of the whole router: any caller could take
    /// any deployment from all others.
    fn without_callers(self) -> Self {
        Self {
            bad_request: None,
            content_policy: None,
            ..self
        }
    }

    fn slots(&mut self) -> [(&'static str, &mut Option<u32>); 9] {
        [
            ("BadRequestErrorAllowedFails", &mut self.bad_request),
            ("AuthenticationErrorAllowedFails", &mut self.authentication),
            ("TimeoutErrorAllowedFails", &mut self.timeout),
            ("RateLimitErrorAllowedFails", &mut self.rate_limit),
            (
                "ContentPolicyViolationErrorAllowedFails",
                &mut self.content_policy,
            ),
            ("InternalServerErrorAllowedFails", &mut self.internal_server),
            (
                "ServiceUnavailableErrorAllowedFails",
                &mut self.service_unavailable,
            ),
            ("BadGatewayErrorAllowedFails", &mut self.bad_gateway),
            ("NotFoundErrorAllowedFails", &mut self.not_found),
        ]
    }
}
