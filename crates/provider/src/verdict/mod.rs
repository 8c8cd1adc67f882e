//! What a provider's error means.
//!
//! A status says too little: a 429 is a quota of a minute, a quota of a day, an empty account or a provider
//! without room; a 400 is the caller's fault, a prompt too long, a refusal, or a key that is wrong. The
//! body says it, in as many spellings as there are providers. [`Rules`] are the one place that knows them:
//! pure functions from (provider, status, headers, body) to a [`Verdict`](headworks_core::Verdict), and
//! tables, each row with its source. [`JudgeLayer`] asks them about each error and leaves the verdict in the
//! response's extensions, where [`StatusClassifier`](headworks_core::StatusClassifier) finds it: retry,
//! breaker, balancer and metrics need not know more.
//!
//! It differs from `StatusClassifier`, which sees the head only and knows no provider.
//!
//! # What goes first
//!
//! 1. Words the provider wrote for machines (`code`, `type`, `status`, …) that have one meaning.
//! 2. English, where there is no such word or only a broad one; phrases that blame the deployment count
//!    only at statuses, and at places in the message, that a caller's own words quoted in it cannot reach.
//! 3. Broad words, such as `rate_limit_exceeded`.
//! 4. The status.
//!
//! A model or deployment that the provider does not know is the deployment's fault
//! ([`Misconfigured`](headworks_core::Outcome::Misconfigured)): the name was put there by the configuration,
//! not by the caller.
//!
//! # The last word
//!
//! is the user's: [`JudgeLayer::overrule`] takes outcomes by status ([`Statuses`]), or a closure that is shown the
//! whole answer ([`Case`]) and gives another verdict, hint included, or none:
//!
//! ```
//! use headworks_core::{Hint, Outcome, Verdict};
//! use headworks_provider::{Provider, verdict::{Case, JudgeLayer}};
//! use std::time::Duration;
//!
//! let vllm = Provider::find("hosted_vllm").expect("a row of the table");
//! let layer = JudgeLayer::new(vllm).overrule(|case: &Case<'_>| {
//!     let loading = case.status == 404 && case.body.starts_with(b"loading");
//!     loading.then(|| Verdict {
//!         outcome: Outcome::Capacity,
//!         hint: Some(Hint::after(Duration::from_secs(30))),
//!     })
//! });
//! # drop(layer);
//! ```
//!
//! The longest hint that is believed is a setting as well ([`JudgeLayer::longest_hint`]). What an outcome leads to
//! is not decided here but by retry's and breaker's policies.
//!
//! # Where it belongs in the stack
//!
//! Directly outside of [`SignInLayer`](crate::SignInLayer), one per deployment: inside of everything that
//! judges, and inside of the timeouts, which are the only clocks on its reading.
//!
//! # What it costs
//!
//! An answer that is no error passes untouched, without an allocation. Of an error up to 64 KiB of the body
//! are read before the head is handed on, and the body then says the same bytes again, followed by what is
//! left of it.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use headworks_core::{Answer, Classify, Outcome, StatusClassifier};
//! use headworks_provider::{Provider, verdict::JudgeLayer};
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! const ERROR: &str = r#"{"error": {"type": "insufficient_quota", "message": "You exceeded …"}}"#;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let openai = Provider::find("openai").expect("a row of the table");
//! let deployment = ServiceBuilder::new()
//!     .layer(JudgeLayer::new(openai))
//!     .service(service_fn(async |_: Request<()>| {
//!         let response = Response::builder().status(429);
//!         Ok::<_, Infallible>(response.body(Full::<Bytes>::from(ERROR)).expect("valid parts"))
//!     }));
//!
//! let response = deployment.oneshot(Request::new(())).await?;
//! let verdict = StatusClassifier::default().classify(Answer::from(&response));
//! assert_eq!(verdict.outcome, Outcome::RateLimited);
//! assert!(verdict.hint.is_some_and(|hint| hint.is_long()), "no minute will bring money back");
//! assert_eq!(response.into_body().collect().await?.to_bytes(), ERROR);
//! # Ok(())
//! # }
//! ```

mod body;
mod future;
mod layer;
mod meaning;
mod overrule;
mod phrases;
mod reading;
mod rules;
mod said;
mod service;
mod words;

pub use body::JudgedBody;
pub use future::ResponseFuture;
pub use layer::JudgeLayer;
pub use overrule::{Case, Overrule, SharedOverrule, Statuses};
pub use rules::Rules;
pub use service::Judge;

/// How much of an error's body is read: many times what a provider writes, and what a page of HTML takes.
pub const MAX_ERROR_BODY: usize = 64 * 1024;

#[cfg(test)]
mod tests;
