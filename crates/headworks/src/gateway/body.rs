use bytes::Bytes;
use headworks_core::BoxError;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of an answer: a deployment's, passed on as it comes, or one the gateway wrote itself.
#[pin_project]
pub struct ResponseBody(#[pin] Kind);

#[pin_project(project = KindProj)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and is not boxed"
)]
enum Kind {
    Upstream(#[pin] super::stack::UpstreamBody),
    Own(#[pin] Full<Bytes>),
}

// ===== impl ResponseBody =====

impl ResponseBody {
    pub(super) const fn upstream(body: super::stack::UpstreamBody) -> Self {
        Self(Kind::Upstream(body))
    }

    pub(super) const fn own(body: Full<Bytes>) -> Self {
        Self(Kind::Own(body))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().0.project() {
            KindProj::Upstream(body) => body.poll_frame(cx),
            KindProj::Own(body) => body.poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Upstream(body) => body.is_end_stream(),
            Kind::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Upstream(body) => body.size_hint(),
            Kind::Own(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match &self.0 {
            Kind::Upstream(_) => "upstream",
            Kind::Own(_) => "own",
        };
        f.debug_tuple("ResponseBody").field(&from).finish()
    }
}
