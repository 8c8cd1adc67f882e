//! A bare hyper client that gives up in time and tries again.

use bytes::Bytes;
use headworks_core::BoxError;
use headworks_retry::{RetryLayer, RetryPolicy};
use headworks_timeout::{AttemptTimeoutLayer, ConnectTimeoutLayer, DeadlineLayer};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::time::Duration;
use tower::{Layer, ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).ok_or("usage: hyper-client URL")?;

    // Around the connector, so that it counts for new connections and not for those in the pool.
    let connector = ConnectTimeoutLayer::new(Duration::from_secs(2)).layer(HttpConnector::new());
    let client = Client::builder(TokioExecutor::new()).build(connector);

    let service = ServiceBuilder::new()
        // For everything within: attempts, the waits between them, the body of the answer.
        .layer(DeadlineLayer::new(Duration::from_secs(30)))
        // No connection, no answer, 408, 409, 429, 5xx: up to twice more, not before `Retry-After`.
        .layer(RetryLayer::new(RetryPolicy::new(2)))
        // For each attempt, so that one that hangs leaves time for another.
        .layer(AttemptTimeoutLayer::new(Duration::from_secs(10)))
        .service(client);

    let request = Request::get(url).body(Full::<Bytes>::default())?;
    let response = service.oneshot(request).await?;
    println!("{}", response.status());
    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    Ok(())
}
