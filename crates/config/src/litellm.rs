use crate::{FallbackSettings, read::Section, report::Report};
use std::time::Duration;

/// `litellm_settings`: what holds where [`RouterSettings`](crate::RouterSettings) say nothing.
#[derive(Clone, Debug, Default)]
pub struct LitellmSettings {
    /// Retries after the first attempt.
    pub num_retries: Option<u32>,
    /// How long an attempt may take. 0 in the file is `None`.
    pub request_timeout: Option<Duration>,
    /// Where to try when a group has failed.
    pub fallbacks: FallbackSettings,
    /// How many groups may follow the first.
    pub max_fallbacks: Option<u32>,
    /// Failures that are borne; a deployment rests at one more.
    pub allowed_fails: Option<u32>,
    /// How long a deployment rests. 0 in the file is `None`. `LiteLLM`'s documentation has it here, and its
    /// code in `router_settings` alone.
    pub cooldown_time: Option<Duration>,
    /// Drop parameters that a provider does not support. Not honoured yet. Default: false.
    pub drop_params: bool,
}

// ===== impl LitellmSettings =====

impl LitellmSettings {
    pub(crate) fn read(section: &Section<'_>, report: &mut Report) -> Self {
        let get = |name| section.get(name);
        Self {
            num_retries: get("num_retries")
                .and_then(|field| field.small(report, "a number of retries, 0 or more")),
            request_timeout: get("request_timeout").and_then(|field| field.seconds(report)),
            fallbacks: FallbackSettings::read(section, report),
            max_fallbacks: get("max_fallbacks")
                .and_then(|field| field.small(report, "a number of groups, 0 or more")),
            allowed_fails: get("allowed_fails")
                .and_then(|field| field.small(report, "a number of failures, 0 or more")),
            cooldown_time: get("cooldown_time").and_then(|field| field.seconds(report)),
            drop_params: get("drop_params")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
        }
    }
}
