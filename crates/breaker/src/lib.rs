//! A circuit breaker: a deployment that fails is rested, and let back by one probe.
//!
//! [`BreakerLayer`] stands in front of one deployment and counts how its attempts end. When it fails the
//! circuit opens: for a while no request is admitted ([`NotAdmitted`]), so that neither the requests wait for
//! what will fail nor the deployment is hammered while it recovers. Then one request is let through as a
//! probe. If it is answered the circuit closes; if not it opens again, for longer.
//!
//! # What opens it
//!
//! What a [`Verdict`]'s outcome does is a [`Rule`], and each can be set ([`BreakerPolicy::rule`]):
//!
//! | outcome | rule |
//! |---|---|
//! | capacity, server fault, transport, timeout | [`Rule::Counted`]: opens when five come in a row, or when they are more than half of at least five in a minute |
//! | rate limited, auth, misconfigured | [`Rule::Allowed`]`(0)`: opens at once |
//! | the caller's fault, context, content, cancelled, … | [`Rule::Neutral`]: says nothing about the deployment |
//!
//! It opens for the time the provider asked for ([`Hint`](headworks_core::Hint)), or for the cooldown, whichever
//! is longer. The cooldown doubles with each opening that follows soon on the last, and up to a tenth is added
//! at random, so that several processes do not come back in step.
//!
//! Time the request itself has shortened, a deadline that is over, and a refusal of our own further in are not
//! held against a deployment.
//!
//! # When an answer counts
//!
//! A failure counts when it is known: at the head of the answer, at an error, or when the body breaks off. A
//! success counts at the head, so that a stream of minutes does not keep a probe waiting, and is taken back if
//! the body then breaks off, or is left when it was known that it would
//! ([`Foretold`](headworks_core::Foretold)). A client that leaves otherwise says nothing. A probe that ends without a
//! verdict gives its place to the next; what was begun before the circuit last changed is not taken for one, and counts
//! only in that a hint it brings may make a rest longer.
//!
//! A 200 that says that the content policy withheld the answer is judged as refused content, and neutral, where another
//! group is left to be asked ([`ContentFallback`](headworks_core::ContentFallback)) and nothing of it has been handed on.
//! Where none is left nobody looks for that: it is a success, as any other 200.
//!
//! # Differences from other breakers
//!
//! tower has none, and its `LoadShed` knows only "not ready". The breakers of other crates (`recloser`,
//! `failsafe`, `tower-resilience`) wrap a call and count its `Ok` and `Err`: they see neither a body that
//! breaks off nor a hint, have no neutral outcome, and some lose the probe when its future is dropped.
//! The limit of requests in flight belongs to balance, quotas to the limit layer: a breaker rests only what
//! fails.
//!
//! # Where it belongs in the stack
//!
//! Inside of balance, in front of one deployment, outside of limits and of the time for one attempt, whose
//! errors it judges. [`Circuit::standing`] tells the balance beforehand; the admission itself is in `call`.
//! Outside of balance or retry, one breaker would rest the whole group for the fault of one.
//!
//! The state is the [`Circuit`], not the layer: it can be kept over a reload and put [under](Circuit::under)
//! another policy. While it is closed a request costs an atomic load and, once its end is known, a short lock;
//! nothing is allocated.
//!
//! # Example
//!
//! ```
//! use headworks_breaker::{BreakerLayer, BreakerPolicy, Circuit};
//! use headworks_core::{NotAdmitted, Reason};
//! use http::{Request, Response, StatusCode};
//! use std::{convert::Infallible, time::Duration};
//! use tokio::time::Instant;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), headworks_core::BoxError> {
//! let circuit = Circuit::new(BreakerPolicy::new().consecutive(2));
//! let mut stack = ServiceBuilder::new()
//!     .layer(BreakerLayer::new(circuit.clone()))
//!     .service(service_fn(async |_: Request<()>| {
//!         let mut response = Response::new(String::new());
//!         *response.status_mut() = StatusCode::BAD_GATEWAY;
//!         Ok::<_, Infallible>(response)
//!     }));
//!
//! for _ in 0..2 {
//!     let response = stack.ready().await?.call(Request::new(())).await?;
//!     assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
//! }
//! let error = stack.ready().await?.call(Request::new(())).await.unwrap_err();
//! assert!(matches!(
//!     NotAdmitted::find(&*error).map(NotAdmitted::reason),
//!     Some(Reason::Resting(left)) if left >= Duration::from_secs(5)
//! ));
//! assert!(circuit.standing(Instant::now()).is_err());
//! # Ok(())
//! # }
//! ```

mod circuit;
mod fault;
mod flight;
mod future;
mod layer;
mod machine;
mod policy;
mod service;
mod window;

pub use circuit::{Circuit, Permit};
pub use flight::{BreakerBody, Flight};
pub use future::ResponseFuture;
pub use layer::BreakerLayer;
pub use machine::Phase;
pub use policy::{BreakerPolicy, Rule};
pub use service::Breaker;
pub use window::Counts;

#[cfg(doc)]
use headworks_core::{LastResort, NotAdmitted, Returned, Verdict};
