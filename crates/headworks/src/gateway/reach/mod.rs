//! How a deployment is reached: at the one place its URL names, or at each address of the host.

mod addresses;
mod spread;

pub(super) use self::{
    addresses::Addresses,
    spread::{Address, Spread},
};

use self::spread::{SpreadBody, SpreadFuture};
use bytes::Bytes;
use headworks_core::BoxError;
use headworks_openai::SplicedBody;
use headworks_provider::{Transport, TransportBody, TransportFuture, client::Connector};
use headworks_timeout::ConnectTimeout;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tower::Service;

/// To one place: over HTTP, or inside the process.
pub(super) type Direct = Transport<SplicedBody, ConnectTimeout<Connector>>;

/// To a deployment.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    /// At one place.
    Direct(Direct),
    /// At the addresses of its host.
    Spread(Spread),
}

/// The future of [`Reach`].
#[pin_project(project = FutureProj)]
#[derive(Debug)]
pub(super) enum ReachFuture {
    Direct(#[pin] TransportFuture<SplicedBody>),
    /// Boxed, so that the future of the other path stays as small as it is.
    Spread(Pin<Box<SpreadFuture>>),
}

/// The body of an answer that came by [`Reach`].
#[pin_project(project = BodyProj)]
#[derive(Debug)]
pub(super) enum ReachBody {
    Direct(#[pin] TransportBody),
    /// Boxed for the same reason.
    Spread(Pin<Box<SpreadBody>>),
}

// ===== impl Reach =====

impl<D: Into<Direct>> From<D> for Reach {
    fn from(direct: D) -> Self {
        Self::Direct(direct.into())
    }
}

impl Service<Request<SplicedBody>> for Reach {
    type Response = Response<ReachBody>;
    type Error = BoxError;
    type Future = ReachFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(direct) => direct.poll_ready(cx),
            Self::Spread(spread) => spread.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<SplicedBody>) -> ReachFuture {
        match self {
            Self::Direct(direct) => ReachFuture::Direct(direct.call(request)),
            Self::Spread(spread) => spread.call(request),
        }
    }
}

// ===== impl ReachFuture =====

impl Future for ReachFuture {
    type Output = Result<Response<ReachBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FutureProj::Direct(future) => future
                .poll(cx)
                .map_ok(|response| response.map(ReachBody::Direct)),
            FutureProj::Spread(future) => future
                .as_mut()
                .poll(cx)
                .map_ok(|response| response.map(|body| ReachBody::Spread(Box::pin(body))))
                .map_err(spread::outward),
        }
    }
}

// ===== impl ReachBody =====

impl Body for ReachBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project() {
            BodyProj::Direct(body) => body.poll_frame(cx),
            BodyProj::Spread(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Direct(body) => body.is_end_stream(),
            Self::Spread(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Direct(body) => body.size_hint(),
            Self::Spread(body) => body.size_hint(),
        }
    }
}
