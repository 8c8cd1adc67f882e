//! What becomes of the connection of an answer that is not handed on, by hyper itself.

use bytes::Bytes;
use headworks_core::{Attempts, BoxError, Why};
use headworks_retry::{Retry, RetryPolicy};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::Mutex,
    time::sleep,
};
use tower::{ServiceExt, service_fn};

type Call = Request<Full<Bytes>>;

/// Answers with a 503 whose body comes `late`, and with a 200 to whoever asks again.
async fn serve(mut socket: DuplexStream, late: Duration) -> std::io::Result<()> {
    async fn request(socket: &mut DuplexStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        Ok(())
    }
    request(&mut socket).await?;
    let head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\n";
    socket.write_all(head).await?;
    sleep(late).await;
    socket.write_all(b"busy").await?;
    request(&mut socket).await?;
    socket
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
}

/// One request with a retry elsewhere, over the one connection there is.
async fn ask(late: Duration) -> Result<StatusCode, BoxError> {
    let (client, server) = duplex(1024);
    tokio::spawn(serve(server, late));
    let (sender, connection) = http1::handshake(TokioIo::new(client)).await?;
    tokio::spawn(connection);
    let sender = Arc::new(Mutex::new(sender));
    let upstream = service_fn(move |request: Call| {
        let sender = sender.clone();
        async move {
            let ledger: &Attempts = request.extensions().get().unwrap();
            let _running = ledger.begin(&"g".into(), &"d".into(), Why::new("test"), 1);
            let mut sender = sender.lock().await;
            sender.ready().await?;
            let response: Response<Incoming> = sender.send_request(request).await?;
            Ok::<_, BoxError>(response)
        }
    });
    let retry = Retry::new(upstream, RetryPolicy::new(1));
    Ok(retry.oneshot(Call::default()).await?.status())
}

#[tokio::test(start_paused = true)]
async fn it_serves_the_next_attempt_if_the_answer_could_be_read() {
    let status = ask(Duration::from_millis(10)).await.unwrap();
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn it_is_closed_if_the_answer_is_left_unread() {
    let error = ask(Duration::from_secs(10)).await.unwrap_err();
    let error = error.downcast_ref::<hyper::Error>().unwrap();
    assert!(error.is_closed() || error.is_canceled(), "{error}");
}
