use super::Queue;
use parking_lot::Mutex;
use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

/// The queues that a deployment rings when it has room again: those of all groups it is in where somebody has
/// ever waited.
#[derive(Default)]
pub(crate) struct Bells {
    any: AtomicBool,
    queues: Mutex<Vec<Weak<Queue>>>,
}

// ===== impl Bells =====

impl Bells {
    pub(crate) fn add(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues.lock();
        queues.retain(|known| known.strong_count() > 0 && known.as_ptr() != Arc::as_ptr(queue));
        queues.push(Arc::downgrade(queue));
        self.any.store(true, Ordering::SeqCst);
    }

    #[cfg(test)]
    pub(super) fn are_heard_by(&self, queue: &Arc<Queue>) -> bool {
        let queues = self.queues.lock();
        queues
            .iter()
            .any(|known| known.as_ptr() == Arc::as_ptr(queue))
    }

    /// Costs a load where nobody has ever waited.
    pub(crate) fn ring(&self) {
        if !self.any.load(Ordering::SeqCst) {
            return;
        }
        let queues = self.queues.lock();
        for queue in queues.iter().filter_map(Weak::upgrade) {
            queue.ring();
        }
    }
}

impl fmt::Debug for Bells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bells").finish_non_exhaustive()
    }
}
