mod opening;
mod orders;
mod probing;
mod resting;

use super::*;
use headworks_core::Outcome;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn policy() -> BreakerPolicy {
    BreakerPolicy::new().jitter(0.0)
}

fn hinted(outcome: Outcome, wait: u64) -> Verdict {
    Verdict {
        hint: Some(Hint::after(secs(wait))),
        ..outcome.into()
    }
}

/// A machine, its policy, and a clock.
struct Bench {
    machine: Machine,
    policy: BreakerPolicy,
    now: Instant,
}

impl Bench {
    fn new(policy: BreakerPolicy) -> Self {
        Self {
            machine: Machine::new(),
            policy,
            now: Instant::now(),
        }
    }

    fn report(&mut self, ticket: Ticket, verdict: impl Into<Verdict>) -> Ticket {
        self.machine
            .report(ticket, verdict.into(), &self.policy, self.now)
    }

    fn acquire(&mut self) -> Result<Ticket, Reason> {
        self.machine.acquire(self.now)
    }

    /// Admits an attempt and ends it.
    fn attempt(&mut self, verdict: impl Into<Verdict>) {
        let ticket = self.acquire().unwrap();
        self.report(ticket, verdict);
    }

    /// Ends so many attempts like this, or fewer if the circuit opens; says how many.
    fn attempts(&mut self, most: usize, outcome: Outcome) -> usize {
        (0..most)
            .take_while(|_| {
                let ticket = self.acquire();
                ticket.map(|ticket| self.report(ticket, outcome)).is_ok()
            })
            .count()
    }

    fn wait(&mut self, seconds: u64) {
        self.now += secs(seconds);
    }

    /// For how much longer it is open.
    fn left(&self) -> Option<u64> {
        match self.machine.standing(self.now) {
            Err(Reason::Resting(left)) => Some(left.as_secs()),
            _ => None,
        }
    }
}
