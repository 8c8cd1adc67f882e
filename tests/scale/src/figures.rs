use crate::{
    Bound, Ledger, Log, Scenario,
    run::{COUNTED, MINUTE},
};
use headworks_limit::Unit;

/// What a log comes to, in figures.
#[derive(Clone, Debug)]
pub struct Figures {
    /// How many instances there were.
    pub instances: usize,
    /// Of each rate; where there are several quotas, of the one that went furthest beyond its limit.
    pub rates: Vec<RateFigures>,
    /// Which part of the requests was not admitted though there was room, if less was asked for than the limits.
    pub refused_with_room: Option<f64>,
    /// The same of the requests to instances that had seen none for a second, if there were more than one to each.
    pub first_refused: Option<f64>,
    /// Questions to the store, a second.
    pub exchanges: f64,
    /// The most of them within ten milliseconds, after the first second.
    pub at_once: u64,
}

/// What became of one rate.
#[derive(Clone, Copy, Debug)]
pub struct RateFigures {
    /// What is counted.
    pub unit: Unit,
    /// The limit, a minute.
    pub limit: u64,
    /// How much was asked for, as a multiple of the limit.
    pub asked: f64,
    /// The most that was admitted in any sixty seconds, over all instances.
    pub busiest: u64,
    /// The most that may have been beyond the limit, by the formula.
    pub bound: Bound,
    /// Which part of the limit was not used, if more was asked for: on average over as many windows of 62
    /// seconds as there are.
    pub unused: Option<f64>,
}

// ===== impl Figures =====

impl Figures {
    /// Of a run with so many instances.
    #[must_use]
    pub fn new(scenario: &Scenario, instances: usize, log: &Log) -> Self {
        let rates = scenario.limits.rates().len();
        let rates = (0..rates).filter_map(|rate| {
            let of_each = log.quotas.iter().map(|ledgers| &ledgers[rate]);
            let figures = of_each.map(|ledger| RateFigures::new(scenario, instances, log, ledger));
            // Of those that went furthest, the one that may go least far.
            figures.max_by_key(|of| (of.overshoot(), u64::MAX - of.bound.total()))
        });
        let rates: Vec<RateFigures> = rates.collect();
        let below = rates.iter().all(|rate| rate.asked < 1.0);
        let part = |of: u64, all: u64| of as f64 / all.max(1) as f64;
        let first = log.first.total();
        let first_refused = part(log.first_refused.total(), first);
        let until = scenario.seconds as usize * 1000;
        let at_once = log.exchanges.sliding(10, until).skip(1000).max();
        Self {
            instances,
            rates,
            refused_with_room: below
                .then(|| part(log.refused_with_room.total(), log.asked.total())),
            first_refused: (below && first > instances as u64).then_some(first_refused),
            exchanges: log.exchanges.total() as f64 / f64::from(scenario.seconds),
            at_once: at_once.unwrap_or(0),
        }
    }

    /// Questions of each instance to the store, a second.
    #[must_use]
    pub fn exchanges_each(&self) -> f64 {
        self.exchanges / self.instances as f64
    }
}

// ===== impl RateFigures =====

impl RateFigures {
    fn new(scenario: &Scenario, instances: usize, log: &Log, ledger: &Ledger) -> Self {
        let limit = ledger.limit;
        let windows = scenario.seconds as usize * 1000 / COUNTED;
        let lasts = windows * COUNTED;
        let allowed = limit as f64 * lasts as f64 / MINUTE as f64;
        let unused = 1.0 - ledger.admitted.within(0..lasts) as f64 / allowed;
        let asked = ledger.asked.total() as f64 / f64::from(scenario.seconds) * 60.0;
        let asked = asked / limit as f64;
        Self {
            unit: ledger.unit,
            limit,
            asked,
            busiest: ledger.admitted.most(MINUTE),
            bound: Bound::new(scenario, instances, log, ledger),
            unused: (asked > 1.0 && windows > 0).then_some(unused),
        }
    }

    /// The most that was beyond the limit.
    #[must_use]
    pub const fn overshoot(&self) -> u64 {
        self.busiest.saturating_sub(self.limit)
    }
}
