//! The decisions, without a service: what is handed on, when, and how it ends.

mod cuts;
mod fates;
mod protocols;
mod usage;

use super::{
    CommitPoint, StreamError, StreamErrorKind,
    follower::Follower,
    holder::{Held, Holder},
    protocol::Protocol,
    reading::Reading,
    rule::ErrorRule,
};
use bytes::Bytes;

const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const PING: &str = ": ping\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\",\"code\":\"rate_limit_exceeded\"}}\n\n";
const BAD: &str = "data: {\"choices\":[{\"index\":0,\n\n";

const CUT_EVENT: &str = "\n\ndata: {\"error\":{\"message\":\"the answer was cut off before it was finished\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_cut\"}}\n\n";
const MALFORMED_EVENT: &str = "\n\ndata: {\"error\":{\"message\":\"the provider sent an event that cannot be read\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_malformed\"}}\n\n";

/// How a stream ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Eof,
    Broken,
}

/// What becomes of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is handed on: what the client gets, and how that ends.
    Told(String, Result<(), StreamErrorKind>),
    /// The provider's error is the answer.
    Refused(u16, String),
    /// It has failed before it was handed on.
    Failed(StreamErrorKind),
}

/// Plays a stream that comes in these chunks.
fn play(protocol: Protocol, point: CommitPoint, chunks: &[&[u8]], end: End) -> Fate {
    let holder = Holder::new(protocol, point, point.at_most(), false);
    play_on(holder, chunks, end)
}

fn play_on(mut holder: Holder, chunks: &[&[u8]], end: End) -> Fate {
    let mut chunks = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk));
    loop {
        let (held, ended) = match chunks.next() {
            Some(chunk) => (holder.push(chunk), false),
            None if end == End::Eof => (holder.end(), true),
            None => (holder.break_off(), true),
        };
        return match held {
            Held::More if ended => panic!("still held at its end"),
            Held::More => continue,
            Held::Commit if ended => {
                follow(holder.into_follower(ErrorRule::default()), chunks, End::Eof)
            }
            Held::Commit => follow(holder.into_follower(ErrorRule::default()), chunks, end),
            Held::Refused(error) => {
                let json = String::from_utf8(error.json.to_vec()).unwrap();
                Fate::Refused(error.status().as_u16(), json)
            }
            Held::Failed(kind) => Fate::Failed(kind),
        };
    }
}

fn follow(mut follower: Follower, mut chunks: impl Iterator<Item = Bytes>, end: End) -> Fate {
    let mut told = Vec::new();
    loop {
        while let Some(bytes) = follower.next() {
            assert!(!bytes.is_empty());
            told.extend_from_slice(&bytes);
        }
        if let Some(ending) = follower.ending() {
            let ending = ending.as_ref().map(|_| ()).map_err(StreamError::kind);
            return Fate::Told(String::from_utf8_lossy(&told).into_owned(), ending);
        }
        match chunks.next() {
            Some(chunk) => follower.push(chunk),
            None if end == End::Eof => follower.end(),
            None => follower.break_off("reset".into()),
        }
    }
}

/// A chat completion of these events, each a chunk.
fn chat(events: &[&str], end: End) -> Fate {
    let chunks: Vec<&[u8]> = events.iter().map(|event| event.as_bytes()).collect();
    play(Protocol::Completions, CommitPoint::FirstToken, &chunks, end)
}

fn told(events: &[&str], ending: Result<(), StreamErrorKind>) -> Fate {
    Fate::Told(events.concat(), ending)
}
