use axum::{
    Router, body::Body, error_handling::HandleErrorLayer, http::StatusCode, response::IntoResponse,
    routing::Route,
};
use bytes::Bytes;
use headworks_core::BoxError;
use http::Request;
use http_body_util::{BodyExt, Full};
use std::{convert::Infallible, future::Ready};
use tower::{Service, ServiceExt};
use tower_layer::{Layer, Stack};

type HandleErrors = HandleErrorLayer<fn(BoxError) -> Ready<StatusCode>, ()>;

/// It is a `Router::layer`, and a request passes through it to a handler.
pub async fn axum_router<L>(layer: L)
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request<Body>, Future: Send> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request<Body>>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request<Body>>>::Error: Into<Infallible> + 'static,
{
    let router = Router::new()
        .fallback(async |body: Bytes| body)
        .layer(layer);
    for _ in 0..2 {
        let request = crate::request().map(Body::new);
        let Ok(response) = router.clone().oneshot(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.collect().await.unwrap().to_bytes();
        let sent = crate::request().into_body().collect().await.unwrap();
        assert_eq!(body, sent.to_bytes());
    }
}

/// What axum asks of a layer with errors of its own: `HandleErrorLayer` outside of it.
pub fn errors_handled<L>(layer: L) -> Stack<L, HandleErrors> {
    let answer: fn(BoxError) -> _ = |_| std::future::ready(StatusCode::BAD_GATEWAY);
    Stack::new(layer, HandleErrorLayer::new(answer))
}

/// axum's own body.
pub fn axum_body(request: Request<Full<Bytes>>) -> Request<Body> {
    request.map(Body::new)
}
