//! Configurations as `LiteLLM` writes them.

/// One entry of `model_list`: an `openai/` deployment of `group` at `base_url`, whose key is `sk-ID` and
/// whose own name for the model is `ID-model`.
#[must_use]
pub fn openai(group: &str, id: &str, base_url: &str) -> String {
    with(group, id, base_url, "")
}

/// The same, with more `litellm_params` in YAML's flow form, such as `weight: 3, timeout: 1`.
#[must_use]
pub fn with(group: &str, id: &str, base_url: &str, params: &str) -> String {
    entry(
        group,
        id,
        &format!(
            "model: openai/{id}-model, api_base: \"{base_url}/v1\", api_key: sk-{id}, {params}"
        ),
    )
}

/// An `anthropic/` deployment.
#[must_use]
pub fn anthropic(group: &str, id: &str, base_url: &str) -> String {
    entry(
        group,
        id,
        &format!("model: anthropic/{id}-model, api_base: \"{base_url}\", api_key: sk-{id}"),
    )
}

/// A deployment that lives in the gateway's own process and answers at once.
#[must_use]
pub fn simulated(group: &str, id: &str, params: &str) -> String {
    let at_once = "simulated: { latency_ms: 0, first_token_ms: 0, answer_tokens: 1 }";
    entry(
        group,
        id,
        &format!("model: simulated/{id}, {at_once}, {params}"),
    )
}

/// A configuration of these deployments, and of what else is given as YAML.
#[must_use]
pub fn of(deployments: &[String], rest: &str) -> String {
    format!("model_list:\n{}{rest}\n", deployments.concat())
}

fn entry(group: &str, id: &str, params: &str) -> String {
    format!(
        "  - model_name: {group}\n    litellm_params: {{ {params} }}\n    model_info: {{ id: {id} }}\n"
    )
}
