use crate::{
    BreakerPolicy, Phase,
    machine::{Machine, Ticket},
    window::Counts,
};
use headworks_core::{NotAdmitted, Outcome, Reason, Verdict};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The state of one deployment's breaker, apart from any service, and what it is judged by.
///
/// A clone shares the state. It knows nothing of HTTP: whoever has something to protect asks for a [`Permit`],
/// does it, and tells the permit how it went.
///
/// ```
/// use headworks_breaker::{BreakerPolicy, Circuit};
/// use headworks_core::Outcome;
/// use tokio::time::Instant;
///
/// let circuit = Circuit::new(BreakerPolicy::new());
/// if let Ok(permit) = circuit.acquire(Instant::now()) {
///     // Do it …
///     permit.record(Outcome::RateLimited.into(), Instant::now());
/// }
/// assert!(circuit.acquire(Instant::now()).is_err());
/// ```
#[derive(Clone)]
pub struct Circuit {
    policy: Arc<BreakerPolicy>,
    state: Arc<State>,
}

struct State {
    /// The machine's generation if it is closed, and [`NOT_CLOSED`] if it is not: closed is the state of
    /// almost every moment, and costs a load.
    closed: AtomicU64,
    machine: Mutex<Machine>,
}

const NOT_CLOSED: u64 = u64::MAX;

/// Leave to make one attempt.
///
/// Tell it how the attempt ended with [`record`](Self::record). A permit that is dropped says nothing, and if
/// it was a probe's gives its place to the next.
#[must_use = "a permit that is dropped ends its attempt without a verdict"]
pub struct Permit {
    circuit: Circuit,
    ticket: Ticket,
    /// Whether the attempt is over as far as the circuit goes.
    over: bool,
}

// ===== impl Circuit =====

impl Circuit {
    /// A closed circuit.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        let machine = Machine::new();
        Self {
            policy: Arc::new(policy),
            state: Arc::new(State {
                closed: AtomicU64::new(machine.generation()),
                machine: Mutex::new(machine),
            }),
        }
    }

    /// The same circuit, judged by another policy from now on where this handle is used: after a reload.
    #[must_use]
    pub fn under(&self, policy: BreakerPolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            state: self.state.clone(),
        }
    }

    /// Admits an attempt.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] while the circuit is open, for how much longer; and while a probe is under way, with
    /// [`Reason::Full`].
    pub fn acquire(&self, now: Instant) -> Result<Permit, NotAdmitted> {
        self.admit(|machine| machine.acquire(now))
    }

    /// Admits an attempt although the circuit is open, for whoever has nobody else to ask.
    ///
    /// Where its time is over the attempt is the probe. Else, if it is answered, the circuit closes as after a
    /// probe; if it fails, the circuit stays open for as long as it was to be, or as a hint says.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] while a probe is under way, with [`Reason::Full`].
    pub fn acquire_anyway(&self, now: Instant) -> Result<Permit, NotAdmitted> {
        self.admit(|machine| machine.acquire_anyway(now))
    }

    fn admit(
        &self,
        acquire: impl FnOnce(&mut Machine) -> Result<Ticket, Reason>,
    ) -> Result<Permit, NotAdmitted> {
        let closed = self.state.closed.load(Ordering::Acquire);
        let ticket = if closed == NOT_CLOSED {
            self.change(acquire).map_err(NotAdmitted::new)?
        } else {
            Ticket {
                generation: closed,
                probe: false,
                succeeded: false,
            }
        };
        Ok(Permit {
            circuit: self.clone(),
            ticket,
            over: false,
        })
    }

    /// Whether an attempt would be admitted at `now`, for whoever chooses among several deployments. Takes
    /// nothing.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn standing(&self, now: Instant) -> Result<(), Reason> {
        if self.state.closed.load(Ordering::Acquire) == NOT_CLOSED {
            self.state.machine.lock().standing(now)
        } else {
            Ok(())
        }
    }

    /// For how long whoever else lives off the same account is to leave it alone after this verdict, which this
    /// circuit has been told of: as long as the provider has said; and where it has not, but has turned down the
    /// credentials or the account, or has called its limit reached, for as long as this circuit is open.
    ///
    /// `None` of what is but suspected of the deployment, however often it fails: that may be this
    /// instance's own network. And of what this circuit would not rest for itself.
    #[must_use]
    pub fn told_to_rest(&self, verdict: Verdict, now: Instant) -> Option<Duration> {
        if let Some(hint) = self.policy.hint_of(verdict) {
            return Some(hint);
        }
        let is_said = matches!(verdict.outcome, Outcome::Auth | Outcome::RateLimited);
        match self.standing(now) {
            Err(Reason::Resting(left)) if is_said => Some(left),
            _ => None,
        }
    }

    /// What it is doing. An open circuit whose time is over stays open until the next attempt comes.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state.machine.lock().phase()
    }

    /// How attempts ended since it last closed, within the window.
    #[must_use]
    pub fn counts(&self, now: Instant) -> Counts {
        self.state.machine.lock().counts(&self.policy, now)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.state.machine.lock();
        let changed = change(&mut machine);
        let closed = match machine.phase() {
            Phase::Closed => machine.generation(),
            Phase::Open { .. } | Phase::HalfOpen { .. } => NOT_CLOSED,
        };
        self.state.closed.store(closed, Ordering::Release);
        changed
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

// ===== impl Permit =====

impl Permit {
    /// True if the circuit is not closed, and waits for how this attempt ends.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.ticket.probe
    }

    /// The attempt looks well, though it is not over: counts as a success, closes the circuit if this is a
    /// probe, and is taken back if a failure is recorded later.
    pub fn succeed_for_now(&mut self, now: Instant) {
        let Circuit { policy, .. } = &self.circuit;
        let (ticket, success) = (self.ticket, Outcome::Success.into());
        self.ticket = self
            .circuit
            .change(|machine| machine.report(ticket, success, policy, now));
    }

    /// The attempt is over, with this verdict.
    pub fn record(mut self, verdict: Verdict, now: Instant) {
        self.over = true;
        let Circuit { policy, .. } = &self.circuit;
        self.circuit
            .change(|machine| machine.report(self.ticket, verdict, policy, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.over && self.ticket.probe {
            self.circuit.change(|machine| machine.release(self.ticket));
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("probe", &self.ticket.probe)
            .finish_non_exhaustive()
    }
}
