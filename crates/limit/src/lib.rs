//! Rate limits that are kept: what a request may cost is reserved before it is sent, and settled when it is
//! known what it did.
//!
//! [`RateLimitLayer`] stands in front of one deployment. A request is admitted if every limit of its
//! [`Quota`] has room for what it is estimated to cost; otherwise it is refused at once with
//! [`NotAdmitted`], which says what is used up and for how long, and has the request [with
//! it](Returned). Under any concurrency, no window admits more
//! than its limit.
//!
//! # What is counted
//!
//! Requests and tokens, by the minute and by the day, tokens of prompts and of answers apart or together, and
//! requests at a time: see [`Limits`]. What a request costs is for a [`Cost`] to say; [`RequestsOnly`] counts
//! requests.
//!
//! | what becomes of a request | requests | tokens | slot |
//! |---|---|---|---|
//! | answered | 1 | as its [`Tally`] says, else as estimated | until the end of the body |
//! | cut, or left by the client | 1 | the same, of what was seen | until then |
//! | no answer in time, or none at all | 1 | the prompt's | until then |
//! | turned down by the provider | 1 | none | until the end of the body |
//! | turned down by its content policy | 1 | what the tally says, else none | until the end of the body |
//! | turned away by a layer further in | 0 | none | not taken |
//!
//! What was reserved too much goes back to the moment it was reserved at; what was too little counts when it
//! becomes known. So a window may hold more than its limit only where an answer was longer than its estimate,
//! and then nothing more is admitted.
//!
//! # Windows
//!
//! A minute is the last sixty seconds ([`Minute::Sliding`]), or the one on the clock ([`Minute::Fixed`]), as
//! `LiteLLM` has it. With a limit of 60 a minute and more demand than that, the busiest sixty seconds of
//! ten minutes see 60 requests with the one, and 120 with the other: a provider that counts differently from us by a
//! few seconds answers 429 to half of them. The price of sliding is that it forgets by the second, in 61
//! buckets: of a limit that is always in full use it admits 60 of 61 parts.
//!
//! # How it differs from its neighbours
//!
//! tower's `RateLimit` counts requests alone, is not `Clone`, and makes callers wait; its `ConcurrencyLimit`
//! lets go of a slot when the head of the answer is there, so that a streamed answer of a minute counts for a
//! millisecond. `governor` and its layers charge one unit a request, before it is sent, for good.
//! headworks' breaker rests what fails; a limit is reached by what goes well.
//!
//! # Where it belongs in the stack
//!
//! Inside of balance, in front of one deployment, outside of its breaker, of the time for an attempt and of
//! whoever reads the usage, which is then known when the limit settles. What a layer further in turns away is
//! refunded. Retry belongs outside: each attempt is one more request to a provider, who counts it.
//! [`Quota::standing`] tells the balance beforehand; admission itself is in `call`.
//!
//! The state is the [`Quota`], not the layer: it is kept over a reload, and may be shared by deployments that
//! live off one account.
//!
//! # What it costs
//!
//! By `cargo bench -p headworks-limit`, on one of two busy cores: a request pays some 125 ns with two limits and
//! 145 with six, of which half is asking for the time and moving the answer, and no allocation. A look at
//! [`Quota::standing`] takes 40 ns. The state is behind one lock that is held for the arithmetic alone; two
//! threads at once pay some 70 ns for reserving and settling as one does.
//!
//! By `cargo xtask bench --part limits`: a gateway that shares its limits over a Redis takes 0.99 to 1.03 of the CPU
//! time that one takes which keeps them alone, where two of these differ by as much. How often an instance asks the
//! store, and what that costs a Redis, is in `docs/scale.md`.
//!
//! # Errors
//!
//! [`Returned`], which has the request and why it was [`NotAdmitted`]; otherwise the inner service's.
//!
//! # Example
//!
//! ```
//! use headworks_core::{NotAdmitted, Reason};
//! use headworks_limit::{Limits, Quota, RateLimitLayer};
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), headworks_core::BoxError> {
//! let quota = Quota::new(Limits::new().rpm(2).parallel(1));
//! let mut stack = ServiceBuilder::new()
//!     .layer(RateLimitLayer::new(quota.clone()))
//!     .service(service_fn(async |_: Request<()>| {
//!         Ok::<_, Infallible>(Response::new(String::from("hello")))
//!     }));
//!
//! let response = stack.ready().await?.call(Request::new(())).await?;
//! let error = stack.ready().await?.call(Request::new(())).await.unwrap_err();
//! assert_eq!(NotAdmitted::find(&*error).map(NotAdmitted::reason), Some(Reason::Full));
//! drop(response);
//!
//! stack.ready().await?.call(Request::new(())).await?;
//! let error = stack.ready().await?.call(Request::new(())).await.unwrap_err();
//! assert!(error.to_string().contains("2 of 2 rpm used"));
//! # Ok(())
//! # }
//! ```

mod ask;
mod books;
mod cost;
mod estimator;
mod flight;
mod future;
mod layer;
mod limits;
mod quota;
mod rests;
mod service;
pub mod share;
#[cfg(feature = "tokenizer")]
pub mod tokenizer;
mod tokens;
mod window;

pub use ask::{Admission, Asking};
pub use books::{Told, Usage};
pub use cost::{Cost, RequestsOnly, Tally};
pub use estimator::Estimator;
pub use flight::{Flight, ResponseBody};
pub use future::ResponseFuture;
pub use layer::RateLimitLayer;
pub use limits::{Limits, Minute, Period, Unit};
pub use quota::{Quota, Reservation};
pub use service::RateLimit;
pub use tokens::Tokens;

#[cfg(doc)]
use headworks_core::{NotAdmitted, Returned};
