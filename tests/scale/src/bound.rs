use crate::{
    Ledger, Log, Scenario, What,
    run::{COUNTED, MINUTE},
};
use headworks_limit::{Unit, share::LEASE};
use std::ops::Range;

/// The most that goes through beyond a limit within a minute: the formula in the docs of
/// [`headworks_limit::share`], term by term.
///
/// What is a matter of the traffic, such as what was granted in the last second before the store fell silent, is
/// taken from the log of the run it is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// `C`: requests that are larger than any of late, one of each instance.
    pub credit: u64,
    /// `B`: what answers cost beyond what was reserved for them.
    pub beyond: u64,
    /// `A`: what instances admit by themselves that start, are cut off, or all have no answer.
    pub alone: u64,
    /// `E`: what is granted by a store that has lost its data until all have told theirs.
    pub emptied: u64,
    /// `J`: what a store's clock forgets that is set ahead.
    pub jumped: u64,
    /// `P`: what is spent by clocks that are slow after others have counted it as gone.
    pub late: u64,
}

/// Until every instance has told a store that is back, or has lost its data, what it had used: as long as
/// one without demand waits between two exchanges, and some time on the way.
const TOLD: usize = 500;

/// How long a grant may be spent.
const LASTS: usize = LEASE.as_millis() as usize;

// ===== impl Bound =====

impl Bound {
    /// For one rate of a run.
    #[must_use]
    pub fn new(scenario: &Scenario, instances: usize, log: &Log, ledger: &Ledger) -> Self {
        let credit = match ledger.unit {
            Unit::Requests => 0,
            _ => (instances as u64 * ledger.largest).min(ledger.limit / 4),
        };
        let mut bound = Self {
            credit,
            beyond: ledger.beyond.most(MINUTE),
            alone: alone(scenario, instances, log, ledger),
            late: ledger.admitted.most(millis(scenario.lag)),
            ..Self::default()
        };
        for event in &scenario.events {
            let at = millis(event.from);
            match event.what {
                What::Emptied => bound.emptied += granted_and_spent(ledger, at..at + TOLD),
                What::Clock(ahead) if ahead > 0.0 => {
                    // What had been granted then may have been spent a second later.
                    let before = ledger.admitted.part(at.saturating_sub(COUNTED)..at + LASTS);
                    bound.jumped += before.most(millis(ahead) + LASTS).min(ledger.limit);
                }
                _ => {}
            }
        }
        bound
    }

    /// All of it together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.credit + self.beyond + self.alone + self.emptied + self.jumped + self.late
    }
}

/// What is admitted without the store.
fn alone(scenario: &Scenario, instances: usize, log: &Log, ledger: &Ledger) -> u64 {
    let limit = ledger.limit;
    // At least one, or a small limit would be none at all; and what is larger goes alone.
    let each = ((limit as f64 * scenario.share(instances)) as u64).clamp(1, limit);
    let each = each.max(match ledger.unit {
        Unit::Requests => 1,
        _ => ledger.largest,
    });
    let asked = ledger.asked_alone.most(MINUTE);
    let parts = (log.went_alone * each).min(asked);
    let silent = scenario.events.iter().map(|event| match event.what {
        What::Down | What::Paused => {
            let [from, until] = [event.from, event.until].map(millis);
            let before = granted_and_spent(ledger, from.saturating_sub(LASTS)..from);
            let after = granted_and_spent(ledger, until..until + TOLD);
            Some(before + after)
        }
        _ => None,
    });
    let Some(around) = silent.collect::<Option<Vec<_>>>() else {
        return parts;
    };
    if around.is_empty() {
        return parts;
    }
    // Nobody is granted anything meanwhile, so that all of them together have the limit.
    let too_much = (instances as u64 * each).saturating_sub(limit);
    parts.min(around.iter().sum::<u64>() + too_much)
}

/// What is granted within this time, as far as there is somebody to spend it while it lasts.
fn granted_and_spent(ledger: &Ledger, within: Range<usize>) -> u64 {
    let spent = within.start..within.end + LASTS;
    let granted = ledger.granted.within(within);
    granted.min(ledger.asked.within(spent))
}

fn millis(seconds: f64) -> usize {
    (seconds * 1000.0) as usize
}
