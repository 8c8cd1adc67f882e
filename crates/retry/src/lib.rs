//! Another attempt, elsewhere when it can be.
//!
//! [`RetryLayer`] sends a request again when the verdict on its answer says that this may help, and hands on
//! the answer as it is when it does not. Each attempt goes through everything within once more, so that a
//! balance there picks anew. A further attempt is made when all of these agree:
//!
//! - the **verdict** of the classifier ([`Classify`]): the outcome may be another elsewhere, or here a little
//!   later. A caller's fault, a prompt too long, a refused content and a client that left are handed on;
//! - the **plan**: so many attempts by [`RetryPolicy`], for all, for a group, for a deployment that failed or
//!   after an outcome ([`Further`]), or by what this request brings ([`Retries`]); and so many by the request's ledger ([`Attempts`]), on which
//!   fallbacks draw too. A request without a ledger is given one;
//! - the **budget** of the process ([`Budget`]), if it has one, so that an outage is not multiplied;
//! - the **deadline** in the ledger: what could only begin after it is not waited for.
//!
//! The decision falls at the head of an answer; once it is handed on there is no second one. A stream that may
//! still turn out to be a failure has to be held back further in, until its first content is there; of a gRPC
//! stream, which says so in its trailers, [`peek`] does that.
//!
//! # Waiting
//!
//! While the ledger says that other candidates are left, the next attempt begins at once. Only when nobody
//! else is free is there a wait: as long as the provider asked for ([`Hint`](headworks_core::Hint)), to the
//! millisecond; without a hint, a random time below a bound that doubles with each wait ([`Backoff`]). A hint
//! that does not fit the deadline, or is longer than anybody would wait, ends it at once: the answer is
//! handed on with its hint, and its reader may do better. Nothing is waited for after the last attempt.
//!
//! # What becomes of the answer that is not handed on
//!
//! It is over before the next attempt begins, so that the permits, reservations and counts that ride in its
//! body are given back before a deployment is picked again, and the connection is free. Dropping an unread
//! HTTP/1.1 body closes its connection, and error bodies are small: so up to 64 KiB of it are read, for at
//! most 20 ms (of one with a success status more, near a deadline less: [`Drain`]), and if that was all of it, the connection can be used again and the answer is kept.
//!
//! The kept answer is for one case: a later attempt was taken by nobody ([`Refusal`], [`NotAdmitted`], or the
//! service is no longer ready). Then the client is given the last answer (or error) of a deployment, and not
//! the news that it was too late to try again. The refusal stands where nobody was asked before it. After a
//! [`Refusal`] there is no further attempt: who refused has looked at every deployment, and waiting for one is
//! a queue's business. A deployment that did not admit is passed over for another, as after a failure.
//!
//! # Differences from `tower::retry`
//!
//! `tower::retry` clones each request up front, whether or not a retry is allowed, and keeps the old response
//! until the new one is there. It leaves the decision, the waiting and the counting to its `Policy`, loses
//! the answer when the service is not ready for another attempt, and its `ExponentialBackoffMaker` hands the
//! same sequence of "random" waits to every request. Who wants its layer and our decisions turns on the
//! feature `tower` and takes `TowerPolicy`, which implements its `Policy`.
//!
//! # Where it belongs in the stack
//!
//! Inside of the deadline and of fallback, outside of balance, and outside of the time for one attempt. The
//! two wrong orders: with the attempt's time outside, one silent deployment uses up the time of all attempts;
//! with the deadline inside, it begins anew with each of them.
//!
//! The body of a request must be `Clone`, and should be cheap to clone; it is cloned only while a further
//! attempt may follow. A request that succeeds at once costs the allocator what it takes to clone its head: five
//! allocations where it carries a ledger and no other extension, one more for each other. When no retry is
//! planned it costs nothing.
//!
//! # Example
//!
//! ```
//! use headworks_retry::{RetryLayer, RetryPolicy};
//! use http::{Request, Response, StatusCode};
//! use std::{convert::Infallible, sync::atomic::{AtomicU32, Ordering}};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), headworks_core::BoxError> {
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//!
//! let stack = ServiceBuilder::new()
//!     .layer(RetryLayer::new(RetryPolicy::new(2)))
//!     .service(service_fn(async |_: Request<String>| {
//!         let mut response = Response::new(String::from("hello"));
//!         if CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
//!             *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
//!         }
//!         Ok::<_, Infallible>(response)
//!     }));
//!
//! let response = stack.oneshot(Request::new("hi".into())).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(CALLS.load(Ordering::Relaxed), 2);
//! # Ok(())
//! # }
//! ```

mod backoff;
mod budget;
#[cfg(feature = "tower")]
mod compat;
mod future;
mod layer;
pub mod peek;
mod policy;
mod service;
mod session;

pub use backoff::Backoff;
pub use budget::Budget;
#[cfg(feature = "tower")]
pub use compat::{TowerPolicy, TowerWait};
pub use future::ResponseFuture;
pub use layer::RetryLayer;
pub use peek::{Peek, PeekLayer};
pub use policy::{Further, RetryPolicy};
pub use service::Retry;

pub use headworks_core::{KeptBody as RetryBody, Retries};

#[cfg(doc)]
use headworks_core::{Attempts, Classify, Drain, NotAdmitted, Refusal};
