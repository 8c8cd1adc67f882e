use crate::{check, json, read::Section, report::Report};
use serde_json::{Map, Value};

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
    /// Everything else that was written, for `/model/info`; `id` is left out.
    pub rest: Map<String, Value>,
}

/// What has a field of its own, here or in the deployment.
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
            rest,
        }
    }
}
