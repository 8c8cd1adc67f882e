//! The contract every layer of Headworks is held to, as one suite of checks.
//!
//! A layer's own tests say what is particular to it. This says what is true of every layer that may stand
//! between a client and an LLM: it answers on a fresh clone per request (axum, hyper), on one instance kept
//! for long (`ready().call()` in a loop) and behind a `Buffer`; it calls no service it has not found ready;
//! it fits the hosts it is made for; it forwards bodies to the last trailer, ends what its caller has left,
//! records each outcome once, and allocates nothing of its own.
//!
//! A layer crate calls [`suite!`] in its `tests/contract.rs`. Every key must be given, so that a new layer
//! has to say where it differs:
//!
//! | key | value | meaning |
//! |---|---|---|
//! | `layer` | `\|\| …` | makes the layer; written out once for each check, so that it fits around any service |
//! | `bodies` | `any` | passes any request body on |
//! | | `cloned` | needs a request body that is `Clone` |
//! | | `spliced` | needs a request body that is [`WithModel`](headworks_core::WithModel) |
//! | `readiness` | `passed_through` | is ready when the service within is |
//! | | `its_own` | decides for itself |
//! | `errors` | `passed_through` | has no errors of its own, and the inner service's type |
//! | | `boxed` | has `BoxError` for its error |
//! | `allocations` | a number | how many times a whole request may allocate, beyond the service within |
//! | `state` | `none` | has no state |
//! | | `\|layer\| …` | shows what was counted; compared with `==` |
//! | `records` | `none` | records no outcomes |
//! | | `\|layer, ledger\| …` | the [`Outcome`](headworks_core::Outcome)s recorded for one request, in a `Vec` |
//!
//! # Example
//!
//! ```
//! #[derive(Clone, Debug)]
//! struct NothingLayer;
//!
//! impl<S> tower_layer::Layer<S> for NothingLayer {
//!     type Service = S;
//!     fn layer(&self, inner: S) -> S {
//!         inner
//!     }
//! }
//!
//! headworks_contract::suite! {
//!     layer: || NothingLayer,
//!     bodies: any,
//!     readiness: passed_through,
//!     errors: passed_through,
//!     allocations: 0,
//!     state: none,
//!     records: none,
//! }
//! # fn main() {}
//! ```
//!
//! # Where it belongs
//!
//! In `[dev-dependencies]` only: it replaces the global allocator by one that counts.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a check that cannot go on says why and stops"
)]

pub mod bodies;
mod body;
pub mod checks;
mod error;
pub mod fit;
pub mod grpc;
pub mod hosts;
mod inner;
mod subject;
mod suite;

pub use body::{OddBody, ScriptedBody, Step};
pub use error::{Failure, caused_by};
pub use inner::{Inner, Play, Reply};
pub use subject::{Subject, request, request_of};

use http::HeaderValue;

/// What a [`ScriptedBody::good`] carries.
pub const DATA: [&[u8]; 2] = [b"Hello", b" world"];

const TRAILER: HeaderValue = HeaderValue::from_static("the-last");

/// A request of the checks: a `POST` whose extensions name a model and a group, both `gpt-4o`, and carry a
/// ledger with two further attempts.
pub type Request = http::Request<http_body_util::Full<bytes::Bytes>>;

/// Runs one check, on one thread and paused time.
#[doc(hidden)]
pub fn run(check: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(check);
}
