//! Deployments as health checks see them.

use super::{
    simulated::simulated,
    target::{self, checked},
};
use crate::{
    gateway::stack::CheckClient,
    health::{Completion, Probe, Subject},
};
use headworks_breaker::Circuit;
use headworks_config::{Config, Deployment, HealthCheck};
use headworks_provider::{
    Target,
    verdict::{JudgeLayer, SharedOverrule},
};

/// What is checked of a deployment, and how.
pub(super) fn subject(
    config: &Config,
    deployment: &Deployment,
    target: &Target,
    circuit: &Circuit,
    judge: &JudgeLayer<SharedOverrule>,
    checker: &CheckClient,
) -> Subject<CheckClient> {
    let probe = match simulated(deployment, target) {
        Some(_) => Probe::Nothing,
        None => probe(config, deployment),
    };
    let other = match &probe {
        Probe::Completion(_) => {
            checked(deployment).and_then(|other| target::target(config, &other).ok())
        }
        _ => None,
    };
    let target = other.as_ref().unwrap_or(target);
    Subject::new(
        deployment.id.clone(),
        deployment.group.clone(),
        target.clone(),
        circuit.clone(),
        checker.clone(),
    )
    .model(&deployment.model)
    .judge(judge.clone())
    .probe(probe)
    .background(!deployment.info.disable_background_health_check)
    .timeout(deployment.info.health_check_timeout)
}

/// What a check asks for: a completion only where the operator has asked for it, and the deployment is for
/// something of which a little is enough.
fn probe(config: &Config, deployment: &Deployment) -> Probe {
    let info = &deployment.info;
    let completion = match config.headworks.health_check {
        HealthCheck::Models => None,
        HealthCheck::Completion => Completion::of_mode(info.mode.as_deref()),
    };
    let Some(mut completion) = completion else {
        return Probe::Models;
    };
    if info.health_check_without_max_tokens {
        completion = completion.max_tokens(None);
    } else if let Some(tokens) = info.health_check_max_tokens() {
        completion = completion.max_tokens(tokens);
    }
    Probe::Completion(match &info.health_check_voice {
        Some(voice) => completion.voice(voice.as_str()),
        None => completion,
    })
}
