mod bases;
mod models;
mod query;
mod sign_in;
mod usage;

use super::*;
use crate::{Auth, Paths};
use headworks_core::Secret;

const CANARY: &str = "sk-canary-7f3a";

fn uri(target: &Target, endpoint: Endpoint) -> String {
    target.uri(endpoint).to_string()
}

/// A deployment of `provider`, at an address of its own where there is no other.
fn anywhere(provider: &Provider) -> Target {
    let builder = Target::builder(format!("{}/m", provider.name()));
    let builder = builder.api_key(Secret::from(CANARY));
    let builder = match provider.default_api_base() {
        Some(_) => builder,
        None => builder.api_base("https://own.example/base"),
    };
    builder.build().unwrap()
}
