//! A Tower service that spreads requests over the deployments of a group.
//!
//! [`Balance`] has an [`Endpoint`] for each place that can answer, chooses one for each request by a
//! [`Strategy`], and never sends a request where it has failed already while another may take it.
//!
//! # How it differs from `tower::balance::p2c`
//!
//! tower's `Balance` chooses before it sees the request, is owned by one task, knows no weights, and waits for
//! ever when nobody is ready. This one is `Clone`, chooses when the request is known, and answers at once with
//! a [`Refusal`](headworks_core::Refusal) that says why when nobody takes it. Where the choice goes by load it is
//! tower's own `Balance` that compares ([`P2c`]); where it goes by an order or by shares, which a load cannot
//! express, it is a [`Picker`].
//!
//! # Where it belongs in the stack
//!
//! Under retry and fallback, which send a request again and find in its
//! [`Attempts`](headworks_core::Attempts) where it has been; over everything that belongs to one deployment:
//! its breaker, its limits, its credentials. [`Groups`] steers to the `Balance` of the request's group.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use headworks_balance::{Balance, Endpoint, Strategy};
//! use headworks_core::{Attempts, DeploymentId};
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use std::collections::HashSet;
//! use tower::{Service, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower::BoxError> {
//! let answers = |status: StatusCode| {
//!     tower::service_fn(move |_: Request<()>| async move {
//!         let body = Full::<Bytes>::from("hello");
//!         Response::builder().status(status).body(body)
//!     })
//! };
//! let mut balance = Balance::new(
//!     "greeters",
//!     &Strategy::RoundRobin,
//!     [
//!         Endpoint::new("paris", answers(StatusCode::OK)),
//!         Endpoint::new("tokyo", answers(StatusCode::SERVICE_UNAVAILABLE)),
//!         Endpoint::new("quito", answers(StatusCode::OK)),
//!     ],
//! );
//!
//! // One request, sent as often as there are deployments: it goes somewhere new each time.
//! let attempts = Attempts::new(2);
//! let mut met = HashSet::new();
//! for _ in 0..3 {
//!     let mut request = Request::new(());
//!     request.extensions_mut().insert(attempts.clone());
//!     let response = balance.ready().await?.call(request).await?;
//!     met.extend(response.extensions().get::<DeploymentId>().cloned());
//! }
//! assert_eq!(met, ["paris", "tokyo", "quito"].map(DeploymentId::from).into());
//!
//! // Having been everywhere, it goes where the answer gave hope of another.
//! let mut request = Request::new(());
//! request.extensions_mut().insert(attempts);
//! let response = balance.ready().await?.call(request).await?;
//! assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
//! # Ok(())
//! # }
//! ```
//!
//! # What happens to a request
//!
//! 1. The candidates are those who take requests at all (their [`Gate`]s, their `max_in_flight`), have what this
//!    one [`Needs`], stand in the lowest [`order`](Params::order) that has somebody, and where this request has
//!    not been; of these, for a request that has failed somewhere, those that do not fail often, if there are
//!    any. If it has been everywhere, those are candidates again whose last answer gives hope.
//! 2. The one where the request is [`Pinned`], else the one that the strategy chooses. The request counts in its
//!    [`State`] from here on, and the ledger is told who was chosen, why, and who was not a candidate for which
//!    reason. If there are no candidates, it waits if it may, and is refused at once if not.
//! 3. A clone of the endpoint's service is polled ready and called. The request counts, and the attempt runs,
//!    until the answer's body has ended, failed or been dropped, or until the response future is dropped.
//!    A layer there that does not admit the request hands it back ([`Returned`](headworks_core::Returned)): then
//!    there was no attempt, and another is chosen at once, without the one that lost the race.
//! 4. The answer carries the [`DeploymentId`](headworks_core::DeploymentId) of the one that gave it.
//!
//! # When nobody takes it
//!
//! A request waits if the user lets it ([`Balance::wait`]) and there is hope: somebody it wants is full, or rests
//! for no longer than it may wait. The line is the group's, first come first served, and bounded. Whether a request
//! is admitted or refused is decided in `call`; one that is to wait joins the line when its future is first
//! polled, since one that nobody polls would keep those behind it from what it never comes to take. Each
//! deployment that takes a request again is for the first in line who wants it, and nobody who comes later
//! has it before; whoever wants others only, by its [`Needs`] or by where it has been, neither waits for those
//! before it nor takes anything from them.
//!
//! The first in line keeps watch. It is woken when a request ends at one of the group's deployments, when the
//! group changes, when the first rest is over, and every 100 ms for the sake of gates that open without
//! a word; it takes what it wants, and wakes those behind it to whom something else is due. So what becomes
//! free wakes as many as can be served, and the one who keeps watch next. A request that is dropped leaves the
//! line and passes on what was due to it. The wait ends with the request's deadline, or with
//! [`Retries::longest_wait`](headworks_core::Retries::longest_wait), which is zero while a further group may be
//! fallen back to.
//!
//! When nothing is left but to refuse it, and all it could go to rest, it may be sent to the one that is back
//! first ([`Balance::when_all_rest`]), marked as the [`LastResort`](headworks_core::LastResort).
//!
//! # What a choice costs
//!
//! By `cargo bench -p headworks-balance`, on one of two busy cores, median nanoseconds at 3, 10, 100 and 1,000
//! endpoints, all of which take requests, and in brackets when every second one rests:
//!
//! | | 3 | 10 | 100 | 1,000 | allocations |
//! |---|---|---|---|---|---|
//! | [`WeightedShuffle`] | 33 (56) | 40 (83) | 50 (106) | 73 (147) | 0 |
//! | [`RoundRobin`] | 34 (46) | 34 (77) | 35 (162) | 35 (196) | 0 |
//! | [`SmoothRoundRobin`] | 44 | 108 | 964 | 9,770 | 0 |
//! | [`Sticky`] | 65 | 130 | 1,030 | 9,690 | 0 |
//! | [`P2c`], least busy | 195 (225) | 198 (257) | 214 (288) | 215 (290) | 1 |
//! | [`P2c`], least latency | 258 | 260 | 280 | 291 | 1 |
//! | [`P2c`], least used | 274 | 274 | 297 | 309 | 1 |
//! | [`Cheapest`] | 49 | 43 | 43 | 44 | 0 |
//! | a bare `p2c::Balance` | 220 (224) | 224 (233) | 228 (240) | 228 (235) | 1 |
//! | a `p2c::Balance` behind a `Buffer` | 720 | 720 | 725 | 723 | 2 |
//!
//! So a choice by least busy costs what a bare `p2c::Balance` does, and at most 1.25 times that when half of
//! the group rests, of which part is that a bare one does not look at those who rest. The bare one reads an
//! atomic number for its load; to read a latency or a usage is to take a lock and to look at the clock, which
//! costs 60 to 95 ns for the two that are compared, there as here. A retry by least busy has a `Balance` of its
//! own and costs about 0.9 µs whatever the size. Smooth round robin and sticky look at everybody.
//!
//! A whole call, beside a bare `p2c::Balance` over endpoints with the same [`load`], which counts and learns
//! the same until the end of the body:
//!
//! | | 3 | 10 | 100 | 1,000 | allocations |
//! |---|---|---|---|---|---|
//! | by least busy | 449 | 433 | 454 | 471 | 4 |
//! | over [`InFlight`](load::InFlight) | 284 | 284 | 287 | 286 | 1 |
//! | by least latency | 570 | 582 | 603 | 620 | 4 |
//! | over [`Latency`](load::Latency) | 449 | 452 | 465 | 460 | 1 |
//! | by least used | 542 | 543 | 622 | 592 | 4 |
//! | over [`Usage`](load::Usage) | 361 | 360 | 380 | 381 | 1 |
//! | by weighted shuffle | 259 | 266 | 286 | 313 | 3 |
//!
//! The whole is thus 1.3 to 1.7 times the bare one, 120 to 240 ns more. By the profile of least busy a third of
//! that is the moving of the request, the future and the guard of the attempt from the choice into the answer
//! (15 % of all, where it is 3 % of the bare one); 40 ns are the map of [`http::Extensions`] that takes up the
//! id, three allocations on an answer that has no extensions yet, by a run without it; and the rest the ledger
//! that is looked for, the verdict, and the clones of the service and of three references, none of which tower's
//! own `Balance` has. From 3 to 1,000 endpoints a call grows by 20 to 50 ns and nothing in it is scanned: that
//! is put down to the states of the two that are drawn, which are less often in the nearest cache.
//!
//! # Errors
//!
//! [`Refusal`](headworks_core::Refusal) when nobody takes the request, which includes a group without endpoints;
//! otherwise the error of the endpoint's service.

mod candidates;
mod decide;
mod endpoint;
mod error;
mod flight;
mod future;
mod groups;
mod hash;
pub mod load;
mod member;
mod members;
mod needs;
mod params;
mod picker;
mod queue;
mod registry;
mod service;
mod shares;
mod state;
mod strategy;
mod trip;

pub use candidates::Candidates;
pub use endpoint::Endpoint;
pub use error::MissingGroup;
pub use flight::{Flight, ResponseBody};
pub use future::ResponseFuture;
pub use groups::{Groups, GroupsFuture};
pub use member::{Gate, Member};
pub use members::Members;
pub use needs::{Needs, Pinned, TagMatch, Tags};
pub use params::Params;
pub use picker::{
    Cheapest, LeastBusy, LeastLatency, LeastUsed, Metric, P2c, Picker, RoundRobin, Session,
    SmoothRoundRobin, Sticky, WeightedShuffle,
};
pub use queue::WaitPolicy;
pub use registry::{Changes, Registry, Snapshot};
pub use service::{Balance, WhenAllRest};
pub use state::State;
pub use strategy::Strategy;
