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
    /// It is left out of background health checks. Default: false.
    pub disable_background_health_check: bool,
    /// How long a health check may take. See [`health_check_timeout`](Self::health_check_timeout).
    pub health_check_timeout: Option<Duration>,
    /// The model that a health check asks for, where `model` is a pattern.
    pub health_check_model: Option<String>,
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
            disable_background_health_check: section
                .get("disable_background_health_check")
                .and_then(|field| field.truth(report))
                .unwrap_or(false),
            health_check_timeout: section
                .get("health_check_timeout")
                .and_then(|field| field.seconds(report)),
            health_check_model: text("health_check_model", report),
            rest,
        }
    }

    /// How long a health check may take: what is written, else 60 s.
    #[must_use]
    pub fn health_check_timeout(&self) -> Duration {
        self.health_check_timeout
            .unwrap_or(DEFAULT_HEALTH_CHECK_TIMEOUT)
    }
}
