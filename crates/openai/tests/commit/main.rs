//! The commit layer around a service that plays a provider: heads and bodies, poll by poll, on paused time;
//! then over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod allocations;
mod body;
mod first_token;
mod head;
mod plain;
mod sockets;
mod usage;
mod withheld;

use bytes::Bytes;
use headworks_contract::{Inner, Play, ScriptedBody, Step};
use headworks_core::BoxError;
use headworks_openai::stream::{Commit, CommitBody, CommitLayer, CommitPoint, StreamError};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use std::{pin::pin, sync::Arc};
use tower::{Layer, ServiceExt};

const ROLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const ERROR: &str =
    "data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n";

type Answer = Result<Response<CommitBody<ScriptedBody>>, BoxError>;

fn data(text: &'static str) -> Step {
    Step::Data(Bytes::from_static(text.as_bytes()))
}

fn request(path: &str) -> Request<String> {
    Request::post(path).body(String::new()).unwrap()
}

fn chat() -> Request<String> {
    request("/v1/chat/completions")
}

/// An event stream of these steps.
fn stream(steps: impl IntoIterator<Item = Step>) -> Response<ScriptedBody> {
    let answer = Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .header("content-length", "9999")
        .header("x-request-id", "r-1");
    answer.body(ScriptedBody::new(steps)).unwrap()
}

/// A service that gives these answers, one after the other, around which the layer is put.
#[expect(clippy::needless_pass_by_value, reason = "most make one for it")]
fn commit(
    layer: CommitLayer,
    answer: impl Fn() -> Response<ScriptedBody> + Send + Sync + 'static,
) -> Commit<Inner> {
    layer.layer(Inner::new(move || Play::Answer(answer())))
}

/// Asks for a chat completion, which is a stream of these steps.
async fn ask(layer: CommitLayer, steps: fn() -> Vec<Step>) -> Answer {
    commit(layer, move || stream(steps())).oneshot(chat()).await
}

fn kind(error: &BoxError) -> headworks_openai::stream::StreamErrorKind {
    error.downcast_ref::<StreamError>().unwrap().kind()
}

/// The data of a body, and the error it ends with.
async fn read(body: impl Body<Data = Bytes, Error = BoxError>) -> (String, Option<BoxError>) {
    let (mut body, mut told) = (pin!(body), String::new());
    loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap();
                told.push_str(std::str::from_utf8(&data).unwrap());
            }
            Some(Err(error)) => return (told, Some(error)),
            None => return (told, None),
        }
    }
}
