use super::reading::Reading;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of an answer: as it comes, or, of an error, what was read of it and then the rest as it comes.
#[pin_project]
pub struct JudgedBody<B: Body>(#[pin] Kind<B>);

#[pin_project(project = KindProj)]
enum Kind<B: Body> {
    Passed(#[pin] B),
    Judged(#[pin] Reading<B>),
}

// ===== impl JudgedBody =====

impl<B: Body> JudgedBody<B> {
    pub(super) const fn passed(body: B) -> Self {
        Self(Kind::Passed(body))
    }

    pub(super) const fn judged(body: Reading<B>) -> Self {
        Self(Kind::Judged(body))
    }
}

impl<B: Body> Body for JudgedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().0.project() {
            KindProj::Passed(body) => body.poll_frame(cx),
            KindProj::Judged(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Passed(body) => body.is_end_stream(),
            Kind::Judged(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Passed(body) => body.size_hint(),
            Kind::Judged(body) => body.size_hint(),
        }
    }
}

impl<B: Body> fmt::Debug for JudgedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::Passed(_) => "Passed",
            Kind::Judged(_) => "Judged",
        };
        f.debug_tuple("JudgedBody").field(&kind).finish()
    }
}
