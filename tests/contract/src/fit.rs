//! What stands around a layer, or within it, so that it can be put in front of a host: by the suite's key
//! `bodies`.

use bytes::Bytes;
use headworks_core::{BoxError, WithModel};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use pin_project::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tower::util::MapRequestLayer;
use tower_layer::{Layer, Stack};
use tower_service::Service;

/// Reads each request's body into memory, outside a layer that must be able to send it again.
#[derive(Clone, Copy, Debug)]
pub struct CollectLayer;

/// The service of [`CollectLayer`].
#[derive(Clone, Debug)]
pub struct Collect<S>(S);

/// A body whose model cannot be set: [`WithModel`] for any body, for layers that ask for it.
#[pin_project]
#[derive(Clone, Debug)]
pub struct Spliced<B>(#[pin] pub B);

type MapBody<B, C> = MapRequestLayer<fn(Request<B>) -> Request<C>>;

/// `layer`, with bodies collected outside of it and made the host's again by `body` within.
pub fn cloned<L, B>(
    layer: L,
    body: fn(Request<Full<Bytes>>) -> Request<B>,
) -> Stack<Stack<MapBody<Full<Bytes>, B>, L>, CollectLayer> {
    let within = MapRequestLayer::new(body);
    Stack::new(Stack::new(within, layer), CollectLayer)
}

/// `layer`, with bodies made [`Spliced`] outside of it.
pub fn spliced<L, B>(layer: L) -> Stack<L, MapBody<B, Spliced<B>>> {
    let outside: fn(Request<B>) -> Request<Spliced<B>> = |request| request.map(Spliced);
    Stack::new(layer, MapRequestLayer::new(outside))
}

// ===== impl CollectLayer =====

impl<S> Layer<S> for CollectLayer {
    type Service = Collect<S>;

    fn layer(&self, inner: S) -> Collect<S> {
        Collect(inner)
    }
}

// ===== impl Collect =====

impl<S, B> Service<Request<B>> for Collect<S>
where
    S: Service<Request<Full<Bytes>>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let clone = self.0.clone();
        let mut service = std::mem::replace(&mut self.0, clone);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into);
            let body = body.expect("a request of the checks can be read");
            let request = Request::from_parts(head, body.to_bytes().into());
            service.call(request).await
        })
    }
}

// ===== impl Spliced =====

impl<B> WithModel for Spliced<B> {
    type Body = B;

    fn with_model(self, _: &str) -> B {
        self.0
    }
}

impl<B: Body> Body for Spliced<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().0.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
