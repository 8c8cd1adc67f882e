//! What there is to ask for, in `LiteLLM`'s JSON. Written once, when the gateway is built.

use bytes::Bytes;
use headworks_config::{Config, Deployment};
use headworks_provider::Target;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The moment `LiteLLM` says every model was created at.
const CREATED: u64 = 1_677_610_602;

/// The lists, as JSON.
#[derive(Debug)]
pub(super) struct Info {
    models: Bytes,
    deployments: Bytes,
    groups: Bytes,
}

/// A name a client may see, and the deployments behind it.
type Shown<'a> = BTreeMap<&'a str, Vec<(&'a Deployment, &'a Target)>>;

// ===== impl Info =====

impl Info {
    /// The lists of `config`, whose deployments live at `targets`.
    pub(super) fn new(config: &Config, targets: &[Target]) -> Self {
        let shown = shown(config, targets);
        let models: Vec<_> = shown.keys().map(|name| model(name)).collect();
        let deployments: Vec<_> = shown
            .iter()
            .flat_map(|(name, behind)| {
                behind
                    .iter()
                    .map(|(deployment, target)| described(name, deployment, target))
            })
            .collect();
        let groups: Vec<_> = shown
            .iter()
            .map(|(name, behind)| group(name, behind))
            .collect();
        Self {
            models: bytes(&json!({ "data": models, "object": "list" })),
            deployments: bytes(&json!({ "data": deployments })),
            groups: bytes(&json!({ "data": groups })),
        }
    }

    /// `GET /v1/models`
    pub(super) fn models(&self) -> Bytes {
        self.models.clone()
    }

    /// `GET /v1/models/{id}`
    pub(super) fn model(name: &str) -> Bytes {
        bytes(&model(name))
    }

    /// `GET /v1/model/info`
    pub(super) fn deployments(&self) -> Bytes {
        self.deployments.clone()
    }

