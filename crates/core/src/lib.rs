//! The words the layers of Headworks share.
//!
//! A load balancer for LLM traffic is several Tower layers that must agree: what was asked for, where it was
//! tried, how each try ended, when to come back. This crate is that agreement and nothing else. It holds no
//! layer, opens no socket and parses no JSON; every layer crate depends on it and on no other layer.
//!
//! | word | type | written by | read by |
//! |---|---|---|---|
//! | what the client asked for | [`RequestedModel`] | the edge | alias, logs |
//! | the group that answers it | [`Group`] | alias (or the edge) | balance, fallback |
//! | one place that can answer | [`DeploymentId`] | configuration | everyone |
//! | how long this request may take | [`Timeouts`] | the edge | timeout |
//! | how often this request may be tried again | [`Retries`] | the edge, fallback | retry |
//! | the record of this request's attempts | [`Attempts`] | retry, fallback, balance, timeout | retry, balance, fallback, the edge |
//! | what an answer means | [`Verdict`], of an [`Outcome`] and a [`Hint`] | a [`Classify`], or who knows the provider | retry, fallback, breaker, load, metrics |
//! | one deployment would not take it | [`NotAdmitted`] | breaker, limit | balance, retry |
//! | the request that it would not take | [`Returned`] | breaker, limit | balance |
//! | asked though it rests, as all do | [`LastResort`] | balance | breaker |
//! | nobody may take it now, and why | [`Refusal`] | balance | retry, fallback, the edge |
//! | another group is left for what is withheld here | [`ContentFallback`] | fallback | the commit point |
//! | which clock ran out | [`Elapsed`] | timeout | retry, the edge |
//! | an answer that is not handed on, or not yet | [`Drain`], then [`KeptBody`] | retry, fallback | the edge |
//! | the usage of a stream is wanted, and by whom | [`AskUsage`], then [`HideUsage`] | the edge, then sign-in | sign-in, then the commit point |
//! | how a body ended | [`End`], told once by a [`Guard`] | [`GuardedBody`] | whoever counts until the end |
//!
//! # Where it belongs in the stack
//!
//! Nowhere: the types travel in the extensions of a request or a response, or in an error's source chain.
//! A layer finds what it needs there and works without it too, with less to go by.
//!
//! # Example
//!
//! ```
//! use headworks_core::{Attempts, DeploymentId, Group, Outcome, Why};
//!
//! // Two further attempts may follow the first, whoever asks for them.
//! let attempts = Attempts::new(2);
//! let group = Group::from("gpt-4o");
//! let paris = DeploymentId::from("azure-paris");
//!
//! let first = attempts.begin(&group, &paris, Why::new("weighted shuffle"), 1);
//! attempts.end(first, Outcome::RateLimited.into());
//!
//! assert!(attempts.tried(&paris));
//! assert!(attempts.claim_another());
//! assert!(attempts.claim_another());
//! assert!(!attempts.claim_another(), "the plan is spent");
//! ```
//!
//! # Errors
//!
//! A layer that can fail by itself answers with [`BoxError`], as tower's own `Timeout`, `LoadShed` and
//! `Balance` do: retry, breaker and fallback must judge the errors of layers they have never heard of, and a
//! source chain is how Rust says that. What this crate defines ([`Refusal`], [`NotAdmitted`], [`Elapsed`]) is found in the
//! chain by [`Verdict::of_error`]; anything else is a transport error.

mod attempts;
mod body;
mod classify;
mod content_fallback;
mod drain;
mod elapsed;
mod foretold;
mod guard;
mod hint;
mod judged;
mod kept;
mod last_resort;
mod model;
mod names;
mod outcome;
mod refusal;
mod retries;
mod returned;
mod secret;
mod usage;

pub use attempts::{Attempt, AttemptNumber, Attempts, PassedOver, Why};
pub use body::GuardedBody;
pub use classify::{Answer, Classify, GrpcClassifier, StatusClassifier};
pub use content_fallback::ContentFallback;
pub use drain::{Drain, MOST_HELD};
pub use elapsed::{Clock, Elapsed, Timeouts};
pub use foretold::Foretold;
pub use guard::{End, Finish, Guard, Watch};
pub use hint::{Hint, HintReader, Left, LeftIn, LeftOf, should_retry};
pub use judged::Judged;
pub use kept::KeptBody;
pub use last_resort::LastResort;
pub use model::WithModel;
pub use names::{DeploymentId, Group, RequestedModel};
pub use outcome::{Outcome, Verdict};
pub use refusal::{NotAdmitted, Reason, Refusal, UnknownGroup, Waited};
pub use retries::Retries;
pub use returned::Returned;
pub use secret::Secret;
pub use usage::{AskUsage, HideUsage};

/// The error of every layer that can fail by itself: any error, owned, that may cross threads.
///
/// The same type as `tower::BoxError`, named here so that layers need not depend on `tower` for it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
