//! A client that waits for a stream is sent comments, so that nothing between takes the connection for dead.

use super::{ResponseBody, exchange::Answering, stack::Stack};
use bytes::{Bytes, BytesMut};
use headworks_core::BoxError;
use headworks_openai::{RequestBody, stream::FailedBody};
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};
use tower::util::Oneshot;

/// A comment and the end of an event that has none: nothing to a client.
const COMMENT: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// The most of an error that is told: what is longer is cut off.
const MOST: usize = 64 * 1024;

/// An answer that is waited for. The client learns by comments that it is, from the first on with a head of
/// 200.
pub(super) struct Patience {
    answer: Pin<Box<Oneshot<Stack, Request<RequestBody>>>>,
    answering: Answering,
    every: Duration,
    comment: Pin<Box<Sleep>>,
    path: &'static str,
}

/// What follows a head that went out before the answer was known.
pub(super) enum PatientBody {
    Waiting(Patience),
    /// The stream has come.
    Passing(Pin<Box<ResponseBody>>),
    /// Another answer has come, which can only be told as an event.
    Reading(&'static str, Pin<Box<ResponseBody>>, BytesMut),
    Telling(FailedBody),
}

// ===== impl Patience =====

impl Patience {
    pub(super) fn new(
        answer: Oneshot<Stack, Request<RequestBody>>,
        answering: Answering,
        every: Duration,
        path: &'static str,
    ) -> Self {
        Self {
            answer: Box::pin(answer),
            answering,
            every,
            comment: Box::pin(sleep(every)),
            path,
        }
    }

    /// The answer, if it comes in time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Response<ResponseBody>>> {
        if let Poll::Ready(answer) = self.answer.as_mut().poll(cx) {
            return Poll::Ready(Some(self.answering.finish(answer)));
        }
        ready!(self.comment.as_mut().poll(cx));
        Poll::Ready(None)
    }

    /// The head, in place of the answer's own.
    pub(super) fn head(self) -> Response<PatientBody> {
        let mut response = Response::new(());
        self.answering.own_headers(response.headers_mut());
        let events = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, events);
        response.map(|()| PatientBody::Waiting(self))
    }
}

// ===== impl PatientBody =====

impl Body for PatientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let next = match &mut *self {
                Self::Waiting(waiting) => match ready!(waiting.poll(cx)) {
                    Some(answer) => Self::of(answer, waiting.path),
                    None => {
                        let next = Instant::now() + waiting.every;
                        waiting.comment.as_mut().reset(next);
                        return Poll::Ready(Some(Ok(Frame::data(COMMENT))));
                    }
                },
                Self::Passing(body) => return body.as_mut().poll_frame(cx),
                Self::Reading(path, body, read) => match ready!(body.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            let room = MOST.saturating_sub(read.len()).min(data.len());
                            read.extend_from_slice(&data[..room]);
                        }
                        continue;
                    }
                    Some(Err(_)) | None => Self::Telling(FailedBody::new(path, read)),
                },
                Self::Telling(body) => return Pin::new(body).poll_frame(cx),
            };
            *self = next;
        }
    }
}

impl PatientBody {
    fn of(answer: Response<ResponseBody>, path: &'static str) -> Self {
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if answer.status().is_success() && is_stream {
            Self::Passing(Box::pin(answer.into_body()))
        } else {
            Self::Reading(path, Box::pin(answer.into_body()), BytesMut::new())
        }
    }
}
