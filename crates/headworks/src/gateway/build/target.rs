//! Where deployments live, and who the gateway is to them.

use super::BuildError;
use headworks_config::{Config, Deployment, Problem};
use headworks_core::Secret;
use headworks_provider::{Provider, Target, TargetBuilder, TargetError};

/// Where each deployment lives; every one that cannot be told is reported, not only the first.
pub(super) fn targets(config: &Config) -> Result<Vec<Target>, BuildError> {
    let mut problems = Vec::new();
    let mut targets = Vec::new();
    for deployment in &config.deployments {
        match target(config, deployment) {
            Ok(target) => targets.push(target),
            Err(error) => problems.push(Problem::new(&deployment.at, error.to_string())),
        }
        let checked = checked(deployment).map(|checked| target(config, &checked));
        if let Some(Err(error)) = checked {
            let message = format!("`model_info.health_check_model`: {error}");
            problems.push(Problem::new(&deployment.at, message));
        }
    }
    if problems.is_empty() {
        Ok(targets)
    } else {
        Err(BuildError::Deployments(problems.into_iter().collect()))
    }
}

pub(super) fn target(config: &Config, deployment: &Deployment) -> Result<Target, TargetError> {
    let describe = |api_base: Option<&str>, api_key: Option<Secret>| {
        let mut target = Target::builder(&deployment.model);
        let set =
            |builder, value: Option<&str>, set: fn(TargetBuilder, String) -> TargetBuilder| {
                match value {
                    Some(value) => set(builder, value.to_owned()),
                    None => builder,
                }
            };
        target = set(
            target,
            deployment.custom_llm_provider.as_deref(),
            TargetBuilder::provider,
        );
        target = set(target, api_base, TargetBuilder::api_base);
        target = set(
            target,
            deployment.api_version.as_deref(),
            TargetBuilder::api_version,
        );
        target = set(
            target,
            deployment.organization.as_deref(),
            TargetBuilder::organization,
        );
        for (name, value) in &deployment.extra_headers {
            // The configuration has checked that it is text.
            let value = value.to_str().unwrap_or_default();
            target = target.header(name.as_str(), Secret::from(value));
        }
        match api_key {
            Some(key) => target.api_key(key).build(),
            None => target.build(),
        }
    };
    let (api_base, api_key) = (deployment.api_base.as_deref(), deployment.api_key.clone());
    let target = describe(api_base, api_key.clone());
    // What the configuration leaves out is looked for where LiteLLM looks: in the provider's variables.
    let provider = match &target {
        Ok(target) => target.provider(),
        Err(TargetError::NoApiBase(name)) => match Provider::find(name) {
            Some(provider) => provider,
            None => return target,
        },
        Err(_) => return target,
    };
    let variable = |names: &[&str]| names.iter().find_map(|name| variable(config, name));
    let found_base = match api_base {
        Some(_) => None,
        None => variable(provider.api_base_env()),
    };
    let found_key = match api_key {
        Some(_) => None,
        None => key_of_variable(config, provider),
    };
    if found_base.is_none() && found_key.is_none() {
        return target;
    }
    let found_base = found_base.as_ref().map(Secret::expose);
    describe(api_base.or(found_base), api_key.or(found_key))
}

/// The key that a provider's own variables hold, for deployments that are given none.
pub(super) fn key_of_variable(config: &Config, provider: &Provider) -> Option<Secret> {
    let mut names = provider.key_env().iter();
    names.find_map(|name| variable(config, name))
}

/// A variable of the file's own, else of the process.
fn variable(config: &Config, name: &str) -> Option<Secret> {
    config.environment_variable(name).cloned().or_else(|| {
        let value = std::env::var(name).ok()?;
        (!value.is_empty()).then(|| Secret::from(value))
    })
}

/// The deployment as a check by completion asks for it, where that is for another model.
pub(super) fn checked(deployment: &Deployment) -> Option<Deployment> {
    let model = deployment.info.health_check_model.clone()?;
    Some(Deployment {
        model,
        ..deployment.clone()
    })
}
