use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of a simulated answer: whole, or event by event as its tokens come.
#[derive(Debug)]
pub struct ResponseBody {
    chunks: VecDeque<Chunk>,
    began: Instant,
    /// Boxed, so that the body can be moved, as the HTTP client's can.
    pause: Option<Pin<Box<Sleep>>>,
    /// What is still announced, if the length was.
    announced: Option<u64>,
    cut: bool,
}

/// A simulated answer broke off before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut;

/// Bytes of an answer, and when they come, counted from its head.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) due: Duration,
    pub(super) data: Bytes,
}

// ===== impl ResponseBody =====

impl ResponseBody {
    /// All of `data` at once; with `cut`, that share of it and then an error.
    pub(super) fn whole(mut data: Bytes, cut: Option<f64>) -> Self {
        let announced = data.len() as u64;
        if let Some(share) = cut {
            data.truncate(share_of(data.len(), share));
        }
        let due = Duration::ZERO;
        let chunk = (!data.is_empty()).then_some(Chunk { due, data });
        Self::new(chunk.into_iter().collect(), Some(announced), cut.is_some())
    }

    /// One event after the other; with `cut`, that share of them and then an error.
    pub(super) fn events(mut events: VecDeque<Chunk>, cut: Option<f64>) -> Self {
        if let Some(share) = cut {
            events.truncate(share_of(events.len(), share));
        }
        Self::new(events, None, cut.is_some())
    }

    fn new(chunks: VecDeque<Chunk>, announced: Option<u64>, cut: bool) -> Self {
        Self {
            chunks,
            began: Instant::now(),
            pause: None,
            announced,
            cut,
        }
    }

    /// Tells it that its head goes out now.
    pub(super) fn begun(mut self) -> Self {
        self.began = Instant::now();
        self
    }
}

/// A share of a length, and never all of it: what is cut lacks its end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the length of an answer in memory, times something from 0 to 1"
)]
fn share_of(length: usize, share: f64) -> usize {
    ((length as f64 * share) as usize).min(length.saturating_sub(1))
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            let Some(chunk) = this.chunks.front() else {
                return Poll::Ready(std::mem::take(&mut this.cut).then_some(Err(Cut)));
            };
            let due = this.began + chunk.due;
            if due > Instant::now() {
                this.pause = Some(Box::pin(sleep_until(due)));
                continue;
            }
            let chunk = this.chunks.pop_front();
            let data = chunk.map(|chunk| chunk.data).unwrap_or_default();
            if let Some(announced) = &mut this.announced {
                *announced -= data.len() as u64;
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        self.announced
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

// ===== impl Cut =====

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated answer was cut")
    }
}

impl Error for Cut {}
