//! The addresses of a host, looked up again and again.
//!
//! Behind the name of a headless service stand many engines, each with an address of its own, that come and go.
//! [`Resolver`] asks the name servers; [`Follow`] asks it at a steady pace and tells what has changed, so
//! that whoever balances over the addresses hears of each change once and of nothing else.
//!
//! What is known stays known: an answer that is an error, comes too late, or has no address in it changes
//! nothing, since engines that answered a moment ago are worth more than no engines at all. The pace alone
//! decides when to ask again; how long a record says that it may be kept does not.
//!
//! It does no balancing; the gateway's assembly in `headworks` makes endpoints of the addresses.
//!
//! # Example
//!
//! ```
//! use headworks_provider::discover::{Follow, Lookup, LookupError, News};
//! use std::{net::{IpAddr, Ipv4Addr}, time::Duration};
//!
//! // In place of a `Resolver`: a host that never changes.
//! struct Fixed;
//! impl Lookup for Fixed {
//!     async fn addresses(&self, _: &str) -> Result<Vec<IpAddr>, LookupError> {
//!         Ok(vec![Ipv4Addr::LOCALHOST.into()])
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let mut follow = Follow::new(Fixed, "engines.example", Duration::from_secs(5));
//! let News::Addresses(addresses) = follow.news().await else {
//!     panic!("the first lookup has an answer");
//! };
//! assert_eq!(addresses, [Ipv4Addr::LOCALHOST]);
//! # }
//! ```

mod error;
mod follow;
mod resolver;

pub use error::LookupError;
pub use follow::{Follow, Lookup, News};
pub use resolver::Resolver;
