use super::failure::Failure;
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// How a simulated deployment behaves.
///
/// The default answers at once, with a few words, and never fails. Durations are measured on tokio's clock,
/// so that a test may pause it; what is left to chance follows from [`seed`](Self::seed) and the order in
/// which requests arrive.
///
/// ```
/// use headworks_provider::simulated::Params;
/// use std::time::Duration;
///
/// let slow_and_flaky = Params::default()
///     .latency(Duration::from_millis(300))
///     .jitter(Duration::from_millis(100))
///     .tokens_per_second(40.0)
///     .error_rate(http::StatusCode::SERVICE_UNAVAILABLE, 0.1);
/// # let _ = slow_and_flaky;
/// ```
#[derive(Clone, Debug)]
pub struct Params {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) first_token: Duration,
    pub(super) tokens_per_second: f64,
    pub(super) answer_tokens: usize,
    pub(super) answer: Answer,
    pub(super) error_rates: Vec<(StatusCode, f64)>,
    pub(super) rpm: Option<u32>,
    pub(super) cut_rate: f64,
    pub(super) seed: u64,
}

/// What is answered when nothing goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A greeting that names the model, and filler.
    Greeting,
    /// These words.
    Text(Arc<str>),
    /// This error.
    Fails(Failure),
}

/// Long enough to be seen arriving, short enough to be read.
const ANSWER_TOKENS: usize = 16;

// ===== impl Params =====

impl Default for Params {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            first_token: Duration::ZERO,
            tokens_per_second: f64::INFINITY,
            answer_tokens: ANSWER_TOKENS,
            answer: Answer::Greeting,
            error_rates: Vec::new(),
            rpm: None,
            cut_rate: 0.0,
            seed: 0,
        }
    }
}

impl Params {
    /// What `LiteLLM`'s `mock_response` stands for.
    ///
    /// `litellm.RateLimitError` and the other names of `LiteLLM`'s errors are answered with the status and the
    /// error object they stand for, `litellm.APIConnectionError` with no answer at all;
    /// `Exception: content_filter_policy` is a refusal by the content policy, and
    /// `Exception: mock_streaming_error` breaks off in the middle. Any other text is the answer, whole.
    #[must_use]
    pub fn mock_response(response: &str) -> Self {
        let params = Self {
            answer_tokens: usize::MAX,
            ..Self::default()
        };
        if response.starts_with("Exception: mock_streaming_error") {
            return params.answer(response).cut_rate(1.0);
        }
        match Failure::named(response) {
            Some(failure) => Self {
                answer: Answer::Fails(failure),
                ..params
            },
            None => params.answer(response),
        }
    }

    /// The time to the head of an answer, errors included. Default: none.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How far the latency strays from its value, evenly to both sides. Default: not at all.
    #[must_use]
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// The time from the head of an answer to its first token; a plain answer comes that much later.
    /// Default: none.
    #[must_use]
    pub const fn first_token(mut self, delay: Duration) -> Self {
        self.first_token = delay;
        self
    }

    /// How fast tokens follow the first. Default: all at once, as for any rate that is not above zero.
    #[must_use]
    pub const fn tokens_per_second(mut self, rate: f64) -> Self {
        self.tokens_per_second = rate;
        self
    }

    /// The length of an answer, a word to a token. A request may ask for less. Default: 16.
    #[must_use]
    pub const fn answer_tokens(mut self, tokens: usize) -> Self {
        self.answer_tokens = tokens;
        self
    }

    /// The text of every answer, up to [`answer_tokens`](Self::answer_tokens) words of it. Default: a
    /// greeting that names the model.
    #[must_use]
    pub fn answer(mut self, text: impl Into<Arc<str>>) -> Self {
        self.answer = Answer::Text(text.into());
        self
    }

    /// Answers a share of the requests, from 0 to 1, with this status and its error object. May be given for
    /// several statuses; the shares add up.
    #[must_use]
    pub fn error_rate(mut self, status: StatusCode, rate: f64) -> Self {
        self.error_rates.push((status, rate));
        self
    }

    /// The requests it takes in a minute, which begins with the first; those above are turned down at once,
    /// with 429, `retry-after` and the `x-ratelimit-*` headers that then every answer has. Default: any number.
    #[must_use]
    pub const fn rpm(mut self, limit: u32) -> Self {
        self.rpm = Some(limit);
        self
    }

    /// The share of answers, from 0 to 1, that break off with an error before their end. Default: none.
    #[must_use]
    pub const fn cut_rate(mut self, rate: f64) -> Self {
        self.cut_rate = rate;
        self
    }

    /// What chance follows from. Default: 0.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// When token number `index` of an answer comes, counted from the head.
    pub(super) fn token_due(&self, index: usize) -> Duration {
        // More tokens than a u32 counts come no later.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let seconds = f64::from(index) / self.tokens_per_second;
        let since_first = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.first_token.saturating_add(since_first)
    }
}
