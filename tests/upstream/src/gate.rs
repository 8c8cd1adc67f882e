use tokio::sync::watch;

/// Holds answers back until the test opens it, so that the order of two things on two sides of a proxy is
/// decided by the test and not by a clock.
///
/// Clones are the same gate. Once open it stays open.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    open: bool,
    reached: bool,
}

// ===== impl Gate =====

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Waits until some answer stands at the gate.
    pub async fn reached(&self) {
        self.until(|state| state.reached).await;
    }

    pub(crate) async fn pass(self) {
        self.0.send_modify(|state| state.reached = true);
        self.until(|state| state.open).await;
    }

    async fn until(&self, condition: fn(&State) -> bool) {
        let mut states = self.0.subscribe();
        let state = states.wait_for(condition).await;
        state.expect("a gate holds its own sender");
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
