use crate::{check, json, read::Section, report::Report};
use serde_json::{Map, Value};
use std::time::Duration;

/// `model_info`: what is known of a deployment.
#[derive(Clone, Debug, Default)]
pub struct ModelInfo {
    /// What it serves: `chat`, `embedding`, `image_generation`, ….
    pub mode: Option<String>,
    /// The model whose prices and limits hold.
    pub base_model: Option<String>,
    /// The largest prompt, in tokens.
    pub max_input_tokens: Option<u64>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u64>,
    /// Prompt and answer together, or the answer alone, as the provider counts.
    pub max_tokens: Option<u64>,
    /// Whether its group chooses by tags, whatever the router says; that of the first of a group to say.
    pub enable_tag_filtering: Option<bool>,
    /// Lets the group's requests go anywhere whose tags match nobody. Default: false.
    pub allow_fail_open: bool,
    /// The account whose quota it uses: deployments of one such name share their limits and their rests. Ours.
    pub quota_group: Option<String>,
    /// It is left out of background health checks. Default: false.
    pub disable_background_health_check: bool,
    /// How long a health check may take. See [`health_check_timeout`](Self::health_check_timeout).
    pub health_check_timeout: Option<Duration>,
    /// The model that a health check asks for in place of the deployment's own, written as that is: with the
    /// provider's prefix.
    pub health_check_model: Option<String>,
    /// The most tokens a check by completion lets the deployment answer with, whichever model it is.
    pub health_check_max_tokens: Option<u32>,
    /// The same for a model that reasons, if there is no number for all.
    pub health_check_max_tokens_reasoning: Option<u32>,
    /// The same for one that does not.
    pub health_check_max_tokens_non_reasoning: Option<u32>,
    /// A check may not bound its answer: `health_check_supports_max_tokens: false`. Default: false.
    pub health_check_without_max_tokens: bool,
    /// The voice that a check of speech asks for.
    pub health_check_voice: Option<String>,
    /// It thinks before it answers, and needs tokens for that. Default: false.
    pub supports_reasoning: bool,
    /// What else was written, and how it is checked, for `/model/info`; `id` is left out.
    pub rest: Map<String, Value>,
}

/// `LiteLLM`'s.
const DEFAULT_HEALTH_CHECK_TIMEOUT: Duration = Duration::from_secs(60);

/// What `/model/info` shows from a field of its own, here or in the deployment.
const TYPED: [&str; 6] = [
    "id",
    "mode",
    "base_model",
    "max_input_tokens",
    "max_output_tokens",
    "max_tokens",
];

// ===== impl ModelInfo =====

impl ModelInfo {
    pub(crate) fn read(section: &Section<'_>, report: &mut Report) -> Self {
        check::keys(section, report);
        let text = |name, report: &mut Report| {
            let text = section.get(name)?.string(report)?;
            Some(text.to_owned())
        };
        let count = |name, report: &mut Report| section.get(name)?.count(report);
        let tokens = |name, report: &mut Report| {
            let field = section.get(name)?;
            field.small(report, "a number of tokens, 0 or more")
        };
        let mut rest = json::of_map(section.map);
        rest.retain(|name, value| !TYPED.contains(&name.as_str()) && !value.is_null());
        Self {
            mode: text("mode", report),
            base_model: text("base_model", report),
            max_input_tokens: count("max_input_tokens", report),
            max_output_tokens: count("max_output_tokens", report),
            max_tokens: count("max_tokens", report),
            enable_tag_filtering: section
                .get("enable_tag_filtering")
                .and_then(|field| field.truth(report)),
            allow_fail_open: section
                .get("allow_fail_open")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
            quota_group: text("quota_group", report),
            disable_background_health_check: section
                .get("disable_background_health_check")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
            health_check_timeout: section
                .get("health_check_timeout")
                .and_then(|field| field.seconds(report)),
            health_check_model: text("health_check_model", report),
            health_check_max_tokens: tokens("health_check_max_tokens", report),
            health_check_max_tokens_reasoning: tokens("health_check_max_tokens_reasoning", report),
            health_check_max_tokens_non_reasoning: tokens(
                "health_check_max_tokens_non_reasoning",
                report,
            ),
            health_check_without_max_tokens: section
                .get("health_check_supports_max_tokens")
                .and_then(|field| field.truth(report))
                .is_some_and(|supported| !supported),
            health_check_voice: text("health_check_voice", report),
            supports_reasoning: section
                .get("supports_reasoning")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
            rest,
        }
    }

    /// The most tokens that a check by completion may be answered with: the number for all, else that for models
    /// which reason, or do not, as this one [does](Self::supports_reasoning).
    #[must_use]
    pub fn health_check_max_tokens(&self) -> Option<u32> {
        self.health_check_max_tokens.or(if self.supports_reasoning {
            self.health_check_max_tokens_reasoning
        } else {
            self.health_check_max_tokens_non_reasoning
        })
    }

    /// How long a health check may take: what is written, else 60 s.
    #[must_use]
    pub fn health_check_timeout(&self) -> Duration {
        self.health_check_timeout
            .unwrap_or(DEFAULT_HEALTH_CHECK_TIMEOUT)
    }
}
