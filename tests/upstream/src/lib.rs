//! A scripted HTTP upstream on loopback: real sockets, HTTP/1.1 and HTTP/2 cleartext on the same port, and
//! answers that behave as badly as a test needs them to.
//!
//! A mock service answers a question about one layer; this answers questions about bytes on a wire: does the
//! first event of a stream pass before the second exists, does a client that leaves end the call upstream,
//! what becomes of a connection that is reset before the head, in mid-body, or never.
//!
//! | to | use |
//! |---|---|
//! | start one, or one per deployment | [`Upstream::start`], [`Upstream::start_many`] |
//! | start many on one port of many addresses | [`Upstream::start_beside`] |
//! | have a name server that knows them, or fails | [`NameServer`] |
//! | have a Redis that stops, dies and comes back | [`RedisServer`] |
//! | have several that share the keys among them, and move them | [`RedisCluster`] |
//! | have one that takes over when another dies | [`RedisSentinel`] |
//! | have an address where nobody listens | [`DeadPort`] |
//! | say what is answered | [`Upstream::answer`], [`Upstream::answer_next`], [`Upstream::answer_with`] |
//! | build an answer, and spoil it | [`Answer`] |
//! | hold a stream until the test has looked | [`Gate`] |
//! | answer as an `OpenAI`-compatible provider would | [`openai`] (the default) |
//! | see what came in, and how it ended | [`Upstream::received`], [`Upstream::seen`] |
//! | wait for something to happen, within a bound | [`Upstream::wait_for`] |
//!
//! Everything ends when the [`Upstream`] is dropped: the listener, the connections, the answers under way.
//!
//! # Example
//!
//! ```
//! use headworks_upstream::{Answer, Gate, Upstream};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let upstream = Upstream::start().await;
//! // The next request is turned away; those after it get a good answer to whatever they ask.
//! upstream.answer_next(Answer::status(429).header("retry-after", "7"));
//!
//! let client = tokio::net::TcpStream::connect(upstream.addr()).await.unwrap();
//! let seen = upstream.wait_for(Duration::from_secs(5), |seen| seen.connections == 1).await;
//! assert_eq!(seen.unwrap().open, 1);
//!
//! // A stream whose second event waits for the test.
//! let second = Gate::new();
//! upstream.answer(Answer::sse(["data: 1\n\n", "data: 2\n\n"]).hold_before(1, &second));
//! second.open();
//! # drop(client);
//! # }
//! ```

#![expect(
    clippy::expect_used,
    reason = "a test's own tool says what broke and stops"
)]

mod answer;
mod body;
mod dns;
mod gate;
pub mod openai;
mod port;
mod record;
mod redis;
mod serve;
mod upstream;
mod wire;

pub use answer::Answer;
pub use dns::{NameAnswer, NameServer};
pub use gate::Gate;
pub use port::DeadPort;
pub use record::{Ending, Received, Seen, TimedOut};
pub use redis::{RedisCluster, RedisSentinel, RedisServer};
pub use upstream::Upstream;