    /// `GET /v1/model_group/info`
    pub(super) fn groups(&self) -> Bytes {
        self.groups.clone()
    }
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

/// Groups and the aliases that are not hidden. An alias stands before the group of the same name, as in
/// routing.
fn shown<'a>(config: &'a Config, targets: &'a [Target]) -> Shown<'a> {
    let mut groups = Shown::new();
    for (deployment, target) in config.deployments.iter().zip(targets) {
        let behind = groups.entry(&deployment.group).or_default();
        behind.push((deployment, target));
    }
    let mut shown = groups.clone();
    for alias in &config.aliases {
        shown.remove(alias.name.as_str());
    }
    for alias in config.aliases.iter().filter(|alias| !alias.hidden) {
        let behind = end_of_chain(config, &alias.model).and_then(|group| groups.get(group));
        shown.insert(&alias.name, behind.cloned().unwrap_or_default());
    }
    shown
}

/// The group at the end of a chain of aliases. The configuration has refused circles; the bound is for a
/// configuration that was put together by hand.
fn end_of_chain<'a>(config: &'a Config, name: &'a str) -> Option<&'a str> {
    let mut name = name;
    for _ in 0..=config.aliases.len() {
        match config.aliases.iter().find(|alias| alias.name == name) {
            Some(alias) => name = &alias.model,
            None => return Some(name),
        }
    }
    None
}

fn model(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": CREATED, "owned_by": "openai" })
}

/// One deployment under one name. Keys and the values of headers are left out by being named nowhere.
fn described(name: &str, deployment: &Deployment, target: &Target) -> Value {
    let mut params = Map::new();
    let mut param = |name: &str, value: Value| {
        if !value.is_null() {
            params.insert(name.into(), value);
        }
    };
    param("model", deployment.model.as_str().into());
    param(
        "custom_llm_provider",
        deployment.custom_llm_provider.clone().into(),
    );
    param(
        "api_base",
        Some(target.api_base())
            .filter(|base| !base.is_empty())
            .into(),
    );
    param("api_version", deployment.api_version.clone().into());
    param("organization", deployment.organization.clone().into());
    param("rpm", deployment.rpm.into());
    param("tpm", deployment.tpm.into());
    param("weight", deployment.weight.into());
    param("order", deployment.order.into());
    param(
        "max_parallel_requests",
        deployment.max_parallel_requests.into(),
    );
    let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
    param("timeout", seconds(deployment.timeout).into());
    param("stream_timeout", seconds(deployment.stream_timeout).into());
    if !deployment.tags.is_empty() {
        param("tags", deployment.tags.clone().into());
    }
    param(
        "input_cost_per_token",
        deployment.input_cost_per_token.into(),
    );
    param(
        "output_cost_per_token",
        deployment.output_cost_per_token.into(),
    );

    let known = &deployment.info;
    let mut info = known.rest.clone();
    info.insert("id".into(), deployment.id.as_str().into());
    info.insert("mode".into(), known.mode.clone().into());
    info.insert("base_model".into(), known.base_model.clone().into());
    info.insert("max_tokens".into(), known.max_tokens.into());
    info.insert("max_input_tokens".into(), known.max_input_tokens.into());
    info.insert("max_output_tokens".into(), known.max_output_tokens.into());
    info.insert(
        "input_cost_per_token".into(),
        deployment.input_cost_per_token.into(),
    );
    info.insert(
        "output_cost_per_token".into(),
        deployment.output_cost_per_token.into(),
    );
    info.insert("litellm_provider".into(), target.provider().name().into());
    json!({ "model_name": name, "litellm_params": params, "model_info": info })
}

/// One group: the largest windows and prices of its deployments, the sum of their limits, and what any of
/// them supports.
fn group(name: &str, behind: &[(&Deployment, &Target)]) -> Value {
    let providers: BTreeSet<_> = behind
        .iter()
        .map(|(_, target)| target.provider().name())
        .collect();
    let deployments = || behind.iter().map(|(deployment, _)| *deployment);
    let largest = |of: fn(&Deployment) -> Option<u64>| deployments().filter_map(of).max();
    let dearest =
        |of: fn(&Deployment) -> Option<f64>| deployments().filter_map(of).reduce(f64::max);
    let sum = |of: fn(&Deployment) -> Option<u64>| {
        deployments().filter_map(of).reduce(u64::saturating_add)
    };
    let mode = deployments().find_map(|deployment| deployment.info.mode.as_deref());
    let mut group = json!({
        "model_group": name,
        "providers": providers,
        "mode": mode.unwrap_or("chat"),
        "max_input_tokens": largest(|d| d.info.max_input_tokens),
        "max_output_tokens": largest(|d| d.info.max_output_tokens),
        "input_cost_per_token": dearest(|d| d.input_cost_per_token),
        "output_cost_per_token": dearest(|d| d.output_cost_per_token),
        "rpm": sum(|d| d.rpm),
        "tpm": sum(|d| d.tpm),
    });
    for deployment in deployments() {
        for (key, value) in &deployment.info.rest {
            if key.starts_with("supports_") && value.as_bool() == Some(true) {
                group[key] = true.into();
            }
        }
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params: { model: azure/eu, api_base: "https://eu.example.com", api_key: sk-canary, rpm: 6 }
    model_info: { id: eu, max_input_tokens: 128000, supports_vision: true }
  - model_name: gpt-4o
    litellm_params: { model: openai/gpt-4o, api_key: sk-canary, rpm: 4, extra_headers: { x-key: sk-canary } }
    model_info: { id: us, max_input_tokens: 64000 }
router_settings:
  model_group_alias:
    gpt-4: gpt-4o
    chained: gpt-4
    secret: { model: gpt-4o, hidden: true }
"#;

    fn info() -> Info {
        let config = Config::parse(CONFIG, "config.yaml").unwrap().config;
        let targets: Vec<_> = config
            .deployments
            .iter()
            .map(|d| {
                let target = Target::builder(&d.model).api_base("https://eu.example.com");
                target.build().unwrap()
            })
            .collect();
        Info::new(&config, &targets)
    }

    fn parsed(bytes: &Bytes) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn aliases_are_listed_and_hidden_ones_are_not() {
        let models = parsed(&info().models());
        let ids: Vec<_> = models["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["chained", "gpt-4", "gpt-4o"]);
        assert_eq!(models["data"][0]["created"], CREATED);
    }

    #[test]
    fn every_name_lists_its_deployments_and_no_key() {
        let info = info();
        let deployments = parsed(&info.deployments());
        assert_eq!(deployments["data"].as_array().unwrap().len(), 6);
        assert_eq!(deployments["data"][0]["model_name"], "chained");
        assert_eq!(deployments["data"][0]["model_info"]["id"], "eu");
        assert_eq!(deployments["data"][0]["litellm_params"]["rpm"], 6);
        for list in [&info.models, &info.deployments, &info.groups] {
            assert!(!String::from_utf8_lossy(list).contains("canary"));
        }
    }

    #[test]
    fn a_group_sums_limits_and_takes_the_largest_window() {
        let groups = parsed(&info().groups());
        let group = &groups["data"][2];
        assert_eq!(group["model_group"], "gpt-4o");
        assert_eq!(group["providers"], json!(["azure", "openai"]));
        assert_eq!(group["rpm"], 10);
        assert_eq!(group["tpm"], Value::Null);
        assert_eq!(group["max_input_tokens"], 128_000);
        assert_eq!(group["supports_vision"], true);
    }
}
