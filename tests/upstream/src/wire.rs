use std::{
    io,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

/// A TCP stream that is shared, so that it can be reset while the server of a connection owns it.
#[derive(Debug)]
pub(crate) struct Wire(Arc<TcpStream>);

/// Resets the connection it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Reset {
    stream: Weak<TcpStream>,
    wanted: Arc<Notify>,
}

// ===== impl Wire =====

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> (Self, Reset) {
        let stream = Arc::new(stream);
        let reset = Reset {
            stream: Arc::downgrade(&stream),
            wanted: Arc::default(),
        };
        (Self(stream), reset)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buf.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result.map(|n| buf.advance(n))),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The write side is closed with the stream, which the server drops right after.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

// ===== impl Reset =====

impl Reset {
    /// Has the connection dropped with a linger of zero, which the kernel answers with a RST.
    pub(crate) fn now(&self) {
        if let Some(stream) = self.stream.upgrade() {
            // It fails on a socket that is gone already, which is what was wanted.
            stream.set_zero_linger().ok();
        }
        self.wanted.notify_one();
    }

    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }
}
