use crate::{
    check, quote,
    read::{Field, Section},
    report::Report,
};
use std::time::Duration;

/// `litellm_params.simulated`: how a deployment of the model `simulated/…` behaves. Our own key.
///
/// ```yaml
/// - model_name: demo
///   litellm_params:
///     model: simulated/flaky
///     simulated:
///       latency_ms: 200
///       errors: {429: 0.1, 500: 0.02}
///       seed: 7
/// ```
///
/// What is left out is up to the simulated provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulated {
    /// Until the head of the answer: `latency_ms`.
    pub latency: Option<Duration>,
    /// Added to that at random, evenly from 0 to here: `jitter_ms`.
    pub jitter: Option<Duration>,
    /// From the head to the first token of a stream: `first_token_ms`.
    pub first_token: Option<Duration>,
    /// How fast tokens follow one another in a stream.
    pub tokens_per_second: Option<f64>,
    /// The length of the answer, in tokens.
    pub answer_tokens: Option<u64>,
    /// Error statuses and the share of requests that get them, each above 0, together at most 1; `error_rate`
    /// is here as status 500.
    pub errors: Vec<(u16, f64)>,
    /// Requests per minute, beyond which the answer is 429.
    pub rpm: Option<u64>,
    /// The share of streams that break off, 0 to 1.
    pub cut_rate: Option<f64>,
    /// Makes what is random repeatable.
    pub seed: Option<u64>,
}

// ===== impl Simulated =====

impl Simulated {
    pub(crate) fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        let section = field.section("litellm_params.simulated", report)?;
        check::keys(&section, report);
        let get = |name| section.get(name);
        let milliseconds = |name, report: &mut Report| {
            get(name)?.time(report, "a number of milliseconds, 0 or more", 0.001)
        };
        Some(Self {
            latency: milliseconds("latency_ms", report),
            jitter: milliseconds("jitter_ms", report),
            first_token: milliseconds("first_token_ms", report),
            tokens_per_second: get("tokens_per_second").and_then(|field| {
                field.number(report, "a number of tokens above 0", |speed| speed > 0.0)
            }),
            answer_tokens: get("answer_tokens").and_then(|field| field.count(report)),
            errors: errors(&section, report),
            rpm: get("rpm").and_then(|field| field.count(report)),
            cut_rate: get("cut_rate").and_then(|field| field.share(report)),
            seed: get("seed").and_then(|field| field.count(report)),
        })
    }
}

fn errors(section: &Section<'_>, report: &mut Report) -> Vec<(u16, f64)> {
    let mut errors = Vec::new();
    let mut last = None;
    if let Some(field) = section.get("error_rate") {
        errors.extend(field.share(report).map(|share| (500, share)));
        last = Some(field);
    }
    if let Some(field) = section.get("errors") {
        let statuses = field.section("litellm_params.simulated.errors", report);
        for status in statuses.iter().flat_map(Section::fields) {
            let code = status.name.parse().ok();
            let Some(code) = code.filter(|code| (400..600).contains(code)) else {
                let found = quote(status.name);
                let message = format!("an error is a status from 400 to 599, found {found}");
                report.problem(status.key_mark, message, "write `errors: {429: 0.1}`");
                continue;
            };
            errors.extend(status.share(report).map(|share| (code, share)));
        }
        last = Some(field);
    }
    errors.retain(|(_, share)| *share > 0.0);
    let sum: f64 = errors.iter().map(|(_, share)| share).sum();
    // Ten shares of 0.1 may come to a little more than 1.
    if let Some(field) = last.filter(|_| sum > 1.0 + 1e-9) {
        let message = format!("the shares of errors come to {sum:.3}, more than 1");
        report.problem(field.mark(), message, "");
    }
    errors
}
