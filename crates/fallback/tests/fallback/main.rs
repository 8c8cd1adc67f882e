//! The layer in front of scripted groups and of mocks.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod answers;
mod drops;
mod groups;
mod own;
mod plan;
mod readiness;
mod walk;
