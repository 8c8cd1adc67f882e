use crate::{
    Location, classes,
    read::{Field, Section},
    report::Report,
};

/// How many retries follow an error of a class.
///
/// `None` goes by [`default`](Self::default), else by [`Config::num_retries`](crate::Config::num_retries); a
/// refused prompt by `bad_request` before that. A number replaces `num_retries` for its class, and one above
/// 0 makes even what the caller did wrong worth another attempt. The names in the file are those of
/// `LiteLLM`:
///
/// ```yaml
/// router_settings:
///   retry_policy: {RateLimitErrorRetries: 3, AuthenticationErrorRetries: 0}
///   model_group_retry_policy:
///     gpt-4o: {TimeoutErrorRetries: 0}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// 400 and 422, the caller's fault: `BadRequestErrorRetries`.
    pub bad_request: Option<u32>,
    /// 401: `AuthenticationErrorRetries`.
    pub authentication: Option<u32>,
    /// No answer in time, 408 and 504: `TimeoutErrorRetries`.
    pub timeout: Option<u32>,
    /// 429: `RateLimitErrorRetries`.
    pub rate_limit: Option<u32>,
    /// The prompt was refused: `ContentPolicyViolationErrorRetries`.
    pub content_policy: Option<u32>,
    /// 500: `InternalServerErrorRetries`.
    pub internal_server: Option<u32>,
    /// 503: `ServiceUnavailableErrorRetries`.
    pub service_unavailable: Option<u32>,
    /// 404: `NotFoundErrorRetries`.
    pub not_found: Option<u32>,
    /// Every other class: `DefaultRetries`.
    pub default: Option<u32>,
}

/// A [`RetryPolicy`] of one group: an entry of `router_settings.model_group_retry_policy`.
#[derive(Clone, Debug)]
pub struct GroupRetryPolicy {
    /// The group; where an alias is written, the group it leads to.
    pub group: String,
    /// Stands in for the router's policy as a whole.
    pub policy: RetryPolicy,
    /// Where the group is named.
    pub at: Location,
}

// ===== impl RetryPolicy =====

impl RetryPolicy {
    pub(crate) fn read(field: &Field<'_>, path: &'static str, report: &mut Report) -> Self {
        let mut policy = Self::default();
        if let Some(section) = field.section(path, report) {
            let accepted = "a number of retries, 0 or more";
            classes::read(&section, policy.slots(), accepted, report);
        }
        policy
    }

    /// True if no class has a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn slots(&mut self) -> [(&'static str, &mut Option<u32>); 9] {
        [
            ("BadRequestErrorRetries", &mut self.bad_request),
            ("AuthenticationErrorRetries", &mut self.authentication),
            ("TimeoutErrorRetries", &mut self.timeout),
            ("RateLimitErrorRetries", &mut self.rate_limit),
            (
                "ContentPolicyViolationErrorRetries",
                &mut self.content_policy,
            ),
            ("InternalServerErrorRetries", &mut self.internal_server),
            (
                "ServiceUnavailableErrorRetries",
                &mut self.service_unavailable,
            ),
            ("NotFoundErrorRetries", &mut self.not_found),
            ("DefaultRetries", &mut self.default),
        ]
    }
}

// ===== impl GroupRetryPolicy =====

impl GroupRetryPolicy {
    pub(crate) fn read_all(router: &Section<'_>, report: &mut Report) -> Vec<Self> {
        const PATH: &str = "router_settings.model_group_retry_policy";
        let field = router.get("model_group_retry_policy");
        let groups = field.and_then(|field| field.section(PATH, report));
        let mut policies = Vec::new();
        for group in groups.iter().flat_map(Section::fields) {
            policies.push(Self {
                group: group.name.to_owned(),
                policy: RetryPolicy::read(
                    &group,
                    "router_settings.model_group_retry_policy.*",
                    report,
                ),
                at: report.location(group.key_mark),
            });
        }
        policies
    }
}
