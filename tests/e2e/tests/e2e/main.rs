//! The gateway over real sockets, from the outside: the program as a child process, scripted upstreams, and
//! clients that behave well or badly.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod balance;
mod bytes;
mod configs;
mod demo;
mod edge;
mod empty;
mod endpoints;
mod failover;
mod info;
mod leaving;
mod limits;
mod memory;
mod redis;
mod redis_places;
mod sdk;
mod secrets;
mod seeds;
mod service;
mod shares;
mod stalls;
mod stopping;
mod streaming;
mod usage;

use headworks_e2e::config;
use headworks_upstream::Upstream;
use serde_json::{Value, json};

/// Where most requests go.
const CHAT: &str = "/v1/chat/completions";

/// A chat completion for `model`.
fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
}

/// The same, streamed.
fn chat_stream(model: &str) -> Value {
    let mut body = chat(model);
    body["stream"] = true.into();
    body
}

/// A configuration in which `gpt-4o` is at each of these upstreams, by the ids `a`, `b`, `c`, ….
fn group_at(upstreams: &[Upstream], rest: &str) -> String {
    let deployments: Vec<_> = upstreams
        .iter()
        .zip(["a", "b", "c", "d"])
        .map(|(upstream, id)| config::openai("gpt-4o", id, &upstream.base_url()))
        .collect();
    config::of(&deployments, rest)
}
