use crate::error::Failure;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    collections::VecDeque,
    marker::PhantomPinned,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A body that plays out as it is told. Deliberately neither `Unpin` nor `Clone` nor `Default`.
#[pin_project]
#[derive(Debug)]
pub struct ScriptedBody {
    steps: VecDeque<Step>,
    asked: bool,
    /// Whoever made it can see by its count whether it is still there.
    alive: Option<Arc<()>>,
    #[pin]
    pinned: PhantomPinned,
}

/// One step of a [`ScriptedBody`].
#[derive(Debug)]
pub enum Step {
    /// A frame of data.
    Data(Bytes),
    /// Trailers.
    Trailers(HeaderMap),
    /// The body fails.
    Fail(Failure),
    /// Nothing more comes.
    Stall,
}

/// A body as far from the usual as its trait allows: its data are not `Bytes` and its error is no `Error`.
/// Not `Clone`, not `Default`.
#[derive(Debug)]
pub struct OddBody(Option<&'static [u8]>);

// ===== impl ScriptedBody =====

impl ScriptedBody {
    /// Plays out `steps`.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            asked: false,
            alive: None,
            pinned: PhantomPinned,
        }
    }

    /// Two frames of data, `Hello` and ` world`, then trailers; its length is known.
    #[must_use]
    pub fn good() -> Self {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, crate::TRAILER)]);
        let [first, second] = crate::DATA.map(|data| Step::Data(Bytes::from_static(data)));
        Self::new([first, second, Step::Trailers(trailers)])
    }

    /// Counts as a clone of `alive` while it lives.
    #[must_use]
    pub fn counted_by(mut self, alive: &Arc<()>) -> Self {
        self.alive = Some(alive.clone());
        self
    }

    fn is_finite(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.all(|step| matches!(step, Step::Data(_) | Step::Trailers(_)))
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = self.project();
        if !std::mem::replace(this.asked, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if matches!(this.steps.front(), Some(Step::Stall)) {
            return Poll::Pending;
        }
        *this.asked = false;
        Poll::Ready(this.steps.pop_front().map(|step| match step {
            Step::Data(data) => Ok(Frame::data(data)),
            Step::Trailers(trailers) => Ok(Frame::trailers(trailers)),
            Step::Fail(failure) => Err(failure),
            Step::Stall => unreachable!("seen above"),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let length = |step: &Step| match step {
            Step::Data(data) => data.len() as u64,
            Step::Trailers(_) | Step::Fail(_) | Step::Stall => 0,
        };
        let length = self.steps.iter().map(length).sum();
        if self.is_finite() {
            SizeHint::with_exact(length)
        } else {
            let mut hint = SizeHint::new();
            hint.set_lower(length);
            hint
        }
    }
}

// ===== impl OddBody =====

impl OddBody {
    /// One frame.
    #[must_use]
    pub const fn one_frame() -> Self {
        Self(Some(b"odd"))
    }
}

impl Body for OddBody {
    type Data = &'static [u8];
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<&'static [u8]>, &'static str>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }
}
