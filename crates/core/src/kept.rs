use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of an answer: as it comes, or, of an answer that a [`Drain`](crate::Drain) has read and kept, as
/// it came.
#[pin_project]
pub struct KeptBody<B: Body>(#[pin] Source<B>);

#[pin_project(project = SourceProj)]
enum Source<B: Body> {
    Live(#[pin] B),
    Kept(VecDeque<Frame<B::Data>>),
}

// ===== impl KeptBody =====

impl<B: Body> KeptBody<B> {
    /// A body that is passed on as it comes.
    pub const fn live(body: B) -> Self {
        Self(Source::Live(body))
    }

    pub(crate) const fn kept(frames: VecDeque<Frame<B::Data>>) -> Self {
        Self(Source::Kept(frames))
    }
}

impl<B: Body> Body for KeptBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().0.project() {
            SourceProj::Live(body) => body.poll_frame(cx),
            SourceProj::Kept(frames) => Poll::Ready(frames.pop_front().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Live(body) => body.is_end_stream(),
            Source::Kept(frames) => frames.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Live(body) => body.size_hint(),
            Source::Kept(frames) => {
                let sizes = frames.iter().filter_map(Frame::data_ref);
                SizeHint::with_exact(sizes.map(|data| data.remaining() as u64).sum())
            }
        }
    }
}

impl<B: Body> fmt::Debug for KeptBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = matches!(self.0, Source::Kept(_));
        f.debug_struct("KeptBody")
            .field("kept", &kept)
            .finish_non_exhaustive()
    }
}
