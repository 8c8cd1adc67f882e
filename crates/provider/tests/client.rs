//! The client over real sockets on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use bytes::Bytes;
use headworks_core::{BoxError, Clock, Elapsed, Outcome, Verdict};
use headworks_provider::{
    Transport, TransportBody, TransportFuture,
    client::{Client, ClientParams, Connector, Protocol, Roots},
    simulated::{Params, Simulated},
};
use http::{Request, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{ServiceExt, service_fn};

type Body = Full<Bytes>;

/// Far above anything a loopback takes: it ends a test that would hang, and decides nothing else.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, future).await.expect("no hang")
}

fn client(params: &ClientParams) -> Client<Body> {
    params.client(params.connector().unwrap())
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

fn post(uri: &str) -> Request<Body> {
    Request::post(uri).body(Body::from("{}")).unwrap()
}

/// Reads a request with the body `{}`.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n{}") {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_request_says_its_host_and_length_and_the_connection_is_used_again() {
    let (listener, base) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for _ in 0..2 {
            requests.push(read_request(&mut stream).await);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
        }
        requests
    });
    let client = client(&ClientParams::default());
    for _ in 0..2 {
        let call = client.clone().oneshot(post(&format!("{base}/v1/x")));
        let response = soon(call).await.unwrap();
        let body = soon(response.into_body().collect()).await.unwrap();
        assert_eq!(body.to_bytes(), "ok");
    }
    for request in soon(server).await.unwrap() {
        assert!(request.starts_with("POST /v1/x HTTP/1.1\r\n"), "{request}");
        let host = format!("host: {}", base.trim_start_matches("http://"));
        assert!(request.contains(&host), "{request}");
        assert!(request.contains("content-length: 2"), "{request}");
    }
}

#[tokio::test]
async fn dropping_the_call_before_its_head_closes_the_connection() {
    let (listener, base) = listen().await;
    let client = client(&ClientParams::default());
    let call = tokio::spawn(client.oneshot(post(&base)));
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    soon(read_request(&mut stream)).await;
    call.abort();
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn dropping_the_body_before_its_end_closes_the_connection() {
    let (listener, base) = listen().await;
    let client = client(&ClientParams::default());
    let call = tokio::spawn(client.oneshot(post(&base)));
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    soon(read_request(&mut stream)).await;
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata:\r\n";
    stream.write_all(head).await.unwrap();
    let mut body = soon(call).await.unwrap().unwrap().into_body();
    let frame = soon(body.frame()).await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data:");
    drop(body);
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn http2_is_spoken_in_cleartext_by_prior_knowledge() {
    let (listener, base) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service =
            hyper::service::service_fn(async |request: Request<hyper::body::Incoming>| {
                let version = format!("{:?}", request.version());
                Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(version)))
            });
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await
    });
    let client = client(&ClientParams::default().protocol(Protocol::Http2));
    let response = soon(client.oneshot(post(&base))).await.unwrap();
    let body = soon(response.into_body().collect()).await.unwrap();
    assert_eq!(body.to_bytes(), "HTTP/2.0");
}

#[tokio::test]
async fn dropping_the_body_over_http2_ends_the_answer_at_the_provider() {
    /// A body that begins, never ends, and tells when it is let go.
    struct Endless(bool, Option<tokio::sync::oneshot::Sender<()>>);
    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(Frame::data("data:".into()))))
        }
    }
    impl Drop for Endless {
        fn drop(&mut self) {
            self.1.take().map(|gone| gone.send(()));
        }
    }

    let (listener, base) = listen().await;
    let (gone, told) = tokio::sync::oneshot::channel();
    let gone = parking_lot::Mutex::new(Some(gone));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(|_: Request<hyper::body::Incoming>| {
            let body = Endless(false, gone.lock().take());
            std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(body)))
        });
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await
    });
    let client = client(&ClientParams::default().protocol(Protocol::Http2));
    let response = soon(client.clone().oneshot(post(&base))).await.unwrap();
    let mut body = response.into_body();
    soon(body.frame()).await.unwrap().unwrap();
    drop(body);
    soon(told).await.unwrap();
}

#[tokio::test]
async fn what_a_layer_around_the_connector_says_is_found_in_the_error() {
    let params = ClientParams::default();
    // A timeout that has always run out already; its future is one that cannot be moved.
    let connector = service_fn(async |_: Uri| {
        Err::<hyper_util::rt::TokioIo<TcpStream>, BoxError>(
            Elapsed::new(Clock::Connect, Duration::ZERO).into(),
        )
    });
    let client = params.client(connector);
    let error = soon(client.oneshot(post("http://127.0.0.1:9")))
        .await
        .unwrap_err();
    assert_eq!(Verdict::of_error(&error).outcome, Outcome::Timeout);
}

#[tokio::test]
async fn nobody_there_is_a_transport_error_that_names_no_url() {
    let (listener, base) = listen().await;
    drop(listener);
    let client = client(&ClientParams::default());
    let uri = format!("{base}/v1?sig=sk-canary");
    let error = soon(client.oneshot(post(&uri))).await.unwrap_err();
    assert_eq!(Verdict::of_error(&error).outcome, Outcome::Transport);
    assert!(!format!("{error:?}").contains("sk-canary"));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_transport_error_under_either_roots() {
    // `Native` may find no store at all on a bare machine, which is an error of its own.
    for roots in [Roots::Bundled, Roots::Native] {
        let params = ClientParams::default().roots(roots);
        let Ok(connector) = params.connector() else {
            assert_eq!(roots, Roots::Native);
            continue;
        };
        let (listener, base) = listen().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
        });
        let client: Client<Body> = params.client(connector);
        let uri = base.replace("http://", "https://");
        let error = soon(client.oneshot(post(&uri))).await.unwrap_err();
        assert!(error.is_connect());
    }
}

#[tokio::test]
async fn one_transport_serves_both_kinds_of_deployment() {
    fn assert<T: Clone + Send + Sync>(_: &T) {}
    fn assert_parts<T: Send + Unpin>() {}
    assert_parts::<TransportFuture<Body>>();
    assert_parts::<TransportBody>();
    let (listener, base) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        read_request(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        stream.write_all(answer).await
    });
    let http: Transport<Body, Connector> = client(&ClientParams::default()).into();
    assert(&http);
    let response = soon(http.oneshot(post(&base))).await.unwrap();
    let body = response.into_body();
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(2));
    assert_eq!(soon(body.collect()).await.unwrap().to_bytes(), "ok");

    let simulated: Transport<Body, Connector> =
        Simulated::new(Params::default().answer("inside")).into();
    let request = Request::post("http://simulated.invalid/v1/chat/completions")
        .body(Body::from(r#"{"model":"m"}"#))
        .unwrap();
    let response = soon(simulated.clone().oneshot(request)).await.unwrap();
    let body = response.into_body();
    assert!(http_body::Body::size_hint(&body).exact().is_some());
    let data = soon(body.collect()).await.unwrap().to_bytes();
    assert!(data.windows(8).any(|text| text == b"\"inside\""));
}
