use crate::grpc::{Client, Echo, call};
use bytes::Bytes;
use headworks_core::BoxError;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio_stream::StreamExt;
use tonic::{
    body::Body,
    transport::{Channel, Endpoint, Server},
};
use tower::{Service, service_fn};
use tower_layer::{Identity, Layer, Stack};

/// Around a client: a unary call passes through it, trailers and all, and it fits around a `Channel`.
pub async fn tonic_client<L>(layer: L)
where
    L: Layer<Echo> + Layer<Channel>,
    <L as Layer<Echo>>::Service: Client,
    <L as Layer<Channel>>::Service: Client,
{
    let service = Layer::<Echo>::layer(&layer, Echo);
    call(service).await;
}

/// Around a server: a unary call through a connection in memory is answered from behind it.
pub async fn tonic_server<L, S, B>(layer: L)
where
    L: Layer<Echo, Service = S> + Send + 'static,
    S: Service<Request<Body>, Response = Response<B>, Future: Send> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (ours, theirs) = tokio::io::duplex(4096);
    let incoming = tokio_stream::once(Ok::<_, BoxError>(theirs)).chain(tokio_stream::pending());
    let server: Server<Stack<L, Identity>> = Server::builder().layer(layer);
    tokio::spawn(server.serve_with_incoming(Echo, incoming));

    let mut ours = Some(TokioIo::new(ours));
    let connector = service_fn(move |_| {
        let io = ours.take().ok_or("one connection is enough");
        std::future::ready(io)
    });
    let endpoint = Endpoint::from_static("http://upstream.test");
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    call(channel).await;
}

/// tonic's own body.
pub fn tonic_body(request: Request<Full<Bytes>>) -> Request<Body> {
    request.map(Body::new)
}
