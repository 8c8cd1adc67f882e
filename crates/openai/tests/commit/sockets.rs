//! Over real sockets on loopback: the client sees what happened before the connection breaks off. On several
//! threads, so that the connection and the streams on it are polled side by side.

use crate::*;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Copy, Debug)]
enum Version {
    Http1,
    Http2,
}

/// Far above anything a loopback takes: it ends a test that would hang, and decides nothing else.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, future).await.expect("no hang")
}

/// Serves one connection with streams of these steps.
async fn serve(version: Version, steps: fn() -> Vec<Step>) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (accepted, client) = tokio::join!(listener.accept(), client);
    let io = TokioIo::new(accepted.unwrap().0);
    let service = commit(CommitLayer::default(), move || stream(steps()));
    let service = TowerToHyperService::new(service);
    tokio::spawn(async move {
        match version {
            Version::Http1 => {
                let server = hyper::server::conn::http1::Builder::new();
                server.serve_connection(io, service).await
            }
            Version::Http2 => {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                server.serve_connection(io, service).await
            }
        }
    });
    client.unwrap()
}

/// What hyper's client reads, and whether it ends as it should.
async fn fetch(version: Version, steps: fn() -> Vec<Step>) -> (String, bool) {
    let io = TokioIo::new(serve(version, steps).await);
    let request = Request::post("http://localhost/v1/chat/completions");
    let request = request.body(String::new()).unwrap();
    let response = match version {
        Version::Http1 => {
            let (mut client, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            soon(client.send_request(request)).await.unwrap()
        }
        Version::Http2 => {
            let executor = TokioExecutor::new();
            let handshake = hyper::client::conn::http2::handshake(executor, io);
            let (mut client, connection) = handshake.await.unwrap();
            tokio::spawn(connection);
            soon(client.send_request(request)).await.unwrap()
        }
    };
    assert_eq!(response.status(), 200);
    let body = response.into_body().map_err(Into::into);
    let (told, error) = soon(read(body)).await;
    (told, error.is_none())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_event_arrives_before_the_connection_breaks_off() {
    for version in [Version::Http1, Version::Http2] {
        let (told, whole) = fetch(version, || vec![data(ROLE), data(HELLO)]).await;
        assert!(
            told.starts_with(&[ROLE, HELLO].concat()),
            "{version:?}: {told}"
        );
        assert!(told.contains("stream_cut"), "{version:?}: {told}");
        assert!(!told.contains("[DONE]"), "{version:?}: {told}");
        assert!(!whole, "{version:?}: a cut stream came to its end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_providers_own_error_arrives_before_the_connection_breaks_off() {
    for version in [Version::Http1, Version::Http2] {
        let steps = || vec![data(HELLO), data(ERROR), data(DONE), Step::Stall];
        let (told, whole) = fetch(version, steps).await;
        assert_eq!(told, [HELLO, ERROR].concat(), "{version:?}");
        assert!(!whole, "{version:?}: a failed stream came to its end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_the_same_breath_as_the_answer_arrives_too() {
    for version in [Version::Http1, Version::Http2] {
        // Nothing is pending between the head and the end.
        let steps = || {
            let all = [HELLO, "data: {]\n\n"].concat();
            vec![Step::Data(all.into())]
        };
        let (told, whole) = fetch(version, steps).await;
        assert!(told.contains("stream_malformed"), "{version:?}: {told}");
        assert!(!whole, "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repaired_stream_comes_to_its_end() {
    for version in [Version::Http1, Version::Http2] {
        let (told, whole) = fetch(version, || vec![data(HELLO), data(STOP)]).await;
        assert_eq!(told, [HELLO, STOP, DONE].concat(), "{version:?}");
        assert!(whole, "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_wire_a_cut_stream_lacks_its_last_chunk() {
    let mut client = serve(Version::Http1, || vec![data(HELLO)]).await;
    let request =
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut wire = String::new();
    // The end of the connection, without a reset that could take back what was sent.
    soon(client.read_to_string(&mut wire)).await.unwrap();
    assert!(wire.contains("transfer-encoding: chunked"), "{wire}");
    assert!(wire.contains("stream_cut"), "{wire}");
    assert!(!wire.ends_with("0\r\n\r\n"), "{wire}");
}
