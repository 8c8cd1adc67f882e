use crate::KeptBody;
use bytes::Buf;
use http::{Response, response::Parts};
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

/// How long the rest of an answer is waited for. What an error says is sent with its head or right after it;
/// a new connection, TLS included, would cost more than this.
const LONGEST: Duration = Duration::from_millis(20);

/// How much of an answer is read. Errors are a few hundred bytes, an error page some ten thousand.
const MOST: usize = 64 * 1024;

/// Reads what is left of an answer that is not handed on, or not yet, before the request is sent elsewhere.
///
/// Ready with the whole answer, which can then be handed on later; with nothing if it is larger than 64 KiB,
/// takes longer than 20 ms or breaks off. Dropping an unread HTTP/1.1 body closes its connection; one that
/// was read to the end can be used again. Once the drain is dropped, so is what rides in the body: a permit,
/// a reservation, a count.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct Drain<B: Body> {
    #[pin]
    body: B,
    head: Option<Parts>,
    frames: VecDeque<Frame<B::Data>>,
    size: usize,
    /// Made when there is something to wait for.
    #[pin]
    patience: Option<Sleep>,
}

// ===== impl Drain =====

impl<B: Body> Drain<B> {
    /// Reads the body of `response`.
    pub fn new(response: Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            body,
            head: Some(head),
            frames: VecDeque::new(),
            size: 0,
            patience: None,
        }
    }
}

impl<B: Body> Future for Drain<B> {
    type Output = Option<Response<KeptBody<B>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        while !this.body.is_end_stream() {
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
                ready!(poll_patience(this.patience, cx));
                return Poll::Ready(None);
            };
            match frame {
                None => break,
                Some(Err(_)) => return Poll::Ready(None),
                Some(Ok(frame)) => {
                    // An empty one counts too, or there could be any number of them.
                    *this.size += frame.data_ref().map_or(0, Buf::remaining).max(1);
                    if *this.size > MOST {
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

fn poll_patience(mut patience: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    if patience.is_none() {
        patience.set(Some(sleep(LONGEST)));
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

    /// What is kept of an answer whose frames come after `wait`, and how long that took.
    async fn drain(
        wait: Duration,
        frames: impl IntoIterator<Item = Result<Frame<Bytes>, &'static str>>,
    ) -> (Option<Response<KeptBody<Late>>>, Duration) {
        let body = Late {
            wait: Box::pin(sleep(wait)),
            frames: frames.into_iter().collect(),
        };
        let response = Response::builder().status(503).body(body).unwrap();
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
        assert_eq!(took, LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_has_used_up_its_turn_still_sees_the_clock() {
        let mut drain = pin!(Drain::new(Response::new(Late {
            wait: Box::pin(sleep(Duration::from_secs(9))),
            frames: VecDeque::new(),
        })));
        assert!(poll_once(drain.as_mut()).await.is_pending());
        tokio::time::advance(LONGEST).await;
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
        let empty = std::iter::repeat_with(|| data("")).take(MOST + 1);
        assert!(drain(Duration::ZERO, empty).await.0.is_none());
        let broken = [data("what "), Err("reset")];
        assert!(drain(Duration::ZERO, broken).await.0.is_none());
    }
}
