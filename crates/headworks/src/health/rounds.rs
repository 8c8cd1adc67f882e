use super::{schedule::Schedule, wards::Wards};
use fastrand::Rng;
use std::sync::Arc;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// The checks in the background, one task for each deployment that takes part. They end when it is dropped.
///
/// A task for each, because each has a pace of its own, and one that hangs for its whole timeout must not keep
/// the others waiting.
#[derive(Debug)]
pub(super) struct Rounds {
    /// Aborts its tasks when it is dropped.
    _tasks: JoinSet<()>,
}

// ===== impl Rounds =====

impl Rounds {
    pub(super) fn begin(wards: &Arc<Wards>) -> Self {
        let mut seeds = wards.policy().seed.map_or_else(Rng::new, Rng::with_seed);
        let places = wards.watched().iter().enumerate();
        let places = places.filter_map(|(place, watched)| watched.background.then_some(place));
        let places: Vec<_> = places.collect();
        let mut tasks = JoinSet::new();
        for (position, place) in places.iter().enumerate() {
            let mut schedule = Schedule::new(wards.policy().interval, seeds.fork());
            let first = Instant::now() + schedule.first(position, places.len());
            tasks.spawn(rounds(wards.clone(), *place, first, schedule));
        }
        Self { _tasks: tasks }
    }
}

async fn rounds(wards: Arc<Wards>, place: usize, first: Instant, mut schedule: Schedule) {
    sleep_until(first).await;
    loop {
        let found = wards.check(place).await;
        let pause = schedule.next(found.is_err());
        wards.note(place, found, Some(Instant::now() + pause));
        sleep(pause).await;
    }
}
