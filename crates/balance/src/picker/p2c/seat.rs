use crate::{Member, picker::Metric};
use futures_core::Stream;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};
use tower::{discover::Change, load::Load};
use tower_service::Service;

/// A member as tower's Balance sees it: an endpoint that is ready while the member takes requests, has its
/// load, and answers a call with its place.
///
/// It is only ever polled and called under the lock of its [`TierBalance`](super::tier::TierBalance).
pub(super) struct Seat {
    shared: Arc<Shared>,
    metric: Arc<dyn Metric>,
    parked: Parked,
}

pub(super) struct Shared {
    pub(super) member: Member,
    /// Changes when a member before it leaves.
    pub(super) place: AtomicUsize,
    /// Wakes the endpoint, if it is parked.
    waker: Mutex<Option<Waker>>,
}

/// Those that said `Pending`. Balance does not poll them again before they wake; whoever chooses next looks
/// whether they should, so that no gate has to remember wakers and none can be lost.
pub(super) type Parked = Arc<Mutex<VecDeque<Arc<Shared>>>>;

/// What tower's Balance discovers: the changes that its owner hands in.
#[derive(Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<VecDeque<Change<u64, Seat>>>>);

// ===== impl Seat =====

impl Seat {
    pub(super) const fn new(shared: Arc<Shared>, metric: Arc<dyn Metric>, parked: Parked) -> Self {
        Self {
            shared,
            metric,
            parked,
        }
    }
}

impl Service<()> for Seat {
    type Response = usize;
    type Error = Infallible;
    type Future = Ready<Result<usize, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.shared.member.check().is_ok() {
            return Poll::Ready(Ok(()));
        }
        let waker = cx.waker().clone();
        if self.shared.waker.lock().replace(waker).is_none() {
            self.parked.lock().push_back(self.shared.clone());
        }
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(self.shared.place.load(Ordering::Relaxed)))
    }
}

impl Load for Seat {
    type Metric = f64;

    fn load(&self) -> f64 {
        let member = &self.shared.member;
        self.metric.load(member) / member.ramp()
    }
}

// ===== impl Shared =====

impl Shared {
    pub(super) const fn new(member: Member, place: usize) -> Self {
        Self {
            member,
            place: AtomicUsize::new(place),
            waker: Mutex::new(None),
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
    }
}

// ===== impl Inbox =====

impl Inbox {
    pub(super) fn put(&self, change: Change<u64, Seat>) {
        self.0.lock().push_back(change);
    }
}

impl Stream for Inbox {
    type Item = Result<Change<u64, Seat>, Infallible>;

    /// Never ends, and never wakes: whoever puts something in polls next.
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.lock().pop_front() {
            Some(change) => Poll::Ready(Some(Ok(change))),
            None => Poll::Pending,
        }
    }
}
