use crate::{
    client::{BoxedConnect, Client, Connector},
    simulated::{self, Simulated},
};
use bytes::Bytes;
use headworks_core::BoxError;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::Connect};
use pin_project::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// How requests reach a deployment: over HTTP, or inside the process.
///
/// One type for both, so that one stack serves every deployment of a configuration.
pub enum Transport<B, C = Connector> {
    /// To a provider, by the HTTP [`Client`]; shared, so that a clone is one reference count.
    Http(Arc<Client<B, C>>),
    /// To the [`Simulated`] one.
    Simulated(Simulated),
}

/// The future of [`Transport`].
#[pin_project(project = FutureProj)]
#[derive(Debug)]
pub enum TransportFuture<B> {
    /// Over HTTP.
    Http(#[pin] legacy::ResponseFuture),
    /// Inside the process; boxed, so that the future of the other path stays as small as it is.
    Simulated(Pin<Box<simulated::ResponseFuture<B>>>),
}

/// The body of an answer from a [`Transport`].
#[pin_project(project = BodyProj)]
#[derive(Debug)]
pub enum TransportBody {
    /// Over HTTP.
    Http(#[pin] Incoming),
    /// Inside the process.
    Simulated(#[pin] simulated::ResponseBody),
}

// ===== impl Transport =====

impl<B, C> Service<Request<B>> for Transport<B, C>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    C: Clone + Send + Sync + 'static,
    BoxedConnect<C>: Connect,
{
    type Response = Response<TransportBody>;
    type Error = BoxError;
    type Future = TransportFuture<B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Http(client) => (&**client).poll_ready(cx).map_err(Into::into),
            Self::Simulated(simulated) => Service::<Request<B>>::poll_ready(simulated, cx),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self {
            Self::Http(client) => TransportFuture::Http((&**client).call(request)),
            Self::Simulated(simulated) => {
                TransportFuture::Simulated(Box::pin(simulated.call(request)))
            }
        }
    }
}

impl<B, C> Clone for Transport<B, C> {
    fn clone(&self) -> Self {
        match self {
            Self::Http(client) => Self::Http(client.clone()),
            Self::Simulated(simulated) => Self::Simulated(simulated.clone()),
        }
    }
}

impl<B, C> fmt::Debug for Transport<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(_) => f.debug_tuple("Http").finish_non_exhaustive(),
            Self::Simulated(simulated) => f.debug_tuple("Simulated").field(simulated).finish(),
        }
    }
}

impl<B, C> From<Client<B, C>> for Transport<B, C> {
    fn from(client: Client<B, C>) -> Self {
        Self::Http(Arc::new(client))
    }
}

impl<B, C> From<Simulated> for Transport<B, C> {
    fn from(simulated: Simulated) -> Self {
        Self::Simulated(simulated)
    }
}

// ===== impl TransportFuture =====

impl<B> Future for TransportFuture<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<TransportBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FutureProj::Http(future) => future
                .poll(cx)
                .map_ok(|response| response.map(TransportBody::Http))
                .map_err(Into::into),
            FutureProj::Simulated(future) => future
                .as_mut()
                .poll(cx)
                .map_ok(|response| response.map(TransportBody::Simulated)),
        }
    }
}

// ===== impl TransportBody =====

impl Body for TransportBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project() {
            BodyProj::Http(body) => body.poll_frame(cx).map_err(Into::into),
            BodyProj::Simulated(body) => body.poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http(body) => body.is_end_stream(),
            Self::Simulated(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http(body) => body.size_hint(),
            Self::Simulated(body) => body.size_hint(),
        }
    }
}
