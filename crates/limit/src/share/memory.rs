use super::{Answer, InstanceId, Question, Store, StoreError, shelf::Shelf};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// A store within the process, for several gateways in one, for tests and simulations.
///
/// A clone is the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Shelves>);

#[derive(Debug)]
struct Shelves {
    began: Instant,
    shelves: Mutex<HashMap<Arc<str>, Shelf>>,
}

// ===== impl MemoryStore =====

impl MemoryStore {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shelves {
            began: Instant::now(),
            shelves: Mutex::default(),
        }))
    }

    /// Loses all it knows, as a store does that is restarted without having written anything down.
    pub fn clear(&self) {
        self.0.shelves.lock().clear();
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
        /// A time of day that is neither the beginning of a minute nor of a day.
        const BEGAN: Duration = Duration::from_secs(1_000_000_007);
        let now = crate::window::micros(BEGAN + self.0.began.elapsed());
        let mut shelves = self.0.shelves.lock();
        let answers = questions.iter().map(|question| {
            let shelf = shelves.entry(question.quota.clone()).or_default();
            shelf.exchange(instance, question, now)
        });
        ready(Ok(answers.collect()))
    }
}
