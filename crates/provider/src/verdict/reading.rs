use super::MAX_ERROR_BODY;
use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    borrow::Cow,
    collections::VecDeque,
    io::IoSlice,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A body of which the beginning has been read: what was read, then the rest.
#[pin_project]
pub(super) struct Reading<B: Body> {
    kept: VecDeque<B::Data>,
    trailers: Option<HeaderMap>,
    failed: Option<B::Error>,
    /// `None` from the end on. Boxed, so that it can move from the future into the response.
    rest: Option<Pin<Box<B>>>,
}

// ===== impl Reading =====

impl<B: Body> Reading<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            kept: VecDeque::new(),
            trailers: None,
            failed: None,
            rest: Some(Box::pin(body)),
        }
    }

    /// Ready when as much is read as is to be: to the end, to a failure, or to the bound.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut size: usize = self.kept.iter().map(Buf::remaining).sum();
        while let Some(rest) = self.rest.as_mut()
            && size < MAX_ERROR_BODY
        {
            match ready!(rest.as_mut().poll_frame(cx)) {
                None => self.rest = None,
                Some(Err(error)) => {
                    self.failed = Some(error);
                    self.rest = None;
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.has_remaining() => {}
                    Ok(data) => {
                        size += data.remaining();
                        self.kept.push_back(data);
                    }
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
            }
        }
        Poll::Ready(())
    }

    /// The beginning of the body, as far as it is looked at.
    pub(super) fn read(&self) -> Cow<'_, [u8]> {
        if let (Some(only), 1) = (self.kept.front(), self.kept.len())
            && only.chunk().len() == only.remaining()
        {
            let chunk = only.chunk();
            return Cow::Borrowed(&chunk[..chunk.len().min(MAX_ERROR_BODY)]);
        }
        let mut bytes = Vec::new();
        for data in &self.kept {
            // Without taking anything off; what is in more pieces than this is no error of a provider.
            let mut pieces = [IoSlice::new(&[]); 16];
            let count = data.chunks_vectored(&mut pieces);
            for piece in pieces.iter().take(count) {
                let room = MAX_ERROR_BODY - bytes.len();
                bytes.extend_from_slice(&piece[..piece.len().min(room)]);
            }
        }
        Cow::Owned(bytes)
    }
}

impl<B: Body> Body for Reading<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some(data) = this.kept.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = this.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match this.rest {
            Some(rest) => rest.as_mut().poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.kept.is_empty()
            && self.trailers.is_none()
            && self.failed.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let kept = self.kept.iter().map(|data| data.remaining() as u64).sum();
        let mut hint = SizeHint::with_exact(kept);
        if let Some(rest) = &self.rest {
            let rest = rest.size_hint();
            let upper = rest.upper().and_then(|upper| upper.checked_add(kept));
            hint = SizeHint::new();
            hint.set_lower(rest.lower().saturating_add(kept));
            if let Some(upper) = upper {
                hint.set_upper(upper);
            }
        } else if self.failed.is_some() {
            // How much there would have been is not known any more.
            hint = SizeHint::new();
            hint.set_lower(kept);
        }
        hint
    }
}
