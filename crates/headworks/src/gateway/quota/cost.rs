use crate::meter::Seen;
use headworks_core::{Answer, End, Left, LeftIn, LeftOf};
use headworks_limit::{Cost, Estimator, Period, Quota, Tally, Tokens, Told, Unit};
use headworks_openai::{RequestBody, Usage};
use headworks_provider::Provider;
use http::Request;
use metrics::{Histogram, histogram};
use std::{fmt, sync::Arc};
use tokio::time::Instant;

/// What requests to one deployment cost: as long as their prompts are, and as the provider's own counts teach.
#[derive(Clone, Debug)]
pub(crate) struct TokenCost(Arc<Inner>);

struct Inner {
    estimator: Estimator,
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
    seen: Option<Arc<Seen>>,
}

// ===== impl TokenCost =====

impl TokenCost {
    /// Of a deployment of this id and provider, counted against this quota.
    pub(crate) fn new(deployment: &str, provider: &'static Provider, quota: &Quota) -> Self {
        let labels = [("deployment", deployment.to_owned())];
        Self(Arc::new(Inner {
            estimator: Estimator::new(),
            provider,
            tokens: quota.limits().count_tokens(),
            quota: (!quota.limits().is_empty()).then(|| quota.clone()),
            error: histogram!("headworks_token_estimate_ratio", &labels),
        }))
    }

    /// What of a usage counts. Anthropic does not count what it reads from its cache (its documentation of rate
    /// limits); the others do, as far as is known.
    fn tokens(&self, usage: Usage) -> Tokens {
        let free = match self.0.provider.name() {
            "anthropic" => usage.cached_input,
            _ => 0,
        };
        Tokens::new(usage.input.saturating_sub(free), usage.output)
    }
}

impl Cost<RequestBody> for TokenCost {
    type Tally = TokenTally;

    fn estimate(&self, request: &Request<RequestBody>) -> (Tokens, TokenTally) {
        let tally = |prompt| TokenTally {
            cost: self.clone(),
            prompt,
            seen: None,
        };
        // A prompt is not measured for nobody.
        if !self.0.tokens {
            return (Tokens::NONE, tally(0));
        }
        let body = request.body();
        let prompt = body.prompt_len();
        let tokens = self.0.estimator.estimate(prompt, body.max_tokens());
        (tokens, tally(prompt))
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
    fn total(self, _: End, estimate: Tokens) -> Option<Tokens> {
        let seen = self.seen?;
        if let Some(usage) = seen.usage() {
            let Inner {
                estimator, error, ..
            } = &*self.cost.0;
            // The tokenizer sees the whole prompt, whoever pays for which part of it.
            estimator.learn(self.prompt, Tokens::new(usage.input, usage.output));
            let actual = self.cost.tokens(usage);
            if actual.total() > 0 {
                error.record(estimate.total() as f64 / actual.total() as f64);
            }
            return Some(actual);
        }
        // Most providers send a token an event.
        let pieces = seen.pieces();
        (pieces > 0).then(|| Tokens::new(estimate.input, pieces))
    }
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
