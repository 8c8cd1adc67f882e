//! What the targets share.

use bytes::Bytes;
use futures_util::FutureExt;
use headworks_openai::{RequestBody, WithModel};
use http_body_util::BodyExt;

/// The bytes that go out with `model` in place.
pub fn spliced(body: &RequestBody, model: &str) -> Bytes {
    let body = body.clone().with_model(model).collect();
    let body = body.now_or_never().expect("a spliced body never waits");
    body.expect("a spliced body never fails").to_bytes()
}

/// A few ways to cut `data` into chunks, the same each time for the same data.
pub fn chunkings(data: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut chunkings = vec![vec![data], data.chunks(1).collect()];
    let mut state = data.iter().fold(0x9E37_79B9_u32, |state, byte| {
        (state ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    for longest in [3, 17, 200] {
        let (mut rest, mut chunks) = (data, Vec::new());
        while !rest.is_empty() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = 1 + (state >> 16) as usize % longest;
            let (chunk, after) = rest.split_at(len.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunkings.push(chunks);
    }
    chunkings
}
