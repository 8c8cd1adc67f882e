use crate::{
    BreakerPolicy, Rule,
    window::{Counts, Window},
};
use headworks_core::{Hint, Reason, Verdict};
use std::time::Duration;
use tokio::time::Instant;

/// What a circuit is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Requests pass.
    Closed,
    /// None passes before this moment.
    Open {
        /// When the first probe may pass.
        until: Instant,
    },
    /// One request at a time passes, as a probe.
    HalfOpen {
        /// Whether one is under way.
        probing: bool,
    },
}

/// The circuit as such: what happens when, without locks or handles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    phase: Phase,
    /// Counts the changes, so that what was admitted before one is told from what was admitted after it.
    generation: u64,
    /// Failures in a row.
    streak: u32,
    window: Window,
    /// How often it has opened with no quiet time between.
    openings: u32,
    closed_at: Option<Instant>,
}

/// Names an attempt that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) generation: u64,
    pub(crate) probe: bool,
    /// Its head was a success that has been counted.
    pub(crate) succeeded: bool,
}

/// Longer than any rest need be, and short enough to be added to any moment.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

// ===== impl Machine =====

impl Machine {
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Closed,
            generation: 0,
            streak: 0,
            window: Window::default(),
            openings: 0,
            closed_at: None,
        }
    }

    pub(crate) fn counts(&mut self, policy: &BreakerPolicy, now: Instant) -> Counts {
        self.window.sum(now, policy.window)
    }

    /// Why no request would be admitted at `now`, if so.
    pub(crate) fn standing(&self, now: Instant) -> Result<(), Reason> {
        match self.phase {
            Phase::Open { until } if now < until => Err(Reason::Resting(until - now)),
            Phase::HalfOpen { probing: true } => Err(Reason::Full),
            Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { probing: false } => Ok(()),
        }
    }

    /// Admits a request, as a probe if the circuit is not closed.
    pub(crate) fn acquire(&mut self, now: Instant) -> Result<Ticket, Reason> {
        self.standing(now)?;
        let probe = self.phase != Phase::Closed;
        if probe {
            self.change(Phase::HalfOpen { probing: true });
        }
        Ok(Ticket {
            generation: self.generation,
            probe,
            succeeded: false,
        })
    }

    /// Admits a request as long as nothing but time stands against it: as a probe where one is due, and else
    /// beside the rest. How it ends tells of no more than itself: a success closes the circuit as that of a
    /// probe does, and a failure leaves it as it is.
    pub(crate) fn acquire_anyway(&mut self, now: Instant) -> Result<Ticket, Reason> {
        match self.phase {
            Phase::Open { until } if now < until => Ok(Ticket {
                generation: self.generation,
                probe: false,
                succeeded: false,
            }),
            Phase::Closed | Phase::Open { .. } | Phase::HalfOpen { .. } => self.acquire(now),
        }
    }

    /// The attempt has ended without a verdict: a probe gives its place to another.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        // Only how its probe ends changes a half-open circuit, so a probe is never of the past.
        if ticket.probe {
            debug_assert_eq!(ticket.generation, self.generation);
            self.change(Phase::HalfOpen { probing: false });
        }
    }

    /// The attempt has got a verdict. A ticket may get two, of which the first is the success of its head;
    /// the ticket that comes back stands for what may still follow.
    pub(crate) fn report(
        &mut self,
        mut ticket: Ticket,
        verdict: Verdict,
        policy: &BreakerPolicy,
        now: Instant,
    ) -> Ticket {
        let rule = policy.rule_of(verdict.outcome);
        let failed = matches!(rule, Rule::Counted | Rule::Allowed(_));
        // Whoever is not the probe and was let in after the circuit opened was asked although it rests.
        let anyway = self.phase != Phase::Closed && !ticket.probe;
        if ticket.generation != self.generation || (anyway && failed) {
            if failed && !policy.lone {
                self.rest_longer(verdict.hint, policy, now);
            }
            return ticket;
        }
        match rule {
            Rule::Neutral => self.release(ticket),
            Rule::Success if ticket.succeeded => {}
            Rule::Success => {
                if ticket.probe || anyway {
                    self.close(now);
                }
                self.streak = 0;
                self.window.slot(now, policy.window).successes += 1;
                ticket.generation = self.generation;
                ticket.succeeded = true;
            }
            Rule::Counted | Rule::Allowed(_) => {
                if ticket.succeeded {
                    self.window.take_back();
                }
                self.streak = self.streak.saturating_add(1);
                self.window.slot(now, policy.window).failures += 1;
                if ticket.probe || self.trips(rule, policy, now) {
                    self.open(verdict.hint, policy, now);
                }
            }
        }
        // Whatever the verdict was, it was the probe's.
        ticket.probe = false;
        ticket
    }

    /// True if a failure that was just counted is one too many.
    fn trips(&mut self, rule: Rule, policy: &BreakerPolicy, now: Instant) -> bool {
        let in_a_row = policy.consecutive.is_some_and(|most| self.streak >= most);
        if policy.lone {
            return in_a_row;
        }
        let counts = self.counts(policy, now);
        match rule {
            Rule::Allowed(fails) => counts.failures > fails,
            _ => {
                let all = counts.successes + counts.failures;
                let too_many = |(share, minimum): (f64, u32)| {
                    all >= minimum && f64::from(counts.failures) > f64::from(all) * share
                };
                in_a_row || policy.share.is_some_and(too_many)
            }
        }
    }

    fn open(&mut self, hint: Option<Hint>, policy: &BreakerPolicy, now: Instant) {
        if policy.lone {
            self.change(Phase::HalfOpen { probing: false });
            return;
        }
        // A circuit that stayed closed for a whole window begins anew.
        let quiet = |closed: Instant| now.saturating_duration_since(closed) >= policy.window;
        if self.closed_at.is_some_and(quiet) {
            self.openings = 0;
        }
        let grown = 2_u32
            .checked_pow(self.openings)
            .and_then(|factor| policy.cooldown.checked_mul(factor))
            .map_or(policy.longest, |grown| grown.min(policy.longest))
            .max(policy.cooldown);
        self.openings = self.openings.saturating_add(1);
        let jitter = grown.min(FOR_EVER).mul_f64(policy.jitter * fastrand::f64());
        let rest = grown
            .saturating_add(jitter)
            .max(policy.believed(hint).unwrap_or_default());
        self.change(Phase::Open {
            until: now + rest.min(FOR_EVER),
        });
    }

    fn close(&mut self, now: Instant) {
        self.window = Window::default();
        self.closed_at = Some(now);
        self.change(Phase::Closed);
    }

    /// An attempt that was admitted before the circuit opened ends now, and says for how long.
    fn rest_longer(&mut self, hint: Option<Hint>, policy: &BreakerPolicy, now: Instant) {
        if let Phase::Open { until } = &mut self.phase {
            let hinted = policy.believed(hint).unwrap_or_default();
            *until = (now + hinted.min(FOR_EVER)).max(*until);
        }
    }

    const fn change(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests;
