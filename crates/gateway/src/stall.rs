//! A client that takes nothing of what it is sent.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A connection that fails when its other end takes nothing for too long of what is there for it: what hangs off
/// it, answers under way and the calls upstream that they come from, is then let go.
///
/// What counts is the time from a write that finds no room until the next that does. A client that reads slowly
/// makes room again and again, if not with each byte: a socket says that it has some once a third of its buffer is
/// free, so the buffer has to be bounded for it (`SEND_BUFFER` in `listen`). One that has nothing to read because the
/// model thinks is not written to.
#[derive(Debug)]
pub(crate) struct SendTimeout<S> {
    inner: S,
    longest: Duration,
    /// Boxed, since hardly a connection ever needs it.
    stalled: Option<Pin<Box<Sleep>>>,
}

// ===== impl SendTimeout =====

impl<S> SendTimeout<S> {
    /// Lets the other end of `inner` take nothing for `longest`.
    pub(crate) const fn new(inner: S, longest: Duration) -> Self {
        Self {
            inner,
            longest,
            stalled: None,
        }
    }

    /// Passes on what has come of a write, unless nothing has for too long.
    fn timed(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut S, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = write(&mut self.inner, cx) {
            self.stalled = None;
            return Poll::Ready(written);
        }
        let longest = self.longest;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(longest)));
        ready!(stalled.as_mut().poll(cx));
        let message = format!("the client took nothing for {longest:?}");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SendTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SendTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.timed(cx, |inner, cx| Pin::new(inner).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.timed(cx, |inner, cx| {
            Pin::new(inner).poll_write_vectored(cx, bufs)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    // A socket holds nothing back: neither of these waits.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen;
    use bytes::Bytes;
    use http::{Request, Response};
    use hyper::{
        body::{Body, Frame, Incoming},
        service::service_fn,
    };
    use hyper_util::rt::TokioIo;
    use std::{convert::Infallible, future::ready, sync::Arc};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, advance},
    };
    use tokio_test::{assert_pending, task};

    const LONGEST: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, server) = duplex(4);
        let mut server = SendTimeout::new(server, LONGEST);
        let began = Instant::now();
        let error = server.write_all(b"more than four").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_a_little_now_and_then_is_not() {
        let (mut client, server) = duplex(1);
        let mut server = SendTimeout::new(server, LONGEST);
        let mut writing = task::spawn(server.write_all(b"12345"));
        for taken in b"1234" {
            assert_pending!(writing.poll());
            advance(LONGEST - Duration::from_millis(1)).await;
            assert_eq!(client.read_u8().await.unwrap(), *taken);
        }
        assert!(writing.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nor_is_one_that_is_not_written_to() {
        let (mut client, server) = duplex(16);
        let mut server = SendTimeout::new(server, LONGEST);
        server.write_all(b"one").await.unwrap();
        advance(LONGEST * 100).await;
        server.write_all(b"two").await.unwrap();
        drop(server);
        let mut read = String::new();
        client.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "onetwo");
    }

    /// An answer without an end, for as long as somebody holds it.
    struct Endless(Arc<()>);

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_to_a_client_that_never_reads_is_let_go() {
        let (mut client, server) = duplex(4096);
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let held = Arc::new(());
        let answer = Endless(held.clone());
        let answer = service_fn(move |_: Request<Incoming>| {
            ready(Ok::<_, Infallible>(Response::new(Endless(
                answer.0.clone(),
            ))))
        });
        let began = Instant::now();
        let server = TokioIo::new(SendTimeout::new(server, LONGEST));
        let connection = listen::connection_builder()
            .serve_connection(server, answer)
            .await;
        assert!(connection.is_err());
        assert_eq!(began.elapsed(), LONGEST);
        assert_eq!(Arc::strong_count(&held), 1, "the answer is dropped");
    }
}
