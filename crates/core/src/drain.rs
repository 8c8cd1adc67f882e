use crate::KeptBody;
use bytes::Buf;
use http::{Response, StatusCode, response::Parts};
use http_body::{Body, Frame};
use pin_project::pin_project;
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// How many bytes of one answer are held in memory at most, by whoever holds one until it is whole: 8 MiB, some
/// forty thousand tokens at two hundred bytes an event.
pub const MOST_HELD: usize = 8 * 1024 * 1024;

/// How much of an answer is read, and for how long.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    most: usize,
    /// From when there is something to wait for.
    longest: Duration,
}

/// Reads what is left of an answer that is not handed on, or not yet, before the request is sent elsewhere.
///
/// Ready with the whole answer, which can then be handed on later; with nothing if it breaks off, is too large or
/// is waited for too long:
///
/// | status | at most | for at most | because |
/// |---|---|---|---|
/// | 2xx | [`MOST_HELD`] | 1 s | it is good enough to be handed on, and has mostly been held already: so withheld answers are found |
/// | any other | 64 KiB | 20 ms | an error is short, and sent with its head or right after it |
///
/// Of a request that has a deadline it takes a tenth of what is left until then at most ([`within`](Self::within)).
///
/// Dropping an unread HTTP/1.1 body closes its connection; one that was read to the end can be used again. Once
/// the drain is dropped, so is what rides in the body: a permit, a reservation, a count.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct Drain<B: Body> {
    #[pin]
    body: B,
    head: Option<Parts>,
    frames: VecDeque<Frame<B::Data>>,
    size: usize,
    bounds: Bounds,
    /// Made when there is something to wait for.
    #[pin]
    patience: Option<Sleep>,
}

// ===== impl Drain =====

impl<B: Body> Drain<B> {
    /// Reads the body of `response`, as much of it as its status is worth.
    pub fn new(response: Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            body,
            bounds: Bounds::of(head.status),
            head: Some(head),
            frames: VecDeque::new(),
            size: 0,
            patience: None,
        }
    }

    /// Waits no longer than a tenth of the time that is left until `deadline`, if there is one: most of it is for the
    /// answer that is asked for instead. Default: no deadline.
    pub fn within(mut self, deadline: Option<Instant>) -> Self {
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            self.bounds.longest = self.bounds.longest.min(left / 10);
        }
        self
    }
}

impl<B: Body> Future for Drain<B> {
    type Output = Option<Response<KeptBody<B>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        while !this.body.is_end_stream() {
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
                ready!(poll_patience(this.patience, this.bounds.longest, cx));
                return Poll::Ready(None);
            };
            match frame {
                None => break,
                Some(Err(_)) => return Poll::Ready(None),
                Some(Ok(frame)) => {
                    // An empty one counts too, or there could be any number of them.
                    *this.size += frame.data_ref().map_or(0, Buf::remaining).max(1);
                    if *this.size > this.bounds.most {
                        return Poll::Ready(None);
                    }
                    this.frames.push_back(frame);
                }
            }
        }
        let frames = std::mem::take(this.frames);
        let head = this.head.take();
        Poll::Ready(head.map(|head| Response::from_parts(head, KeptBody::kept(frames))))
    }
}

impl<B: Body> fmt::Debug for Drain<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

// ===== impl Bounds =====

impl Bounds {
    /// Errors are a few hundred bytes, an error page some ten thousand. What one says is sent with its head or
    /// right after it; a new connection, TLS included, would cost more than this.
    const OF_AN_ERROR: Self = Self {
        most: 64 * 1024,
        longest: Duration::from_millis(20),
    };

    /// An answer that was found to be withheld was held to tell, so that most of it is in memory: a plain one
    /// all of it. Of a stream that was withheld at once the usage and the end may be on their way still, which
    /// is a network's delay and not a model's; a second is ample for that, and little to a client that has
    /// waited for a model and would get an error instead.
    const OF_A_SUCCESS: Self = Self {
        most: MOST_HELD,
        longest: Duration::from_secs(1),
    };

    fn of(status: StatusCode) -> Self {
        if status.is_success() {
            Self::OF_A_SUCCESS
        } else {
            Self::OF_AN_ERROR
        }
    }
}

