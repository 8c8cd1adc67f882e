//! Another group, when the one that was asked for has failed.
//!
//! [`FallbackLayer`] hands on the answer of the request's [`Group`] if it is a success. If it is not, and the
//! tables ([`Fallbacks`]) name other groups for that kind of failure, it sends the request again with the next
//! of them for its [`Group`], so that everything within (retry, balance) begins anew there. What is asked next
//! is decided by:
//!
//! - the **verdict** of the classifier ([`Classify`]), which picks the [`List`]. A prompt that was too long
//!   goes to the groups given for that and to no others, and so does one that the content policy turned down.
//!   What may succeed elsewhere (rate limited, no room, a fault, silence, credentials turned down, nobody
//!   available) goes to the general ones. A caller's fault, wherever it shows, and a client that left end it;
//! - the **tables**: the way through them is described at [`Fallbacks`]. Each group is asked once;
//! - what the **request** brings itself ([`OwnFallbacks`]), in place of the tables;
//! - the **plan**: at most so many groups after the first ([`FallbacksBuilder::max`]), and none after the
//!   deadline in the request's ledger ([`Attempts`]).
//!
//! A group that nobody knows ([`UnknownGroup`]) goes to the general fallbacks too, which for a name without an
//! entry are those of `*`, and the answer says so ([`FellBack::unknown_group`]): it may well be a slip.
//!
//! # A plan of a known length
//!
//! The ledger of a request counts two things apart. Its further attempts, *N*, are one store that the retries
//! in all of its groups draw on. The groups after the first, *M*, are each asked once without drawing on it.
//! So a request is never sent more than `1 + N + M` times, however the two layers stand, and retries in the
//! first group cannot use up the attempt that the second is there for. [`Fallbacks::plan`] tells the number
//! for each group. (`LiteLLM` gives each group *N* retries of its own and each hop its own hops: a product.)
//!
//! While another group is left for it, a failure is not waited out: the requests within carry a
//! [`Retries::longest_wait`] of zero, and only the last group is worth a wait.
//!
//! # What the client gets when all fail
//!
//! The answer of the first group, as `LiteLLM` does it: the client asked for that one, and how the others
//! failed tells it nothing. It is read before the next group is asked, so that permits and connections are
//! free by then, and kept if it is no larger than 64 KiB and there within 20 ms; one of a success status, which is
//! what was withheld (see below), if it is no larger than 8 MiB and there within a second, or within a tenth of what is
//! left until the deadline where that is less ([`Drain`]). Where it was
//! not, the first of the others that could be kept stands in, or else the last answer of all. The news that a group
//! is unknown gives way to what the groups asked instead have to say.
//!
//! The decision falls at the head of an answer; once it is handed on there is no second one. A stream that may
//! still turn out to be a failure has to be held back further in, until its first content is there.
//!
//! # What is withheld in a 200
//!
//! A content policy may strike when the model has answered already: the status is 200, and the finish says that
//! the answer, or the rest of it, was withheld. Nobody can tell by the head. So a request for which the
//! content-policy groups are not used up carries [`ContentFallback`], by which whoever hands answers on
//! further in knows to look first, and to leave a verdict of
//! [`ContentRefused`](headworks_core::Outcome::ContentRefused). It is a failure of that kind then, and goes to that
//! list. The last group is asked without it: its answer is handed on, withheld or not. Where the groups asked
//! instead fail, the client gets the first answer, which is a 200, as it came: whoever told by its end that it was
//! withheld held all of it, and it is kept at the same length.
//!
//! # Differences from retry
//!
//! A retry asks the same group again and may wait for it. A fallback asks another group, once, and at once.
//! Which of the two comes first is not a question of taste: a group is left when its own retries are through.
//!
//! # Where it belongs in the stack
//!
//! Inside of alias, which finds the group, and of the deadline, which covers all groups; outside of retry, so
//! that each group comes with retries. The wrong order, retry outside, would ask the first group again after
//! the last.
//!
//! The body of a request must be `Clone`, and should be cheap to clone; it is cloned only while another group
//! may follow. Where none is configured a request costs the allocator nothing. Where one is, a request that
//! succeeds at once costs what it takes to clone its head, and one allocation for the wait of zero.
//!
//! # Example
//!
//! ```
//! use headworks_core::Group;
//! use headworks_fallback::{FallbackLayer, Fallbacks, FellBack};
//! use http::{Request, Response, StatusCode};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), headworks_core::BoxError> {
//! let groups = ["gpt-4o", "claude", "gemini"];
//! let fallbacks = Fallbacks::builder()
//!     .general("gpt-4o", ["claude", "gemini"])
//!     .context_window("gpt-4o", ["gemini"])
//!     .build(|name| groups.contains(&name).then(|| name.into()))?;
//! assert_eq!(fallbacks.plan(&"gpt-4o".into()).longest(2), 5);
//!
//! let stack = ServiceBuilder::new()
//!     .layer(FallbackLayer::new(fallbacks))
//!     .service(service_fn(async |request: Request<String>| {
//!         let mut response = Response::new(String::from("hello"));
//!         if request.extensions().get::<Group>() == Some(&"gpt-4o".into()) {
//!             *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
//!         }
//!         Ok::<_, Infallible>(response)
//!     }));
//!
//! let mut request = Request::new(String::from("hi"));
//! request.extensions_mut().insert(Group::from("gpt-4o"));
//! let response = stack.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! let fell_back: &FellBack = response.extensions().get().expect("another group answered");
//! assert_eq!((&*fell_back.to, fell_back.hops), ("claude", 1));
//! # Ok(())
//! # }
//! ```

mod builder;
mod error;
mod fallbacks;
mod future;
mod layer;
mod list;
mod own;
mod plan;
mod record;
mod service;
mod session;
mod walk;

pub use builder::FallbacksBuilder;
pub use error::FallbackError;
pub use fallbacks::Fallbacks;
pub use future::ResponseFuture;
pub use layer::FallbackLayer;
pub use list::List;
pub use own::{Hop, OwnFallbacks};
pub use plan::Plan;
pub use record::FellBack;
pub use service::Fallback;

pub use headworks_core::KeptBody as FallbackBody;

#[cfg(doc)]
use headworks_core::{Attempts, Classify, ContentFallback, Drain, Group, Retries, UnknownGroup};
