use crate::{DATA, Inner};
use bytes::Bytes;
use headworks_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client, server};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tower::Service;
use tower_layer::Layer;

/// It serves a connection of hyper's through `TowerToHyperService`.
pub async fn hyper_server<L, S, B>(layer: L)
where
    L: Layer<Inner, Service = S>,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let service = TowerToHyperService::new(layer.layer(Inner::good()));
    let (ours, theirs) = tokio::io::duplex(4096);
    let serving =
        server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
    tokio::spawn(async move { serving.await.expect("a connection in order") });

    let (mut client, connection) = client::conn::http1::handshake(TokioIo::new(ours))
        .await
        .unwrap();
    tokio::spawn(connection);
    for _ in 0..2 {
        client.ready().await.unwrap();
        let request = crate::request().map(|body: Full<Bytes>| body);
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.collect().await.unwrap().to_bytes();
        assert_eq!(body, DATA.concat());
    }
}
