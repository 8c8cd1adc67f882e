use crate::RetryBody;
use bytes::Buf;
use http::{Response, response::Parts};
use http_body::{Body, Frame};
use pin_project::pin_project;
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// How long the rest of an answer is waited for. What an error says is sent with its head or right after it;
/// a new connection, TLS included, would cost more than this.
pub(crate) const LONGEST: Duration = Duration::from_millis(20);

/// How much of an answer is read. Errors are a few hundred bytes, an error page some ten thousand.
const MOST: usize = 64 * 1024;

/// Reads the answer that is not handed on, so that it can be kept and its connection used again.
#[pin_project]
pub(crate) struct Drain<B: Body> {
    #[pin]
    body: B,
    head: Option<Parts>,
    frames: VecDeque<Frame<B::Data>>,
    size: usize,
}

// ===== impl Drain =====

impl<B: Body> Drain<B> {
    pub(crate) fn new(response: Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            body,
            head: Some(head),
            frames: VecDeque::new(),
            size: 0,
        }
    }

    /// Ready with the whole answer, or with nothing if it is too large or breaks off.
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Response<RetryBody<B>>>> {
        let mut this = self.project();
        while !this.body.is_end_stream() {
            match ready!(this.body.as_mut().poll_frame(cx)) {
                None => break,
                Some(Err(_)) => return Poll::Ready(None),
                Some(Ok(frame)) => {
                    *this.size += frame.data_ref().map_or(0, Buf::remaining);
                    if *this.size > MOST {
                        return Poll::Ready(None);
                    }
                    this.frames.push_back(frame);
                }
            }
        }
        let frames = std::mem::take(this.frames);
        let head = this.head.take();
        Poll::Ready(head.map(|head| Response::from_parts(head, RetryBody::kept(frames))))
    }
}
