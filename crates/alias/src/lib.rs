//! Model aliases: what the client asked for becomes the group that answers it.
//!
//! [`AliasLayer`] reads the [`RequestedModel`] of a request and inserts the canonical [`Group`] beside it.
//! Whatever comes further in (limits, fallbacks, balance, metrics) goes by the group, so that two names of
//! one group share one set of deployments and one set of counters. The [`RequestedModel`] stays where it is,
//! for whoever tells the client which model it asked for. Response and errors pass untouched.
//!
//! Chains of aliases are resolved once, when [`Aliases`] is built; a chain that runs in a circle or ends
//! nowhere is refused there. A lookup is one hash and one reference count. The layer allocates once per
//! request, for the extension.
//!
//! # Differences from fallback
//!
//! An alias is another name of a group and leads there always. A fallback is another group, and leads there
//! only when the first one has failed. `tower::util::MapRequest` could do what this layer does, with a
//! closure in place of the checks.
//!
//! # Where it belongs in the stack
//!
//! Outermost, right after the edge has read what was asked for: a layer outside of it that counts by
//! [`Group`] would find none.
//!
//! # Example
//!
//! ```
//! use headworks_alias::{AliasLayer, Aliases};
//! use headworks_core::{Group, RequestedModel};
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let groups = ["gpt-4o", "claude"];
//! let aliases = Aliases::new(
//!     [("gpt-4", "best"), ("best", "gpt-4o")],
//!     |name| groups.contains(&name),
//! )?;
//!
//! let stack = ServiceBuilder::new()
//!     .layer(AliasLayer::new(aliases))
//!     .service(service_fn(async |request: Request<()>| {
//!         let group: Group = request.extensions().get().cloned().expect("set by the layer");
//!         Ok::<_, Infallible>(Response::new(group))
//!     }));
//!
//! let mut request = Request::new(());
//! request.extensions_mut().insert(RequestedModel::from("gpt-4"));
//! assert_eq!(stack.oneshot(request).await?.into_body(), Group::from("gpt-4o"));
//! # Ok(())
//! # }
//! ```

mod aliases;
mod error;
mod layer;
mod service;

pub use aliases::Aliases;
pub use error::AliasError;
pub use layer::AliasLayer;
pub use service::Alias;

#[cfg(doc)]
use headworks_core::{Group, RequestedModel};
