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
use tokio::time::{Instant, Sleep, sleep_until};
use tower_http::timeout::{TimeoutBody, TimeoutError};

/// How long a body may take in any case, and the least bytes a second that give it more time than that.
///
/// A pause is bounded by the patience; this is for a client that sends a byte before each pause is over and so
/// would hold a connection and memory for ever. Most requests are some kilobytes and come at once. A slow
/// mobile connection (EDGE) has twice the rate, and with it 100 MB, the largest request by default, takes
/// hours; no clock of ours is the first to end that.
const GRACE: Duration = Duration::from_secs(60);
const LEAST_RATE: u64 = 8 * 1024;

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
    began: Instant,
    /// Made when the body is first waited for, and put off when it fires, rather than with each frame.
    #[pin]
    sleep: Option<Sleep>,
}

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is, or says it is, larger than this many bytes.
    TooLarge(usize),
    /// The client stopped sending, or sends too slowly.
    TooSlow,
    /// The client's connection failed, or what wraps the body did.
    Broken(BoxError),
}

// ===== impl Read =====

impl<B: Body> Read<B> {
    /// Reads `body` to its end: at most `limit` bytes, with at most `patience` between two frames, and
    /// at no less than the least rate.
    pub(super) fn new(body: B, declared: Option<u64>, limit: usize, patience: Duration) -> Self {
        let hint = declared.unwrap_or_else(|| body.size_hint().lower());
        Self {
            body: TimeoutBody::new(patience, body),
            limit,
            declared: usize::try_from(hint).unwrap_or(usize::MAX),
            first: None,
            rest: BytesMut::new(),
            began: Instant::now(),
            sleep: None,
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
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
                let held = this.first.as_ref().map_or(0, Bytes::len) + this.rest.len();
                ready!(poll_pace(this.sleep, *this.began, held, cx));
                return Poll::Ready(Err(ReadError::TooSlow));
            };
            let frame = match frame {
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

/// Ready once `held` bytes since `began` are too few.
fn poll_pace(
    mut sleep: Pin<&mut Option<Sleep>>,
    began: Instant,
    held: usize,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let at = began + GRACE + Duration::from_secs(held as u64 / LEAST_RATE);
    if sleep.is_none() {
        sleep.set(Some(sleep_until(at)));
    }
    while let Some(mut sleep) = sleep.as_mut().as_pin_mut() {
        ready!(sleep.as_mut().poll(cx));
        if Instant::now() >= at {
            return Poll::Ready(());
        }
        sleep.reset(at);
    }
    Poll::Pending
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
            Self::TooSlow => f.write_str("the request body arrives too slowly, or has stopped"),
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

    /// What comes of a body of `frames` frames of `size` bytes, one every four seconds, and how long it took.
    async fn paced(size: usize, frames: usize) -> (Result<Bytes, ReadError>, Duration) {
        let data = Bytes::from(vec![b'x'; size]);
        let data = tokio_stream::iter(std::iter::repeat_n(data, frames))
            .map(|data| Ok::<_, BoxError>(Frame::data(data)))
            .throttle(Duration::from_secs(4));
        let body = Box::pin(StreamBody::new(data));
        let began = Instant::now();
        let read = Read::new(body, None, 16 * 1024 * 1024, PATIENCE).await;
        (read, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_trickles_is_not_waited_for_though_it_never_stops() {
        let (read, took) = paced(1, 1000).await;
        assert!(matches!(read, Err(ReadError::TooSlow)));
        assert_eq!(took, GRACE);
        // It gains time with what it sends, but not as much as it takes.
        let (read, took) = paced(4 * LEAST_RATE as usize / 2, 1000).await;
        assert!(matches!(read, Err(ReadError::TooSlow)));
        assert!(
            took.abs_diff(2 * GRACE) <= Duration::from_secs(4),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_that_keeps_the_pace_is_read_to_its_end() {
        let (read, took) = paced(4 * LEAST_RATE as usize, 400).await;
        assert_eq!(read.unwrap().len(), 400 * 4 * LEAST_RATE as usize);
        assert!(took > 20 * GRACE);
        // A small one has the grace, whatever its pace.
        let (read, _) = paced(1, 10).await;
        assert_eq!(read.unwrap().len(), 10);
    }
}
