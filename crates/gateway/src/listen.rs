//! The listener: HTTP/1.1 and HTTP/2 cleartext on one port, until a signal ends it in order.

use crate::{stall::SendTimeout, unread::UnreadLayer};
use headworks::Gateway;
use http::{HeaderName, Request, header};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer, sensitive_headers::SetSensitiveRequestHeadersLayer,
    trace::TraceLayer,
};
use tracing::Span;

/// How long a client may take to send the head of a request: hyper's own default, made explicit.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take nothing of what is there for it: as long as it may pause while it sends. What counts
/// as taking something depends on [`SEND_BUFFER`].
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The most that the kernel keeps of what a client has yet to take, in bytes as the socket option counts them.
///
/// Linux lets a full socket be written to again only when a third of its buffer is free, and left to itself grows
/// the buffer to 4 MiB (`net.ipv4.tcp_wmem`): a client that reads steadily, but less than 1.4 MB in
/// [`SEND_TIMEOUT`] (45 KB/s), would look like one that takes nothing. Of these 256 KiB, which Linux doubles to
/// account for its own overhead, a third is some 170 KiB: whoever reads 6 KB/s is safe, which is far more than any
/// model writes. It is also what a slow connection can hold of the kernel's memory. The price is that a connection is
/// sent no more than about this much a round trip: 2.5 MB/s at 100 ms. Where `net.core.wmem_max` is less (its
/// default is 208 KiB), that is what is set.
const SEND_BUFFER: u32 = 256 * 1024;

/// Connections that may wait to be accepted: as the standard library has it.
const BACKLOG: u32 = 128;

/// The most a request's head may weigh. LLM clients send a few hundred bytes; 64 KiB leaves room for long
/// tokens and trace baggage. HTTP/1.1 answers 431 beyond it.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most headers of a request: hyper's own default, made explicit.
const MAX_HEADERS: usize = 100;

/// How long requests in flight may go on after a signal to stop. Orchestrators wait 30 seconds by default
/// before they kill; what is still streaming then is cut here, with 5 of them to spare.
const DRAIN: Duration = Duration::from_secs(25);

/// How long to wait before accepting again when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Headers that hold credentials, so that no log shows them.
const SENSITIVE: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
];

/// Listens on `address`, with bounded send buffers for what is accepted there.
///
/// Otherwise as [`TcpListener::bind`] does.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    // Before it listens: what is accepted inherits it, and Linux then no longer sizes the buffer by itself.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `gateway` on `listener` until SIGTERM or SIGINT, then lets what is in flight end.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let builder = connection_builder();
    let service = ServiceBuilder::new()
        // Outermost, so that nothing further in can log a key.
        .layer(SetSensitiveRequestHeadersLayer::new(SENSITIVE))
        // One span a request at debug level, without the query, which may hold a key. What fails is logged
        // once, by the gateway, with its attempts.
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_failure(()),
        )
        // A bug costs one request its answer, not the connection its other streams.
        .layer(CatchPanicLayer::new())
        // Innermost, next to what holds the call upstream.
        .layer(UnreadLayer::new(SEND_TIMEOUT))
        .service(gateway.clone());
    let connections = GracefulShutdown::new();

    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        set_nodelay(&stream);
        let connection = builder
            .serve_connection(
                TokioIo::new(SendTimeout::new(stream, SEND_TIMEOUT)),
                TowerToHyperService::new(service.clone()),
            )
            .into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }

    gateway.drain();
    drop(listener);
    tracing::info!("stopping: no new connections, waiting for requests in flight");
    tokio::select! {
        ended = timeout(DRAIN, connections.shutdown()) => if ended.is_err() {
            tracing::warn!(after = ?DRAIN, "stopped with requests still in flight");
        },
        // Who asks twice does not want to wait.
        _ = terminate.recv() => return stopped_at_once(),
        _ = interrupt.recv() => return stopped_at_once(),
    }
    gateway.close().await;
    Ok(())
}

fn stopped_at_once() -> io::Result<()> {
    tracing::warn!("stopped at once, by a second signal");
    Ok(())
}

fn span<B>(request: &Request<B>) -> Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
}

pub(crate) fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        // A peer that vanished without a word is noticed, and its upstream calls ended.
        .keep_alive_interval(Some(Duration::from_secs(20)));
    builder
}

/// Sends each event of a stream when it is written, not when the next one fills a packet.
fn set_nodelay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
}

/// True for an error of the one connection that was about to be accepted, which says nothing of the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::ErrorKind, net::Ipv4Addr};

    #[tokio::test]
    async fn what_a_client_does_not_take_fills_a_bounded_buffer() {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        // A buffer that the kernel sizes grows as it is written to.
        accepted.writable().await.unwrap();
        let full = loop {
            if let Err(error) = accepted.try_write(&[0; 64 * 1024]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        let accepted = TcpSocket::from_std_stream(accepted.into_std().unwrap());
        // Linux says twice what it was told.
        assert!(accepted.send_buffer_size().unwrap() <= 2 * SEND_BUFFER);
    }

    #[tokio::test]
    async fn an_address_in_use_is_told_as_such() {
        let first = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let error = bind(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}
