//! What the end-to-end tests are made of: the program as a child process, a plain HTTP client, and
//! configurations in a line each.
//!
//! It differs from `headworks-upstream`, which plays the provider, in that this plays the operator and the
//! client. The tests themselves are in `tests/e2e`, those with the Python SDKs in `python`.
//!
//! # Example
//!
//! ```no_run
//! use headworks_e2e::{Headworks, config};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let paris = config::openai("gpt-4o", "paris", "http://127.0.0.1:9000");
//! let headworks = Headworks::start(&config::of(&[paris], "")).await;
//! let answer = headworks.client().post("/v1/chat/completions", &json!({"model": "gpt-4o"})).await;
//! assert_eq!(answer.header("x-litellm-model-id"), "paris");
//! # }
//! ```

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test's own tool says what broke and stops"
)]

mod binary;
mod client;
pub mod config;
mod process;

pub use client::{Answer, Client, read_until};
pub use process::{Headworks, Memory, Refused, checked, refused};

use std::time::Duration;

/// How long anything may take that has to happen. Far more than it needs: it ends a test that hangs, and
/// says nothing about speed.
pub const BOUND: Duration = Duration::from_secs(30);

/// Waits for what has to happen, within [`BOUND`].
///
/// # Panics
///
/// If it does not.
pub async fn bounded<F: IntoFuture>(what: F) -> F::Output {
    let result = tokio::time::timeout(BOUND, what.into_future()).await;
    result.expect("what had to happen did not within the bound")
}
