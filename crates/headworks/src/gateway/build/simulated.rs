use headworks_config::Deployment;
use headworks_provider::{Target, simulated::Params};
use http::StatusCode;

/// How a deployment that lives in the process behaves; `None` for one that does not.
pub(super) fn simulated(deployment: &Deployment, target: &Target) -> Option<Params> {
    if let Some(mock) = &deployment.mock_response {
        // LiteLLM takes whole response objects too; their text is what a client reads.
        let text = mock
            .as_str()
            .map_or_else(|| mock.to_string(), str::to_owned);
        return Some(Params::mock_response(&text));
    }
    if !target.provider().is_simulated() {
        return None;
    }
    let mut params = Params::default();
    let Some(simulated) = &deployment.simulated else {
        return Some(params);
    };
    if let Some(latency) = simulated.latency {
        params = params.latency(latency);
    }
    if let Some(jitter) = simulated.jitter {
        params = params.jitter(jitter);
    }
    if let Some(delay) = simulated.first_token {
        params = params.first_token(delay);
    }
    if let Some(rate) = simulated.tokens_per_second {
        params = params.tokens_per_second(rate);
    }
    if let Some(tokens) = simulated.answer_tokens {
        params = params.answer_tokens(usize::try_from(tokens).unwrap_or(usize::MAX));
    }
    for (status, rate) in &simulated.errors {
        // The configuration takes no other numbers.
        if let Ok(status) = StatusCode::from_u16(*status) {
            params = params.error_rate(status, *rate);
        }
    }
    if let Some(rpm) = simulated.rpm {
        params = params.rpm(u32::try_from(rpm).unwrap_or(u32::MAX));
    }
    if let Some(rate) = simulated.cut_rate {
        params = params.cut_rate(rate);
    }
    if let Some(seed) = simulated.seed {
        params = params.seed(seed);
    }
    Some(params)
}
