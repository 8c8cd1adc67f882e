use fastrand::Rng;
use parking_lot::Mutex;
use tower::util::rng;

/// Where a picker takes its chances: each thread's own generator, or one with a given seed for those who
/// want to see the same choices again, which is locked for each throw.
#[derive(Debug, Default)]
pub(crate) struct Dice(Option<Mutex<Rng>>);

/// The same for tower's Balance.
pub(crate) struct TowerRng(Rng);

// ===== impl Dice =====

impl Dice {
    pub(crate) const fn thread() -> Self {
        Self(None)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Some(Mutex::new(Rng::with_seed(seed))))
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&self) -> f64 {
        self.0
            .as_ref()
            .map_or_else(fastrand::f64, |rng| rng.lock().f64())
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.0
            .as_ref()
            .map_or_else(|| fastrand::usize(..end), |rng| rng.lock().usize(..end))
    }

    /// A generator of its own.
    pub(crate) fn fork(&self) -> TowerRng {
        let seed = |rng: &Mutex<Rng>| rng.lock().u64(..);
        TowerRng(
            self.0
                .as_ref()
                .map_or_else(Rng::new, |rng| Rng::with_seed(seed(rng))),
        )
    }
}

// ===== impl TowerRng =====

impl rng::Rng for TowerRng {
    fn next_u64(&mut self) -> u64 {
        self.0.u64(..)
    }
}
