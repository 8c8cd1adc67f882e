//! The fault matrix: whatever a provider does, the client gets the whole answer or an honest error, and the
//! provider is not hammered.
//!
//! [`TABLE`] has a row for each fault: what the sick deployment does, and what is expected of the gateway where
//! another deployment of the group is well, where there is none, and where there is a group to fall back to. Each
//! row is played at every endpoint the gateway serves, streamed where it can be. That is a [`Cell`]: a gateway of
//! its own, over loopback, in front of scripted upstreams.
//!
//! A cell looks at what the client got, byte for byte; at what each upstream saw, and when; at how the breaker
//! stands; and at what headers and metrics say. Everything that comes out is searched for keys ([`canary`]).
//!
//! The same table, for people, is in `docs/fault-matrix.md`, which [`document`] writes.
//!
//! It differs from `headworks-e2e`, which tries the program and its ways, in that it tries the same things
//! everywhere, and nothing else.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own tool says what broke and stops"
)]

pub mod canary;
mod cell;
mod client;
mod document;
mod events;
mod fault;
mod kind;
mod play;
mod scene;
mod stage;
mod table;

pub use cell::Cell;
pub use document::document;
pub use fault::{After, Client, Fault, Next, Topology, Want};
pub use kind::{Kind, On, Words};
pub use play::Play;
pub use scene::Scene;
pub use table::{SCENES, TABLE};

use std::time::Duration;

/// How long anything may take that has to happen. Far more than it needs: it ends a cell that hangs, and says
/// nothing about speed.
pub const BOUND: Duration = Duration::from_secs(30);

/// Waits for what has to happen, within [`BOUND`].
async fn bounded<F: IntoFuture>(what: F) -> F::Output {
    let result = tokio::time::timeout(BOUND, what.into_future()).await;
    result.expect("what had to happen did not within the bound")
}
