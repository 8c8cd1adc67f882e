use super::{
    Metric,
    seat::{Inbox, Parked, Seat, Shared},
};
use crate::{
    Members,
    picker::{Dice, dice::TowerRng},
};
use futures_util::FutureExt;
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};
use tower::{balance::p2c::Balance, discover::Change};
use tower_service::Service;

/// How many of those that took no requests are looked at again on each choice: a look costs a tenth of the
/// choice, and of a hundred that rest each is looked at every 25 choices. All of them are before it is said that
/// nobody does.
const LOOKS: usize = 4;

/// tower's Balance over the members of one tier.
pub(super) struct TierBalance {
    version: u64,
    metric: Arc<dyn Metric>,
    balance: Balance<Inbox, ()>,
    inbox: Inbox,
    parked: Parked,
    seats: HashMap<u64, Arc<Shared>>,
}

// ===== impl TierBalance =====

impl TierBalance {
    pub(super) fn new(metric: Arc<dyn Metric>, rng: TowerRng) -> Self {
        let inbox = Inbox::default();
        Self {
            version: 0,
            metric,
            balance: Balance::from_rng(inbox.clone(), rng),
            inbox,
            parked: Parked::default(),
            seats: HashMap::new(),
        }
    }

    /// Makes those at `places` the endpoints: newcomers are inserted, those who left removed, and a member
    /// that was replaced is both.
    pub(super) fn follow(&mut self, members: &Members, places: &[u32]) {
        if self.version == members.version() {
            return;
        }
        self.version = members.version();
        let mut left = std::mem::take(&mut self.seats);
        for place in places.iter().map(|place| *place as usize) {
            let member = &members.list()[place];
            let serial = member.serial();
            let seat = left.remove(&serial).unwrap_or_else(|| {
                let shared = Arc::new(Shared::new(member.clone(), place));
                let seat = Seat::new(shared.clone(), self.metric.clone(), self.parked.clone());
                self.inbox.put(Change::Insert(serial, seat));
                shared
            });
            seat.place.store(place, Ordering::Relaxed);
            self.seats.insert(serial, seat);
        }
        let is_left = |shared: &Shared| left.contains_key(&shared.member.serial());
        self.parked.lock().retain(|shared| !is_left(shared));
        for serial in left.into_keys() {
            self.inbox.put(Change::Remove(serial));
        }
    }

    /// The place of the less loaded of two that take requests; `None` if nobody does.
    pub(super) fn pick(&mut self) -> Option<usize> {
        self.wake(LOOKS);
        self.poll_pick().or_else(|| {
            self.wake(usize::MAX);
            self.poll_pick()
        })
    }

    fn poll_pick(&mut self) -> Option<usize> {
        // Nobody waits for this Balance, so nobody needs to be woken by it.
        let mut cx = Context::from_waker(Waker::noop());
        match self.balance.poll_ready(&mut cx) {
            Poll::Ready(Ok(())) => self.balance.call(()).now_or_never()?.ok(),
            // The stream of changes cannot fail.
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    /// Wakes those of the `most` parked longest that take requests again.
    fn wake(&self, most: usize) {
        let mut parked = self.parked.lock();
        for _ in 0..most.min(parked.len()) {
            let Some(shared) = parked.pop_front() else {
                return;
            };
            if shared.member.check().is_ok() {
                shared.wake();
            } else {
                parked.push_back(shared);
            }
        }
    }
}

/// The place of the less loaded of these two, as a Balance of their own has it.
pub(super) fn between_two(
    members: &Members,
    places: [usize; 2],
    metric: &Arc<dyn Metric>,
    dice: &Dice,
) -> Option<usize> {
    let mut balance = TierBalance::new(metric.clone(), dice.fork());
    #[expect(clippy::cast_possible_truncation, reason = "places are u32")]
    balance.follow(members, &places.map(|place| place as u32));
    balance.pick()
}
