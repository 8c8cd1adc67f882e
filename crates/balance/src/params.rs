use std::{sync::Arc, time::Duration};

/// What the operator has said about an endpoint.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Params {
    /// Its share relative to the others. Zero is a standby: chosen when nobody with a weight may be.
    pub weight: Option<f64>,
    /// Requests a minute it is good for; its share where nobody who may be chosen has a weight.
    pub rpm: Option<u64>,
    /// Tokens a minute it is good for; its share where nobody who may be chosen has a weight or an `rpm`.
    pub tpm: Option<u64>,
    /// What it costs, in whatever unit the group counts: of a model, what a token of a prompt and a token of
    /// an answer cost together. What is negative or no number counts as no price.
    pub cost: Option<f64>,
    /// Its tier: the lowest with a candidate is asked, those without an order last. Default: none.
    pub order: Option<i64>,
    /// The most requests in flight at a time. Default: no limit.
    pub max_in_flight: Option<usize>,
    /// How long it takes until it has its whole share, when it is new in a group that has others or is back
    /// from a rest. Default: 5 s; zero is at once.
    pub slow_start: Duration,
    /// What it may be asked for by; see [`Tags`](crate::Tags). Default: none.
    pub tags: Arc<[Box<str>]>,
    /// The longest prompt it takes, in tokens. Default: not known, which is any.
    pub max_input_tokens: Option<u64>,
    /// Where it is. Default: not known, which is none that can be asked for.
    pub region: Option<Arc<str>>,
}

// ===== impl Params =====

impl Default for Params {
    fn default() -> Self {
        Self {
            weight: None,
            rpm: None,
            tpm: None,
            cost: None,
            order: None,
            max_in_flight: None,
            // Long enough for connections and caches to fill, and short enough that its share is back well
            // within ten seconds.
            slow_start: Duration::from_secs(5),
            tags: Arc::new([]),
            max_input_tokens: None,
            region: None,
        }
    }
}
