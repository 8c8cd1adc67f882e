use std::sync::atomic::{AtomicUsize, Ordering};

/// What goes on at one deployment. It lives with the deployment, not with a service or a connection: every
/// clone and every group shares it, and it outlives a reload.
#[derive(Debug, Default)]
pub struct State {
    in_flight: AtomicUsize,
}

impl State {
    /// Requests sent there whose answers have not ended: a streamed answer counts until its last byte.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts one more in flight, unless that were more than `max`.
    pub(crate) fn try_begin(&self, max: Option<usize>) -> bool {
        let Some(max) = max else {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            return true;
        };
        let more = |now| (now < max).then_some(now + 1);
        self.in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn the_limit_holds_under_concurrency() {
        let state = State::default();
        let admitted: usize = thread::scope(|scope| {
            let run = || (0..1000).filter(|_| state.try_begin(Some(100))).count();
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            runs.into_iter().map(|run| run.join().unwrap()).sum()
        });
        assert_eq!((admitted, state.in_flight()), (100, 100));
    }
}
