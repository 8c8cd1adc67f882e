//! Loads for tower's own `p2c::Balance`, each usable without anything else of this crate.
//!
//! tower's [`PendingRequests`](tower::load::PendingRequests) counts a request until the head of its answer,
//! which for a streamed answer is the first millisecond of a minute. [`InFlight`] counts it until the body
//! has ended, failed or been dropped.
//!
//! ```
//! use bytes::Bytes;
//! use headworks_balance::load::InFlight;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use std::convert::Infallible;
//! use tower::{Service, ServiceExt, balance::p2c::Balance, discover::ServiceList, load::Load};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower::BoxError> {
//! let endpoint = || {
//!     InFlight::new(tower::service_fn(|_: Request<()>| async {
//!         Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
//!     }))
//! };
//! let (paris, tokyo) = (endpoint(), endpoint());
//! let loads = || paris.load() + tokyo.load();
//!
//! let mut balance = Balance::new(ServiceList::new([paris.clone(), tokyo.clone()]));
//! let response = balance.ready().await?.call(Request::new(())).await?;
//! assert_eq!(loads(), 1, "the head has come, the body has not ended");
//! drop(response);
//! assert_eq!(loads(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! tower finds the load of an endpoint by its type, so the load must be the outermost layer of the endpoint.
//!
//! | load | of two, the lesser is | of whom this crate's own [`Balance`](crate::Balance) asks |
//! |---|---|---|
//! | [`InFlight`] | the less busy | [`LeastBusy`](crate::LeastBusy) |
//! | [`Latency`] | the one that answers sooner | [`LeastLatency`](crate::LeastLatency) |
//! | [`Usage`] | the one that has used less of its limits | [`LeastUsed`](crate::LeastUsed) |
//! | [`Cost`] | the cheaper | [`Cheapest`](crate::Cheapest), which is not by load, and why |
//!
//! All of them keep what they know in a [`State`](crate::State), and so do the metrics, so that one deployment
//! may be in several groups, and be balanced by several of tower's and of ours, and be known once.
//!
//! # What latency goes by
//!
//! The load is the time an answer takes to begin, times the requests in flight and the one to come, over the
//! square of the trust that the answer will be one.
//!
//! - **Time** is a mean of what answers took, the older the less over twenty seconds, in which one that took
//!   longer than the mean counts as ten. The peak EWMAs of Finagle, linkerd and tower
//!   ([`PeakEwma`](tower::load::PeakEwma)) take the whole of a slower answer: there one slow answer in a
//!   hundred makes a slow deployment, here it does not. A streamed answer tells its time with its first data.
//!   At its end each answer tells it again, by the time of the whole, divided by how much there was of it ([`Units`]): a deployment that begins soon and goes
//!   on slowly is slow, and a long answer is not. The time in which the reader did not ask for more
//!   is the reader's.
//! - **Failures** tell no time, however fast they come. Each halves the trust, each success halves what is
//!   missing of it, and some seconds without failures restore it. A 429 in 2 ms is thus worse than the busiest
//!   deployment that works, where a number of seconds added to its latency would be less than that one's
//!   queue. A stream that is cut is a failure; a client that left and a request that was wrong are
//!   neither.
//! - **A hint** of when to come back puts the deployment behind all that have given none, until then.
//! - **What is known grows old**: over half a minute of idleness the time falls to where the deployment is
//!   asked again, by one request at a time: as soon as one is sent, the old time stands until the answer tells
//!   another. So it is with a newcomer, which nothing is known of.
//!
//! # What usage goes by
//!
//! The larger of the shares of its requests and tokens a minute that a deployment has used in the last one,
//! counted in slices of five seconds. Requests count when they are sent. Tokens count when
//! [`State::used_tokens`](crate::State::used_tokens) tells them; what is in flight is taken to need as many as
//! what has ended did. [`State::told_left`](crate::State::told_left) adds what the provider itself says. Limits are
//! not kept by it: that is a rate limit's.

mod cost;
mod estimate;
mod in_flight;
mod latency;
mod trial;
mod units;
mod usage;
mod window;

pub use cost::{Cost, CostLayer, Price};
pub(crate) use estimate::Estimate;
pub use in_flight::{Counted, InFlight, InFlightLayer, ResponseBody, ResponseFuture};
pub use latency::{Latency, LatencyBody, LatencyFuture, LatencyLayer, Learned};
pub(crate) use trial::Trial;
pub use units::{Form, FramesOrText, Units};
pub use usage::{Usage, UsageLayer};
pub use window::Limits;
pub(crate) use window::Window;
