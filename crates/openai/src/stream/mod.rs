//! An event stream is handed on once it has begun in earnest, and ends as it really ended.
//!
//! A provider answers a streamed request with 200 at once and fails afterwards: it sends an error event, or
//! nothing, or closes the connection in mid-sentence. [`CommitLayer`] makes of that what it would have been
//! without a stream. It holds the head of the answer until the *commit point*, the first event with a piece of
//! the answer in it, and what fails before is a failure that may be tried elsewhere:
//!
//! | before the commit point | becomes |
//! |---|---|
//! | an error event | an answer with the error's own status, and the error as its JSON |
//! | the end of the stream, or a broken connection | [`StreamError`]: [`Empty`](StreamErrorKind::Empty), [`Cut`](StreamErrorKind::Cut) |
//! | an event that is no JSON, or no UTF-8 | [`StreamError`]: [`Malformed`](StreamErrorKind::Malformed) |
//! | a plain 200 whose connection breaks before its first byte | [`StreamError`]: [`Cut`](StreamErrorKind::Cut) |
//! | a 200 with no body at all, streamed or not | [`StreamError`]: [`Empty`](StreamErrorKind::Empty) |
//! | a plain JSON 200 with an `error` and nothing of an answer in it | an answer with the error's own status |
//! | no first token in time ([`CommitLayer::first_token`]) | [`Elapsed`](headworks_core::Elapsed) of that clock |
//! | a clock further out running out | the attempt dropped, and the provider's connection with it |
//!
//! | after it | the client gets |
//! |---|---|
//! | the end of the stream, or a broken connection, before a finish | an error event, then the connection broken off |
//! | an event that is no JSON, or no UTF-8 | the same, in its place |
//! | an error event | that event as it came, then the connection broken off |
//! | the end after a finish | what came, and `[DONE]` after it if it belongs there and is missing |
//!
//! Breaking off is an error of the body, [`StreamError`], so that what rides in it further out (load, breaker,
//! meter) is told a failure and not an end; they know of it before ([`Foretold`](headworks_core::Foretold)), since
//! many a client leaves as soon as it has read the event. Of the provider's own error event they are told what it
//! means by a [rule](CommitLayer::judge_by) for whole answers, without one the [outcome of the
//! status](headworks_core::Outcome::of_status) it names, the one it would be answered with before the commit point: a
//! prompt that is wrong is the caller's fault in mid-stream too, and a quota that is used up rests the deployment at
//! once. Of an event that names none where there is no rule, and of all else but a clock that ran out, they are told
//! [`Transport`](headworks_core::Outcome::Transport). The error comes as soon as the server has taken what is to be sent before
//! it: the client sees the event first, over HTTP/1.1 and HTTP/2. The error event is in the form of the endpoint: `data: {"error": …}`
//! for chat completions, completions, images and audio, `response.failed` for Responses, `event: error` for
//! Anthropic's messages. `[DONE]` is not passed on while the answer is unfinished: to an SDK it means that all
//! is well.
//!
//! Where the usage of a stream was asked for on nobody's behalf but ours ([`HideUsage`] among the response's
//! extensions), an event that tells the usage alone (`"choices": []`) is not passed on; a `"usage": null` in
//! the others is left as it is, since clients are used to it. What the stream has said is left among the
//! extensions too, as [`Reading`], for those further out who count.
//!
//! Bytes are forwarded as they came, without a copy. An event that comes in pieces is held until it is whole,
//! since nobody can tell by half of it what it will say; nor could a client use it.
//!
//! # Difference from the scanner
//!
//! [`sse::Scanner`](crate::sse::Scanner) looks and never touches: it tells whoever counts what a stream says.
//! This layer acts on it.
//!
//! # Where it belongs in the stack
//!
//! Around one deployment, inside retry and whatever counts, so that they see what it makes of an answer.
//! Directly inside the attempt's timeout, whose time until the head becomes the time until what is held is
//! handed on; the first token has a clock of its own here, where it is known for one. Outside of a layer that limits the silence between two frames (`headworks-timeout`'s `StreamTimeout`),
//! so that a stall ends in an error event as a cut does. Whoever judges answers by their status and body belongs outside as well, and its rules in here
//! ([`CommitLayer::judge_by`]), so that an error in a stream means what it does elsewhere. A
//! [`Verdict`](headworks_core::Verdict) that was left on the 200 is taken off an error that was in the stream.
//!
//! # What it leaves alone
//!
//! An answer that is neither 2xx nor `text/event-stream` passes as it is, and so do a stream that is compressed
//! and one of an [endpoint](Commit) whose events are not known. A plain answer is handed on with its first bytes
//! instead of before them, since a connection that breaks between the two has told the client nothing; one of
//! JSON that may be an error by its length, once enough of it is there to tell that it is none.
//!
//! # The whole answer
//!
//! With [`CommitPoint::Complete`] the commit point is the end of the stream: even a cut at the last token is
//! tried elsewhere, unseen by the client. The price is that the first token comes when the last one does, that
//! each answer is in memory as long, and that the time until the head must allow for all of it.
//!
//! # What the content policy withheld
//!
//! A provider may finish an answer with a 200 that says that it was withheld: `finish_reason: "content_filter"`,
//! Anthropic's `stop_reason: "refusal"`, the same `reason` in the `incomplete_details` of a response. Where somebody
//! else is left to be asked (a [`ContentFallback`] among the request's extensions) such an answer is handed on as it
//! came, with a verdict of [`ContentRefused`](headworks_core::Outcome::ContentRefused) among its extensions, if it
//! says so before any of it is handed on: a plain one, which is held to its end for that, at most 8 MiB of it; a
//! stream that is held whole; a stream that is finished so before its first token. So a plain answer that is cut is
//! a failure too, as a stream that is held. Where nobody is left nothing is held, and nothing is looked for.
//!
//! # No signs of life
//!
//! While an answer is held nothing is sent to the client, no comment either: a comment needs a head before it,
//! a head is a 200, and with a 200 gone out no other status can follow. Keeping impatient proxies alive is for
//! the edge, which alone knows that no further attempt will be made.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use headworks_core::{BoxError, Outcome, Verdict};
//! use headworks_openai::stream::CommitLayer;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // A deployment that answers with the body of the request, as a stream.
//! let deployment = ServiceBuilder::new()
//!     .layer(CommitLayer::default())
//!     .service(service_fn(async |request: Request<Full<Bytes>>| {
//!         let answer = Response::builder().header("content-type", "text/event-stream");
//!         answer.body(request.into_body())
//!     }));
//! let ask = |stream: &'static str| {
//!     let request = Request::post("/v1/chat/completions").body(Full::from(stream));
//!     deployment.clone().oneshot(request.expect("a request of valid parts"))
//! };
//!
//! // What fails at once fails like any other answer.
//! let refused = ask("data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n").await?;
//! assert_eq!(refused.status(), 429);
//! let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
//! let cut = ask(role).await.expect_err("it ended before it began");
//! assert_eq!(Verdict::of_error(&*cut).outcome, Outcome::Transport);
//!
//! // What fails later says so, and does not end.
//! let answer = ask("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n").await?;
//! let mut body = answer.into_body();
//! let mut frames = Vec::new();
//! while let Some(Ok(frame)) = body.frame().await {
//!     frames.extend(frame.into_data());
//! }
//! assert_eq!(frames.len(), 2);
//! assert!(frames[1].starts_with(b"\n\ndata: {\"error\":{"));
//! # Ok(())
//! # }
//! ```

#[cfg(doc)]
use headworks_core::{ContentFallback, HideUsage};

mod beginning;
mod body;
mod error;
mod failed;
mod follower;
mod future;
mod holder;
mod in_band;
mod layer;
mod parting;
mod plain;
mod protocol;
mod reading;
mod rule;
mod service;
mod sieve;
mod waiting;
mod whole;

#[cfg(test)]
mod tests;

pub use body::CommitBody;
pub use error::{StreamError, StreamErrorKind};
pub use failed::FailedBody;
pub use future::ResponseFuture;
pub use layer::{CommitLayer, CommitPoint};
pub use reading::Reading;
pub use rule::ToldError;
pub use service::Commit;
