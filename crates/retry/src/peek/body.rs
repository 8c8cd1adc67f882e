use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of an answer that has been peeked into: what was seen first, then the rest.
pub struct PeekBody<B: Body> {
    first: Option<Frame<B::Data>>,
    /// Boxed, since it has been polled before it came here.
    rest: Pin<Box<B>>,
}

// ===== impl PeekBody =====

impl<B: Body> PeekBody<B> {
    pub(super) const fn new(first: Option<Frame<B::Data>>, rest: Pin<Box<B>>) -> Self {
        Self { first, rest }
    }
}

/// What was seen first is never pinned.
impl<B: Body> Unpin for PeekBody<B> {}

impl<B: Body> Body for PeekBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let seen = self.first.as_ref().and_then(Frame::data_ref);
        let seen = seen.map_or(0, |data| data.remaining() as u64);
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(seen.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(seen)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B: Body> fmt::Debug for PeekBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekBody")
            .field("peeked", &self.first.is_some())
            .finish_non_exhaustive()
    }
}
