use crate::log::Running;
use bytes::Bytes;
use http_body::{Body, Frame};
use pin_project::pin_project;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// The body of an answer: a first word with the head, and the last one when its time has come.
#[pin_project]
#[derive(Debug)]
pub(crate) struct Answer {
    words: u8,
    #[pin]
    rest: Option<Sleep>,
    held: Option<Held>,
}

/// What an answer keeps busy to its end.
pub(crate) type Held = (Running, Option<OwnedSemaphorePermit>);

// ===== impl Answer =====

impl Answer {
    pub(crate) fn new(rest: Duration, held: Held) -> Self {
        Self {
            words: 2,
            rest: Some(sleep(rest)),
            held: Some(held),
        }
    }

    pub(crate) const fn empty() -> Self {
        Self {
            words: 0,
            rest: None,
            held: None,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut this = self.project();
        if *this.words == 1
            && let Some(rest) = this.rest.as_mut().as_pin_mut()
        {
            ready!(rest.poll(cx));
            *this.held = None;
        }
        if *this.words == 0 {
            return Poll::Ready(None);
        }
        *this.words -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"word")))))
    }

    fn is_end_stream(&self) -> bool {
        self.words == 0
    }
}
