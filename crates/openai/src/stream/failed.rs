use super::{StreamError, StreamErrorKind, parting::Parting, protocol::Protocol};
use bytes::Bytes;
use headworks_core::BoxError;
use http_body::{Body, Frame};
use serde_json::{Value, json};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// What is left to say of a request that has failed when its head, with a status of 200 and the promise of
/// events, has gone out already: the error as an event of the endpoint's protocol, and then the connection
/// broken off.
///
/// # Panics
///
/// As [`CommitBody`](super::CommitBody).
#[derive(Debug)]
pub struct FailedBody {
    event: Option<Bytes>,
    parting: Parting,
    /// `None` once it has been told.
    error: Option<StreamError>,
}

// ===== impl FailedBody =====

impl FailedBody {
    /// Of the endpoint whose path ends so, which would have answered with this error as its whole body.
    #[must_use]
    pub fn new(path: &str, error: &[u8]) -> Self {
        let error = serde_json::from_slice(error).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(error);
            json!({"error": {"message": text, "type": "server_error"}})
        });
        Self {
            event: Some(event(Protocol::of_path(path), &error)),
            parting: Parting::default(),
            error: Some(StreamError::new(StreamErrorKind::InBand)),
        }
    }
}

/// An error on one line, as an event. What precedes it are comments, which have ended.
fn event(protocol: Option<Protocol>, error: &Value) -> Bytes {
    match protocol {
        Some(Protocol::Responses) => {
            let message = error.pointer("/error/message").unwrap_or(&Value::Null);
            let data = json!({
                "type": "response.failed",
                "sequence_number": 0,
                "response": {
                    "object": "response",
                    "status": "failed",
                    "output": [],
                    "error": {"code": "server_error", "message": message},
                },
            });
            format!("event: response.failed\ndata: {data}\n\n").into()
        }
        Some(Protocol::Messages) => format!("event: error\ndata: {error}\n\n").into(),
        Some(Protocol::Completions | Protocol::Media) | None => format!("data: {error}\n\n").into(),
    }
}

impl Body for FailedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(event) = self.event.take() {
            let last = self.parting.last(event);
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        if self.error.is_some() {
            ready!(self.parting.poll(cx));
        }
        Poll::Ready(self.error.take().map(|error| Err(error.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn told(path: &str, error: &[u8]) -> String {
        let mut body = FailedBody::new(path, error);
        let event = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let event = String::from_utf8(event.to_vec()).unwrap();
        assert!(body.frame().await.unwrap().is_err(), "it is broken off");
        assert!(body.frame().await.is_none());
        event
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_told_in_the_protocol_of_the_endpoint_and_on_one_line() {
        let error = b"{\n  \"error\": {\"message\": \"slow down\", \"code\": \"rate_limited\"}\n}";
        let data = r#"data: {"error":{"code":"rate_limited","message":"slow down"}}"#;
        let chat = told("/v1/chat/completions", error).await;
        assert_eq!(chat, format!("{data}\n\n"));
        let message = told(
            "/v1/messages",
            br#"{"type":"error","error":{"type":"rate_limit_error"}}"#,
        )
        .await;
        assert!(
            message.starts_with("event: error\ndata: {\"error\":{\"type\":"),
            "{message}"
        );
        let response = told("/v1/responses", error).await;
        assert!(
            response.starts_with("event: response.failed\ndata: {"),
            "{response}"
        );
        assert!(response.contains(r#""message":"slow down""#), "{response}");
        let plain = told("/v1/chat/completions", b"<html>\nbad gateway").await;
        assert!(plain.contains("<html>\\nbad gateway"), "{plain}");
    }
}
