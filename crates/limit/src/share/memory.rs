use super::{Answer, InstanceId, News, Question, Store, StoreError, shelf::Shelf};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::broadcast, time::Instant};

/// A store within the process, for several gateways in one, for tests and simulations.
///
/// A clone is the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Shelves>);

#[derive(Debug)]
struct Shelves {
    clock: Mutex<Clock>,
    shelves: Mutex<HashMap<Arc<str>, Shelf>>,
    news: broadcast::Sender<(Arc<str>, News<'static>)>,
}

/// What time it is in the store: so late at that moment.
#[derive(Clone, Copy, Debug)]
struct Clock {
    at: Duration,
    set: Instant,
}

/// A time of day that is neither the beginning of a minute nor of a day.
const BEGAN: Duration = Duration::from_secs(1_000_000_007);

/// News that somebody who is slow to listen may be behind.
const UNHEARD: usize = 64;

// ===== impl MemoryStore =====

impl MemoryStore {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shelves {
            clock: Mutex::new(Clock::set(BEGAN)),
            shelves: Mutex::default(),
            news: broadcast::Sender::new(UNHEARD),
        }))
    }

    /// Loses all it knows, as a store does that is restarted without having written anything down.
    pub fn clear(&self) {
        self.0.shelves.lock().clear();
    }

    /// What time it is by its clock, since the epoch.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.0.clock.lock().now()
    }

    /// Sets its clock, as that of a machine may be set: ahead, or back.
    pub fn set_time(&self, since_epoch: Duration) {
        *self.0.clock.lock() = Clock::set(since_epoch);
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    type Future = Ready<Result<Vec<Answer>, StoreError>>;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        let now = crate::window::micros(self.time());
        let mut shelves = self.0.shelves.lock();
        let answers = questions.iter().map(|question| {
            let shelf = shelves.entry(question.quota.clone()).or_default();
            let answer = shelf.exchange(instance, question, now);
            for news in shelf.take_news() {
                // Nobody may be listening.
                drop(self.0.news.send((question.quota.clone(), news)));
            }
            answer
        });
        ready(Ok(answers.collect()))
    }

    async fn listen(&self, heard: impl Fn(&str, News<'_>) + Send + Sync + 'static) {
        let mut news = self.0.news.subscribe();
        loop {
            // What was missed comes with the next exchange. The other end is this store's own.
            if let Ok((quota, news)) = news.recv().await {
                heard(&quota, news);
            }
        }
    }
}

// ===== impl Clock =====

impl Clock {
    fn set(at: Duration) -> Self {
        Self {
            at,
            set: Instant::now(),
        }
    }

    fn now(self) -> Duration {
        self.at + self.set.elapsed()
    }
}
