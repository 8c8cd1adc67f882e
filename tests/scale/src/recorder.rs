use crate::Log;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::time::Instant;

/// Where things are written down while they happen. A clone writes into the same.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    /// When the first request comes.
    begins: Instant,
    log: Arc<Mutex<Log>>,
}

// ===== impl Recorder =====

impl Recorder {
    pub(crate) fn new(log: Log, begins: Instant) -> Self {
        Self {
            begins,
            log: Arc::new(Mutex::new(log)),
        }
    }

    pub(crate) const fn begins(&self) -> Instant {
        self.begins
    }

    /// Writes down what happens now; before the first request it is not worth it.
    pub(crate) fn note(&self, write: impl FnOnce(&mut Log, usize)) {
        let since = Instant::now().checked_duration_since(self.begins);
        if let Some(since) = since {
            let at = usize::try_from(since.as_millis()).unwrap_or(usize::MAX);
            write(&mut self.log.lock(), at);
        }
    }

    pub(crate) fn take(&self) -> Log {
        let empty = Log::new(0, &[]);
        std::mem::replace(&mut *self.log.lock(), empty)
    }
}
