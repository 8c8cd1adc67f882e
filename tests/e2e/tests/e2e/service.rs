//! The gateway without its program: a service for any host and any body.

use crate::{CHAT, chat};
use axum::Router;
use headworks::{Gateway, config::Config};
use headworks_contract::{OddBody, ScriptedBody, Step};
use headworks_e2e::{Client, config};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};

fn gateway() -> Gateway {
    let yaml = config::of(&[config::simulated("gpt-4o", "one", "")], "");
    let config = Config::parse(&yaml, "config.yaml").unwrap().config;
    Gateway::new(&config).unwrap()
}

/// Compiles if the gateway takes requests with this body, wherever it runs.
fn takes<B>()
where
    Gateway: Service<Request<B>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
{
}

#[tokio::test]
async fn it_takes_any_body() {
    takes::<Full<bytes::Bytes>>();
    takes::<String>();
    takes::<Incoming>();
    takes::<axum::body::Body>();
    takes::<OddBody>();

    // In pieces, each pending before it comes.
    let body = chat("gpt-4o").to_string();
    let (first, second) = body.split_at(7);
    let pieces = [first, second].map(|piece| Step::Data(piece.to_owned().into()));
    let request = Request::post(CHAT).body(ScriptedBody::new(pieces)).unwrap();
    let Ok(response) = gateway().oneshot(request).await;
    assert_eq!(response.status(), 200);
    let body = response.collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{"), "{body:?}");
}

#[tokio::test]
async fn axum_serves_it_beside_routes_of_its_own() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/mine", axum::routing::get(async || "mine"))
        .fallback_service(gateway());
    let serving = tokio::spawn(axum::serve(listener, router).into_future());
    let client = Client::new(format!("http://{addr}"));
    assert_eq!(client.get("/mine").await.body, "mine");
    assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    assert_eq!(client.get("/v1/models").await.status, 200);
    serving.abort();
}
