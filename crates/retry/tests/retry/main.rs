//! The layer in front of a scripted upstream and of mocks.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod allocations;
mod attempts;
mod connection;
mod drops;
mod kept;
mod order;
mod readiness;
#[cfg(feature = "tower")]
mod tower_policy;
mod upstream;
