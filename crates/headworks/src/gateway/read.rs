//! Reading a request body to its end, bounded in size and in patience.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use headworks_core::BoxError;
use http_body::Body;
use pin_project::pin_project;
use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tower_http::timeout::{TimeoutBody, TimeoutError};

/// The whole of a request body as one piece of memory.
///
/// A body of one frame is not copied. A longer one is copied once, into memory sized by its declared length,
/// so that a 20 MB body costs 20 MB.
#[pin_project]
pub(super) struct Read<B> {
    #[pin]
    body: TimeoutBody<B>,
    limit: usize,
    declared: usize,
    first: Option<Bytes>,
    rest: BytesMut,
}

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is, or says it is, larger than this many bytes.
    TooLarge(usize),
    /// The client stopped sending.
    TooSlow,
    /// The client's connection failed, or what wraps the body did.
    Broken(BoxError),
}

// ===== impl Read =====

impl<B: Body> Read<B> {
    /// Reads `body` to its end: at most `limit` bytes, with at most `patience` between two frames.
    pub(super) fn new(body: B, declared: Option<u64>, limit: usize, patience: Duration) -> Self {
        let hint = declared.unwrap_or_else(|| body.size_hint().lower());
        Self {
            body: TimeoutBody::new(patience, body),
            limit,
            declared: usize::try_from(hint).unwrap_or(usize::MAX),
            first: None,
            rest: BytesMut::new(),
        }
    }
}

impl<B> Future for Read<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Bytes, ReadError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if *this.declared > *this.limit {
            return Poll::Ready(Err(ReadError::TooLarge(*this.limit)));
        }
        loop {
            let frame = match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Err(ReadError::from(error))),
                None => {
                    let first = this.first.take();
                    return Poll::Ready(Ok(first.unwrap_or_else(|| this.rest.split().freeze())));
                }
            };
            let Ok(mut data) = frame.into_data() else {
                continue;
            };
            let held = this.first.as_ref().map_or(0, Bytes::len) + this.rest.len();
            if held + data.remaining() > *this.limit {
                return Poll::Ready(Err(ReadError::TooLarge(*this.limit)));
            }
            if held == 0 {
                *this.first = Some(data.copy_to_bytes(data.remaining()));
                continue;
            }
            if let Some(first) = this.first.take() {
                this.rest.reserve((*this.declared).max(2 * first.len()));
                this.rest.put(first);
            }
            this.rest.put(data);
        }
    }
}

// ===== impl ReadError =====

impl From<BoxError> for ReadError {
    fn from(error: BoxError) -> Self {
        if error.is::<TimeoutError>() {
            Self::TooSlow
        } else {
            Self::Broken(error)
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "the request body is larger than {limit} bytes"),
            Self::TooSlow => f.write_str("the request body stopped arriving"),
            Self::Broken(_) => f.write_str("the request body could not be read"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(error) => Some(&**error),
            Self::TooLarge(_) | Self::TooSlow => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tokio_stream::StreamExt;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn frames(sizes: &[usize]) -> impl Body<Data = Bytes, Error = BoxError> + use<> {
        let frames: Vec<_> = sizes
            .iter()
            .map(|size| Ok(Frame::data(Bytes::from(vec![b'x'; *size]))))
            .collect();
        StreamBody::new(tokio_stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_of_one_frame_is_not_copied() {
        let bytes = Bytes::from(vec![b'x'; 1000]);
        let read = Read::new(Full::new(bytes.clone()), None, 1000, PATIENCE);
        assert_eq!(read.await.unwrap().as_ptr(), bytes.as_ptr());
    }

    #[tokio::test]
    async fn frames_are_joined_in_order_and_an_empty_body_is_empty() {
        let read = Read::new(frames(&[1, 0, 2, 3]), None, 6, PATIENCE);
        assert_eq!(read.await.unwrap().len(), 6);
        let read = Read::new(frames(&[]), None, 6, PATIENCE);
        assert!(read.await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_byte_over_the_limit_is_refused_declared_or_not() {
        let read = Read::new(frames(&[3, 4]), None, 6, PATIENCE);
        assert!(matches!(read.await, Err(ReadError::TooLarge(6))));
        let read = Read::new(frames(&[]), Some(7), 6, PATIENCE);
        assert!(matches!(read.await, Err(ReadError::TooLarge(6))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_not_waited_for() {
        let stalled = tokio_stream::iter([Ok::<_, BoxError>(Frame::data(Bytes::from("{")))])
            .chain(tokio_stream::pending());
        let read = Read::new(StreamBody::new(stalled), None, 6, PATIENCE);
        assert!(matches!(read.await, Err(ReadError::TooSlow)));
    }
}
