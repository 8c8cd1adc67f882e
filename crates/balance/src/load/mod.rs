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

mod in_flight;

pub use in_flight::{Counted, InFlight, InFlightLayer, ResponseBody, ResponseFuture};
