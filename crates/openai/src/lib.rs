//! The `OpenAI` wire format, followed without being taken apart: where the model stands in a request and how
//! to set another, what an event stream says while it passes, what an answer has used, how to tell of an error.
//!
//! A client library such as `async-openai` turns bodies into values and values into bodies, and loses on the
//! way what it has no field for. Nothing here does: a request is read once, in place, and goes out as slices
//! of the bytes that came in; a response is looked at and forwarded as it came.
//!
//! | question | answered by |
//! |---|---|
//! | which model, streamed or not, how many tokens, which of our own parameters? | [`RequestBody`] |
//! | whose is it, what does the conversation begin with, how long is the prompt? | [`Member`], [`RequestBody::opening`], [`RequestBody::prompt_len`] |
//! | how much of it does a provider count, how many answers may it write? | [`RequestBody::counted_len`], [`RequestBody::answers`] |
//! | the same request, for a deployment that knows the model by another name | [`SplicedBody`], made by [`WithModel`] |
//! | has the stream begun, is it finished, did it fail, what did it use? | [`sse::Scanner`] |
//! | when may a stream be handed on, and how does it end honestly? | [`stream::CommitLayer`] |
//! | what did an answer use that came in one piece? | [`answer::Scanner`] |
//! | which response is this, for a request to go on from? | [`response_id::Finder`] |
//! | how does a client expect to be told of an error? | [`ErrorObject`] in a [`Dialect`] |
//!
//! # Where it belongs in the stack
//!
//! At both ends. The edge collects a body and makes a [`RequestBody`] of it: from then on the layers between
//! carry it as any other body, retries clone it for a few reference counts, and none of them knows JSON. The
//! innermost layer, which knows the deployment, sets its model. The scanners hang on response bodies, where
//! what they find is needed: at the commit point of a retry, at the end of an account.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use headworks_openai::{RequestBody, SplicedBody, WithModel};
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let body = Bytes::from(r#"{"model": "gpt-4o", "stream": true, "num_retries": 1, "seed": 1.0e0}"#);
//! let body = RequestBody::json(body)?;
//! assert_eq!(body.model(), Some("gpt-4o"));
//! assert!(body.stream());
//! assert_eq!(body.params().num_retries(), Some(1));
//!
//! // A deployment that calls the model `gpt-4o-2024-11-20`, and echoes what reaches it.
//! let deployment = ServiceBuilder::new()
//!     .map_request(|request: Request<RequestBody>| {
//!         request.map(|body| body.with_model("gpt-4o-2024-11-20"))
//!     })
//!     .service(service_fn(async |request: Request<SplicedBody>| {
//!         let bytes = request.into_body().collect().await?.to_bytes();
//!         Ok::<_, Infallible>(Response::new(Full::new(bytes)))
//!     }));
//!
//! let answer = deployment.oneshot(Request::new(body)).await?;
//! let echoed = answer.into_body().collect().await?.to_bytes();
//! assert_eq!(echoed, r#"{"model": "gpt-4o-2024-11-20", "stream": true, "seed": 1.0e0}"#);
//! # Ok(())
//! # }
//! ```

pub mod answer;
mod error;
mod finish;
mod json;
mod request;
pub mod response_id;
pub mod sse;
pub mod stream;
mod usage;

pub use error::{Dialect, ErrorObject};
pub use headworks_core::WithModel;
pub use request::{InvalidRequest, Member, OwnKey, Params, RequestBody, SplicedBody};
pub use usage::Usage;
