//! How long it takes to find the model in a chat request, beside a parser that builds values.
//!
//! `cargo bench -p headworks-openai`

#![expect(
    clippy::expect_used,
    reason = "a body that is not valid would measure nothing"
)]

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, black_box, counter::BytesCount};
use headworks_openai::{RequestBody, WithModel};
use http_body::Body;
use serde::{Deserialize, de::IgnoredAny};
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A long conversation; a conversation with a picture in it.
const SIZES: [usize; 2] = [100_000, 20_000_000];

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// What a program that knows its field names asks `serde_json` for.
#[derive(Deserialize)]
struct Wanted {
    model: String,
    #[serde(default)]
    stream: bool,
    #[expect(dead_code, reason = "the rest is passed over, as it is here")]
    #[serde(default)]
    messages: IgnoredAny,
}

/// Turns of talk, with an escape every forty bytes or so; above 1 MB the rest is a picture in base64.
fn chat(size: usize) -> Bytes {
    let mut body = String::from("{\"model\":\"gpt-4o\",\"messages\":[");
    let turn = "{\"role\":\"user\",\"content\":\"What does this line do?\\n\\tlet x = \\\"a string\\\";\\nI do not see why \u{e9}t\u{e9} fails here.\"},";
    while body.len() + turn.len() < size.min(1_000_000) {
        body.push_str(turn);
    }
    body.push_str("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,");
    body.extend(std::iter::repeat_n('A', size.saturating_sub(body.len())));
    body.push_str("\"}}]}],\"stream\":true,\"temperature\":0.7}");
    body.into()
}

#[divan::bench(args = SIZES)]
fn scan(bencher: Bencher<'_, '_>, size: usize) {
    let body = chat(size);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let body = RequestBody::json(black_box(body.clone())).expect("the body is valid");
        body.model().map(str::len)
    });
}

#[divan::bench(args = SIZES)]
fn scan_and_splice(bencher: Bencher<'_, '_>, size: usize) {
    let body = chat(size);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let body = RequestBody::json(black_box(body.clone())).expect("the body is valid");
        let mut body = body.with_model("gpt-4o-2024-11-20");
        let mut context = Context::from_waker(Waker::noop());
        let mut frames = 0;
        while let Poll::Ready(Some(_)) = Pin::new(&mut body).poll_frame(&mut context) {
            frames += 1;
        }
        frames
    });
}

#[divan::bench(args = SIZES)]
fn serde_json_fields(bencher: Bencher<'_, '_>, size: usize) {
    let body = chat(size);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let wanted: Wanted = serde_json::from_slice(black_box(&body)).expect("the body is valid");
        (wanted.model.len(), wanted.stream)
    });
}

#[divan::bench(args = SIZES)]
fn serde_json_value(bencher: Bencher<'_, '_>, size: usize) {
    let body = chat(size);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let value: serde_json::Value =
            serde_json::from_slice(black_box(&body)).expect("the body is valid");
        value["model"].as_str().map(str::len)
    });
}
