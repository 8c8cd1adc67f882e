use crate::Choice;
use headworks_simulation::{Distribution, Scenarios};
use serde::Deserialize;

/// What is simulated: who asks how often, through how many gateways, and what becomes of it in which
/// deployment. Read from `scenarios/NAME.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name of its file.
    pub name: String,
    /// A line that says what goes on.
    pub title: String,
    /// What there is to see.
    pub about: String,
    /// Where chance begins.
    pub seed: u64,
    /// For how long requests arrive, in simulated seconds. Those under way then are answered.
    pub seconds: u32,
    /// Which strategies are tried; by default [those](Choice::usual) that need to be told nothing.
    #[serde(default = "Choice::usual")]
    pub strategies: Vec<Choice>,
    /// Who asks.
    pub arrivals: Arrivals,
    /// Through what.
    #[serde(default)]
    pub gateway: Gateway,
    /// Who answers.
    pub deployments: Vec<Class>,
}

/// How requests arrive.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// So many a second on average, independently of each other and of the answers: a Poisson process.
    pub per_second: Option<f64>,
    /// So many clients, each of which asks again when it has its answer.
    pub clients: Option<u32>,
    /// Each request belongs to one of so many sessions, all equally busy. Default: none does.
    pub sessions: Option<u32>,
}

/// The layers in front of the deployments.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// How many there are, each with a balance, breakers and counters of its own. Each request comes to one
    /// of them at random.
    pub instances: usize,
    /// How many further attempts may follow the first. Default: 2.
    pub retries: u32,
    /// How long an attempt may take, in seconds. Default: 60.
    pub timeout: f64,
    /// Whether deployments that fail are rested. Default: they are, by the breaker's default policy.
    pub breaker: bool,
    /// Over how many seconds a deployment that is new or back takes up its share. Default: the balance's.
    pub slow_start: Option<f64>,
}

/// Deployments that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// What they are called in tables and pictures.
    pub name: String,
    /// How many.
    #[serde(default = "one")]
    pub count: usize,
    /// The weight that the gateway is told.
    pub weight: Option<f64>,
    /// The requests a minute that the gateway is told they are good for.
    pub told_rpm: Option<u32>,
    /// The price that the gateway is told.
    pub cost: Option<f64>,
    /// From when work on a request begins until the head of its answer.
    pub head: Distribution,
    /// From there to the end of the answer.
    pub rest: Distribution,
    /// How many requests each works on at a time; the others wait, first come first served. Default: any
    /// number.
    pub parallel: Option<usize>,
    /// How many requests each takes a minute, any minute; the others are answered with a 429 within
    /// milliseconds, and with no word on when to come back. Default: any number.
    pub rpm: Option<usize>,
    /// When they fail.
    #[serde(default)]
    pub outages: Vec<Outage>,
    /// When they are taken out of the configuration, in seconds.
    pub leaves: Option<f64>,
}

/// A time in which what arrives fails. What was under way is answered.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// The second it begins.
    pub from: f64,
    /// The second it is over.
    pub until: f64,
    /// How requests fail.
    pub with: Fault,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// With a 503 within milliseconds.
    Error,
    /// With no answer ever.
    Silence,
}

/// All there are.
pub const SCENARIOS: Scenarios<Scenario> = Scenarios::new(
    concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"),
    &[
        "speeds",
        "one-slow",
        "nine-alike",
        "saturated",
        "limited",
        "quotas",
        "herd",
        "thousand",
        "instances",
        "leaving",
    ],
);

// ===== impl Scenario =====

impl Scenario {
    /// The class of each deployment.
    pub fn each(&self) -> impl Iterator<Item = &Class> + Clone {
        let classes = self.deployments.iter();
        classes.flat_map(|class| std::iter::repeat_n(class, class.count))
    }

    /// What each deployment has a right to at this second of the simulation, by its weight, else by the
    /// requests a minute it is said to be good for; nothing when it has left.
    #[must_use]
    pub fn fair_shares(&self, second: f64) -> Vec<f64> {
        let weight = |class: &Class| {
            let is_there = class.leaves.is_none_or(|leaves| second < leaves);
            if is_there {
                class
                    .weight
                    .or(class.told_rpm.map(f64::from))
                    .unwrap_or(1.0)
            } else {
                0.0
            }
        };
        let all: f64 = self.each().map(weight).sum();
        self.each().map(|class| weight(class) / all).collect()
    }
}

// ===== impl Gateway =====

impl Default for Gateway {
    fn default() -> Self {
        Self {
            instances: 1,
            retries: 2,
            timeout: 60.0,
            breaker: true,
            slow_start: None,
        }
    }
}

const fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_scenario_that_is_told() {
        let mut told = SCENARIOS.names().to_vec();
        told.sort_unstable();
        assert_eq!(SCENARIOS.in_folder().unwrap(), told);
        for name in told {
            let scenario = SCENARIOS.read(name).unwrap();
            assert!(!scenario.strategies.is_empty(), "{name}");
            let arrivals = scenario.arrivals;
            assert!(arrivals.per_second.is_some() != arrivals.clients.is_some());
        }
    }

    #[test]
    fn whoever_has_left_has_a_right_to_nothing() {
        let scenario = SCENARIOS.read("leaving").unwrap();
        let shares = scenario.fair_shares(0.0);
        assert_eq!(shares.len(), 10);
        assert!(shares.iter().all(|share| (share - 0.1).abs() < 1e-9));
        let mut shares = scenario.fair_shares(f64::from(scenario.seconds));
        shares.sort_by(f64::total_cmp);
        assert_eq!(shares[0], 0.0);
        assert!((shares[1] - 1.0 / 9.0).abs() < 1e-9);
    }
}
