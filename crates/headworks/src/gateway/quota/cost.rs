use crate::meter::Seen;
use headworks_core::{Answer, End};
use headworks_limit::{Cost, Estimator, Tally, Tokens};
use headworks_openai::{RequestBody, Usage};
use http::Request;
use metrics::{Histogram, histogram};
use std::{fmt, sync::Arc};

/// What requests to one deployment cost: as long as their prompts are, and as the provider's own counts teach.
#[derive(Clone, Debug)]
pub(crate) struct TokenCost(Arc<Inner>);

struct Inner {
    estimator: Estimator,
    /// What the provider has read from its cache is not counted against its limits.
    cached_is_free: bool,
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
    /// Of a deployment of this id and provider. Anthropic does not count what it reads from its cache (its
    /// documentation of rate limits); the others do, as far as is known.
    pub(crate) fn new(deployment: &str, provider: &str) -> Self {
        let labels = [("deployment", deployment.to_owned())];
        Self(Arc::new(Inner {
            estimator: Estimator::new(),
            cached_is_free: provider == "anthropic",
            error: histogram!("headworks_token_estimate_ratio", &labels),
        }))
    }

    fn tokens(&self, usage: Usage) -> Tokens {
        let free = if self.0.cached_is_free {
            usage.cached_input
        } else {
            0
        };
        Tokens::new(usage.input.saturating_sub(free), usage.output)
    }
}

impl Cost<RequestBody> for TokenCost {
    type Tally = TokenTally;

    fn estimate(&self, request: &Request<RequestBody>) -> (Tokens, TokenTally) {
        let body = request.body();
        let prompt = body.prompt_len();
        let tokens = self.0.estimator.estimate(prompt, body.max_tokens());
        let tally = TokenTally {
            cost: self.clone(),
            prompt,
            seen: None,
        };
        (tokens, tally)
    }
}

// ===== impl TokenTally =====

impl Tally for TokenTally {
    fn head(&mut self, head: Answer<'_>) {
        if let Answer::Head { extensions, .. } = head {
            self.seen = extensions.get().cloned();
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

// ===== impl Inner =====

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("estimator", &self.estimator)
            .field("cached_is_free", &self.cached_is_free)
            .finish_non_exhaustive()
    }
}
