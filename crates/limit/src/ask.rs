use crate::{Quota, Reservation, Tokens, share::Reply};
use headworks_core::NotAdmitted;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    sync::oneshot::Receiver,
    time::{Instant, Sleep, sleep_until},
};

/// What comes of [asking](Quota::ask) for a reservation.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "a reservation that is dropped is given back"]
pub enum Admission {
    /// It is decided.
    Now(Result<Reservation, NotAdmitted>),
    /// The store decides, and is being asked.
    Later(Asking),
}

/// A request that waits for what the store says of it: no longer than the quota is to wait for each.
///
/// After that it is admitted or not as an instance is that is [alone](crate::share::Alone). Dropped, it leaves no
/// trace: what is granted to it goes back.
#[must_use = "a future does nothing unless it is polled"]
pub struct Asking {
    quota: Quota,
    tokens: Tokens,
    anyway: bool,
    reply: Receiver<Reply>,
    deadline: Pin<Box<Sleep>>,
}

// ===== impl Asking =====

impl Asking {
    pub(crate) fn new(
        quota: Quota,
        tokens: Tokens,
        anyway: bool,
        reply: Receiver<Reply>,
        deadline: Instant,
    ) -> Self {
        Self {
            quota,
            tokens,
            anyway,
            reply,
            deadline: Box::pin(sleep_until(deadline)),
        }
    }
}

impl Future for Asking {
    type Output = Result<Reservation, NotAdmitted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match Pin::new(&mut this.reply).poll(cx) {
            Poll::Ready(Ok(reply)) => return Poll::Ready(reply),
            // There is nobody any more who asks.
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                ready!(this.deadline.as_mut().poll(cx));
                this.reply.close();
                if let Ok(reply) = this.reply.try_recv() {
                    return Poll::Ready(reply);
                }
            }
        }
        let now = Instant::now();
        Poll::Ready(this.quota.reserve_unanswered(this.tokens, now, this.anyway))
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
