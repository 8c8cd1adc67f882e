use super::Sampler;
use crate::meter::Seen;
use headworks_core::{Answer, End, Left, LeftIn, LeftOf};
use headworks_limit::{Cost, Estimator, Period, Quota, Tally, Tokens, Told, Unit};
use headworks_openai::{RequestBody, Usage};
use headworks_provider::{Endpoint, Provider};
use http::Request;
use metrics::{Histogram, histogram};
use std::{fmt, sync::Arc};
use tokio::time::Instant;

/// What requests to one deployment cost: as long as their prompts are, and as the provider's own counts teach.
#[derive(Clone, Debug)]
pub(crate) struct TokenCost(Arc<Inner>);

struct Inner {
    estimator: Arc<Estimator>,
    sampler: Option<Sampler>,
    provider: &'static Provider,
    /// Is told what the provider says is left of it, if there is anything to count.
    quota: Option<Quota>,
    /// Whether tokens are counted.
    tokens: bool,
    /// Estimate by actual.
    error: Histogram,
}

/// Follows one answer.
#[derive(Debug)]
pub(crate) struct TokenTally {
    cost: TokenCost,
    prompt: u64,
    /// Whether what is asked for is text that the model writes.
    writes: bool,
    seen: Option<Arc<Seen>>,
}

// ===== impl TokenCost =====

impl TokenCost {
    /// Of a deployment of this id and provider, counted against this quota.
    pub(in crate::gateway) fn new(
        deployment: &str,
        provider: &'static Provider,
        quota: &Quota,
        sampler: Option<Sampler>,
    ) -> Self {
        let labels = [("deployment", deployment.to_owned())];
        let limits = quota.limits();
        // A limit that is half unused is not to be out of reach, whatever answers have been like.
        let longest = [Unit::Tokens, Unit::OutputTokens].into_iter();
        let longest = longest.filter_map(|unit| limits.get(unit, Period::Minute));
        let estimator = match longest.min() {
            Some(limit) => Estimator::new().longest(limit / 2),
            None => Estimator::new(),
        };
        Self(Arc::new(Inner {
            estimator: Arc::new(estimator),
            sampler,
            provider,
            tokens: limits.count_tokens(),
            quota: (!limits.is_empty()).then(|| quota.clone()),
            error: histogram!("headworks_token_estimate_ratio", &labels),
        }))
    }

    /// What of a usage counts. Anthropic does not count what it reads from its cache (its documentation of rate
    /// limits); the others do, as far as is known. A prompt that is not counted is as long as it was thought to be.
    fn tokens(&self, usage: Usage, estimate: Tokens) -> Tokens {
        let free = match self.0.provider.name() {
            "anthropic" => usage.cached_input,
            _ => 0,
        };
        let input = match usage.input {
            0 => estimate.input,
            input => input.saturating_sub(free),
        };
        Tokens::new(input, output(usage))
    }
}

impl Cost<RequestBody> for TokenCost {
    type Tally = TokenTally;

    fn estimate(&self, request: &Request<RequestBody>) -> (Tokens, TokenTally) {
        let tally = |prompt, writes| TokenTally {
            cost: self.clone(),
            prompt,
            writes,
            seen: None,
        };
        // A prompt is not measured for nobody.
        if !self.0.tokens {
            return (Tokens::NONE, tally(0, false));
        }
        let body = request.body();
        let prompt = body.counted_len();
        if let Some(sampler) = &self.0.sampler {
            sampler.look(body, &self.0.estimator);
        }
        let writes = writes(request.uri().path());
        let most = match writes {
            true => body
                .max_tokens()
                .map(|most| most.saturating_mul(body.answers())),
            false => Some(0),
        };
        let tokens = self.0.estimator.estimate(prompt, most);
        (tokens, tally(prompt, writes))
    }
}

// ===== impl TokenTally =====

impl Tally for TokenTally {
    fn head(&mut self, head: Answer<'_>) {
        let Answer::Head {
            headers,
            extensions,
            ..
        } = head
        else {
            return;
        };
        let Inner {
            provider, quota, ..
        } = &*self.cost.0;
        if self.cost.0.tokens {
            self.seen = extensions.get().cloned();
        }
        if let Some(quota) = quota {
            let now = Instant::now();
            for left in provider.left(headers) {
                if let Some(told) = told(left) {
                    quota.told(told, now);
                }
            }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio need not be exact to 2^-53"
    )]
    fn total(self, end: End, estimate: Tokens) -> Option<Tokens> {
        let seen = self.seen?;
        let Inner {
            estimator, error, ..
        } = &*self.cost.0;
        if let Some(usage) = seen
            .usage()
            .filter(|usage| usage.input > 0 || output(*usage) > 0)
        {
            // The tokenizer sees the whole prompt, whoever pays for which part of it.
            estimator.learn_prompt(self.prompt, usage.input);
            if self.writes {
                estimator.learn_answer(output(usage));
            }
            let actual = self.cost.tokens(usage, estimate);
            if actual.total() > 0 {
                error.record(estimate.total() as f64 / actual.total() as f64);
            }
            return Some(actual);
        }
        // Most providers send a token an event.
        let pieces = seen.pieces();
        if pieces > 0 && end == End::Complete {
            estimator.learn_answer(pieces);
        }
        (pieces > 0).then(|| Tokens::new(estimate.input, pieces))
    }
}

/// The tokens of an answer. Some count what the model thinks in the total alone (`xAI`, Gemini by `OpenAI`'s
/// protocol).
fn output(usage: Usage) -> u64 {
    usage.output.max(usage.total.saturating_sub(usage.input))
}

/// Whether an answer at this path has tokens beside those of the prompt.
fn writes(path: &str) -> bool {
    !matches!(
        Endpoint::from_path(path),
        Some(
            Endpoint::Embeddings
                | Endpoint::CountTokens
                | Endpoint::Moderations
                | Endpoint::Rerank
                | Endpoint::AudioSpeech
        )
    )
}

/// What a provider says is left, in the words of a quota; `None` of what there are no limits for.
fn told(left: Left) -> Option<Told> {
    let unit = match left.of {
        LeftOf::Requests => Unit::Requests,
        LeftOf::Tokens => Unit::Tokens,
        LeftOf::InputTokens => Unit::InputTokens,
        LeftOf::OutputTokens => Unit::OutputTokens,
        _ => return None,
    };
    let period = match left.period {
        LeftIn::Minute => Period::Minute,
        LeftIn::Day => Period::Day,
        _ => return None,
    };
    let mut told = Told::new(unit, period, left.remaining);
    told.limit = left.limit;
    told.reset = left.reset;
    Some(told)
}

// ===== impl Inner =====

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("estimator", &self.estimator)
            .field("provider", &self.provider.name())
            .finish_non_exhaustive()
    }
}
