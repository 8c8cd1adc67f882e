use crate::{
    gateway::{
        quota::TokenCost,
        reach::Reach,
        stack::{self, Own},
    },
    meter::{Labels, MeterLayer, Meters},
};
use headworks_balance::{Endpoint, State};
use headworks_breaker::Circuit;
use headworks_config::{Commit, Config, Deployment, RoutingStrategy};
use headworks_limit::RateLimitLayer;
use headworks_openai::stream::{CommitLayer, CommitPoint};
use headworks_provider::{
    Target,
    verdict::{JudgeLayer, SharedOverrule},
};
use headworks_timeout::{AttemptTimeoutLayer, StreamTimeoutLayer};
use std::sync::Arc;
use tokio::time::Instant;

/// A deployment as balance sees it: its layers, and what it is chosen by.
pub(super) fn endpoint(
    config: &Config,
    deployment: &Deployment,
    target: &Target,
    circuit: Circuit,
    judge: JudgeLayer<SharedOverrule>,
    limit: RateLimitLayer<TokenCost>,
    reach: Reach,
) -> Endpoint<stack::Deployment> {
    let meters = Meters::new(&Labels {
        deployment: deployment.id.clone(),
        group: deployment.group.clone(),
        provider: target.provider().name().to_owned(),
        model: target.model().to_owned(),
    });
    let plain = deployment.timeout.unwrap_or_else(|| config.timeout());
    let stream = deployment.stream_timeout.or(config.router.stream_timeout);
    let first_token = config.headworks.ttft_timeout;
    let (timeout, commit) = match config.commit(&deployment.group) {
        // The head is held until the first token: it has the time of a stream.
        Commit::FirstToken => {
            let timeout = AttemptTimeoutLayer::new(plain).head(stream.unwrap_or(plain));
            let commit = CommitLayer::new(CommitPoint::FirstToken).first_token(first_token);
            (timeout, commit)
        }
        // The head is held until the end: all of the answer has the time of a plain one, and its first token
        // that of a stream.
        Commit::Complete => {
            let first_token = first_token.into_iter().chain(stream).min();
            let commit = CommitLayer::new(CommitPoint::Complete).first_token(first_token);
            (AttemptTimeoutLayer::new(plain), commit)
        }
    };
    let rules = judge.clone();
    let commit = commit.judge_by(move |told| rules.of_event(told.status, told.headers, told.body));
    let silence = StreamTimeoutLayer::new()
        .head(config.headworks.headers_timeout)
        .idle(config.headworks.stream_idle_timeout);
    let state = Arc::new(State::default());
    let mut meter = MeterLayer::new(meters);
    if goes_by_usage(config) {
        meter = meter.telling(state.clone());
    }
    if limit.quota().limits().count_tokens() {
        meter = meter.showing();
    }
    let own = Own {
        limit,
        meter,
        circuit: circuit.clone(),
        timeout,
        judge,
        commit,
        silence,
    };
    let service = stack::deployment(own, target.clone(), reach);
    let mut endpoint = Endpoint::new(deployment.id.clone(), service)
        .state(state)
        .tags(deployment.tags.iter().map(String::as_str))
        .gate(move || circuit.standing(Instant::now()));
    if let Some(order) = deployment.order {
        endpoint = endpoint.order(order);
    }
    if let Some(most) = config.max_parallel_requests(deployment) {
        endpoint = endpoint.max_in_flight(usize::try_from(most).unwrap_or(usize::MAX));
    }
    if let Some(weight) = deployment.weight {
        endpoint = endpoint.weight(weight);
    }
    if let Some(rpm) = deployment.rpm {
        endpoint = endpoint.rpm(rpm);
    }
    if let Some(tpm) = deployment.tpm {
        endpoint = endpoint.tpm(tpm);
    }
    if config.router.enable_pre_call_checks {
        if let Some(max) = deployment.info.max_input_tokens {
            endpoint = endpoint.max_input_tokens(max);
        }
        if let Some(region) = &deployment.region_name {
            endpoint = endpoint.region(region.as_str());
        }
    }
    if let Some(cost) = deployment.cost_per_token() {
        endpoint = endpoint.cost(cost);
    }
    endpoint
}

/// True if somebody chooses by what is used, so that it is worth reading.
fn goes_by_usage(config: &Config) -> bool {
    matches!(
        config.router.routing_strategy,
        RoutingStrategy::UsageBased | RoutingStrategy::UsageBasedV2
    )
}