fn poll_patience(
    mut patience: Pin<&mut Option<Sleep>>,
    longest: Duration,
    cx: &mut Context<'_>,
) -> Poll<()> {
    if patience.is_none() {
        patience.set(Some(sleep(longest)));
    }
    let Some(sleep) = patience.as_pin_mut() else {
        return Poll::Ready(());
    };
    // A task that has used up its turn finds every timer pending, so the clock has a say too.
    let until = sleep.deadline();
    match sleep.poll(cx) {
        Poll::Pending if Instant::now() < until => Poll::Pending,
        _ => Poll::Ready(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;
    use http_body_util::BodyExt;
    use std::pin::pin;

    /// A body whose frames come after a while, and then, perhaps, an error.
    struct Late {
        wait: Pin<Box<Sleep>>,
        frames: VecDeque<Result<Frame<Bytes>, &'static str>>,
    }

    impl Body for Late {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            ready!(self.wait.as_mut().poll(cx));
            Poll::Ready(self.frames.pop_front())
        }
    }

    fn data(data: impl Into<Bytes>) -> Result<Frame<Bytes>, &'static str> {
        Ok(Frame::data(data.into()))
    }

    /// What is kept of an error whose frames come after `wait`, and how long that took.
    async fn drain(
        wait: Duration,
        frames: impl IntoIterator<Item = Result<Frame<Bytes>, &'static str>>,
    ) -> (Option<Response<KeptBody<Late>>>, Duration) {
        drain_of(503, wait, frames).await
    }

    /// The same of an answer of this status.
    async fn drain_of(
        status: u16,
        wait: Duration,
        frames: impl IntoIterator<Item = Result<Frame<Bytes>, &'static str>>,
    ) -> (Option<Response<KeptBody<Late>>>, Duration) {
        let body = Late {
            wait: Box::pin(sleep(wait)),
            frames: frames.into_iter().collect(),
        };
        let response = Response::builder().status(status).body(body).unwrap();
        let began = Instant::now();
        (Drain::new(response).await, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_soon_is_kept_to_the_last_trailer() {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
        let last = Ok(Frame::trailers(trailers.clone()));
        let soon = Duration::from_millis(15);
        let (kept, took) = drain(soon, [data("what "), data("happened"), last]).await;
        let kept = kept.unwrap();
        assert_eq!((kept.status().as_u16(), took), (503, soon));
        assert_eq!(kept.body().size_hint().exact(), Some(13));
        let body = kept.into_body().collect().await.unwrap();
        assert_eq!(body.trailers(), Some(&trailers));
        assert_eq!(body.to_bytes(), "what happened");
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_waited_for_no_longer_than_a_moment() {
        let (kept, took) = drain(Duration::from_secs(9), [data("late")]).await;
        assert!(kept.is_none());
        assert_eq!(took, Bounds::OF_AN_ERROR.longest);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_success_is_waited_for_longer() {
        let soon = Duration::from_millis(900);
        let (kept, took) = drain_of(200, soon, [data("the end")]).await;
        let body = kept.unwrap().into_body().collect().await.unwrap();
        assert_eq!((&*body.to_bytes(), took), (&b"the end"[..], soon));
        let (kept, took) = drain_of(200, Duration::from_secs(9), [data("late")]).await;
        assert!(kept.is_none());
        assert_eq!(took, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenth_of_what_is_left_until_a_deadline_is_waited_and_no_more() {
        let millis = Duration::from_millis;
        for (status, left, longest) in [
            (200, None, 1000),
            (200, Some(60_000), 1000),
            (200, Some(5000), 500),
            (503, Some(5000), 20),
            (503, Some(100), 10),
            (200, Some(0), 0),
        ] {
            let late = Late {
                wait: Box::pin(sleep(Duration::from_secs(9))),
                frames: VecDeque::new(),
            };
            let response = Response::builder().status(status).body(late).unwrap();
            let began = Instant::now();
            let deadline = left.map(|left| began + millis(left));
            assert!(Drain::new(response).within(deadline).await.is_none());
            assert_eq!(began.elapsed(), millis(longest), "{status} {left:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_is_kept_if_it_is_no_larger_than_what_is_held_of_any() {
        let chunk = || data(vec![b'x'; 1024]);
        let full = std::iter::repeat_with(chunk).take(MOST_HELD / 1024);
        let (kept, _) = drain_of(200, Duration::ZERO, full.clone()).await;
        let size = kept.unwrap().body().size_hint().exact();
        assert_eq!(size, Some(MOST_HELD as u64));
        let over = full.chain([data("x")]);
        assert!(drain_of(200, Duration::ZERO, over).await.0.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_has_used_up_its_turn_still_sees_the_clock() {
        let late = Late {
            wait: Box::pin(sleep(Duration::from_secs(9))),
            frames: VecDeque::new(),
        };
        let response = Response::builder().status(503).body(late).unwrap();
        let mut drain = pin!(Drain::new(response));
        assert!(poll_once(drain.as_mut()).await.is_pending());
        tokio::time::advance(Bounds::OF_AN_ERROR.longest).await;
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        assert!(poll_once(drain).await.is_ready());
    }

    async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
        std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_or_breaks_off_is_not_kept() {
        let chunk = || data(vec![b'x'; 1024]);
        let full = std::iter::repeat_with(chunk).take(64);
        assert!(drain(Duration::ZERO, full.clone()).await.0.is_some());
        let over = full.clone().chain([data("x")]);
        assert!(drain(Duration::ZERO, over).await.0.is_none());
        let empty = std::iter::repeat_with(|| data("")).take(Bounds::OF_AN_ERROR.most + 1);
        assert!(drain(Duration::ZERO, empty).await.0.is_none());
        let broken = [data("what "), Err("reset")];
        assert!(drain(Duration::ZERO, broken).await.0.is_none());
    }
}
