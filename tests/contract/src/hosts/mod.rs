//! The hosts a layer is made for, each with one real request through it, in memory: axum, hyper, tonic's
//! client and tonic's server.

mod axum;
mod hyper;
mod tonic;

pub use axum::{axum_body, axum_router, errors_handled};
pub use hyper::hyper_server;
pub use tonic::{tonic_body, tonic_client, tonic_server};
