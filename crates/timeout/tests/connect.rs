//! The clock around a connector, alone and within hyper-util's client.

use headworks_core::{BoxError, Clock, Elapsed, Outcome, Verdict};
use headworks_timeout::{ConnectTimeout, ConnectTimeoutLayer};
use http::Uri;
use http_body_util::Empty;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use std::{error::Error, future::Pending, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::advance,
};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{service_fn, util::ServiceFn};
use tower_service::Service;
use tower_test::mock;

const LIMIT: Duration = Duration::from_secs(5);

/// A connector that is never heard from.
type Silent = ServiceFn<fn(Uri) -> Pending<Result<TokioIo<TcpStream>, BoxError>>>;

fn silent() -> ConnectTimeout<Silent> {
    ConnectTimeout::new(service_fn(|_| std::future::pending()), LIMIT)
}

fn uri() -> Uri {
    Uri::from_static("http://example.invalid/")
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_waited_for_so_long_and_no_longer() {
    let mut connect = task::spawn(silent().call(uri()));
    assert_pending!(connect.poll());
    advance(LIMIT - Duration::from_millis(1)).await;
    assert_pending!(connect.poll());
    advance(Duration::from_millis(1)).await;
    let error = assert_ready_err!(connect.poll());
    assert_eq!(
        error.downcast_ref(),
        Some(&Elapsed::new(Clock::Connect, LIMIT))
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_ready_when_the_clock_runs_out_wins() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Uri, &'static str, _>(ConnectTimeoutLayer::new(LIMIT));
    assert_ready_ok!(service.poll_ready());
    let mut connect = task::spawn(service.call(uri()));
    let (_, send) = handle.next_request().await.unwrap();
    assert_pending!(connect.poll());
    advance(LIMIT).await;
    send.send_response("connected");
    assert_eq!(assert_ready_ok!(connect.poll()), "connected");
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_connect_passes() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Uri, (), _>(ConnectTimeoutLayer::new(LIMIT));
    assert_ready_ok!(service.poll_ready());
    let mut connect = task::spawn(service.call(uri()));
    let (_, send) = handle.next_request().await.unwrap();
    send.send_error("refused");
    assert_eq!(assert_ready_err!(connect.poll()).to_string(), "refused");
}

#[tokio::test(start_paused = true)]
async fn in_hypers_client_the_clock_is_found_along_the_error() {
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<&[u8]>>(silent());
    let error = client.get(uri()).await.unwrap_err();
    assert!(error.is_connect());
    let mut cause = error.source();
    while let Some(error) = cause.filter(|error| !error.is::<Elapsed>()) {
        cause = error.source();
    }
    let elapsed = cause.and_then(|error| error.downcast_ref::<Elapsed>());
    assert_eq!(elapsed.map(Elapsed::clock), Some(Clock::Connect));
    assert_eq!(Verdict::of_error(&error).outcome, Outcome::Timeout);
}

#[tokio::test]
async fn hypers_client_connects_through_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        socket
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
    });
    let connector = ConnectTimeout::new(HttpConnector::new(), Duration::from_secs(60));
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<&[u8]>>(connector);
    let response = client
        .get(format!("http://{address}/").parse().unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 204);
    server.await.unwrap();
}

#[test]
fn it_is_as_thread_safe_as_what_it_holds() {
    fn assert<T: Clone + Send + Sync>() {}
    assert::<ConnectTimeout<HttpConnector>>();
    assert::<ConnectTimeoutLayer>();
}
