use headworks_limit::{Limits, Unit};
use headworks_simulation::{Distribution, Scenarios};
use serde::Deserialize;

/// What is simulated: who asks how much of which limits, over what network, and what goes wrong. Read from
/// `scenarios/NAME.toml`.
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
    /// For how long requests arrive, in simulated seconds. Default: twice the 62 seconds in which a limit is
    /// granted once, and a little more.
    #[serde(default = "two_windows")]
    pub seconds: u32,
    /// How many instances there are: one run for each number. Default: 5, 50, 500.
    #[serde(default = "sizes")]
    pub instances: Vec<usize>,
    /// Who asks.
    #[serde(default)]
    pub demand: Demand,
    /// What is kept, of each quota.
    pub limits: Kept,
    /// How many quotas there are, all alike. Each request belongs to one of them at random.
    #[serde(default = "one")]
    pub quotas: usize,
    /// What is between instances and store.
    #[serde(default)]
    pub network: Network,
    /// What an instance admits of each limit when the store is silent. Default: its part, one by the number of
    /// instances that the store has told of.
    pub alone: Option<f64>,
    /// All instances start in the same millisecond, and are asked at once. By default they have started within
    /// the second before the first request.
    #[serde(default)]
    pub together: bool,
    /// By how much the clock of every instance lags behind after the second that a lease lasts, in seconds.
    #[serde(default)]
    pub lag: f64,
    /// What goes wrong, and when.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// How requests arrive: independently of each other, a Poisson process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Demand {
    /// How many a second, over all instances. Default: 10,000.
    pub per_second: f64,
    /// Which instance they come to. Default: any.
    pub spread: Spread,
    /// How many tokens they cost. Default: none, so that only requests are counted.
    pub tokens: Option<Cost>,
    /// How long their answers take, in seconds.
    pub answer: Distribution,
    /// Who is told to come back within 50 ms does so, once, to the same instance: as whoever waits in line there.
    pub comes_back: bool,
}

/// Which instance a request comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// Any of them alike.
    #[default]
    Even,
    /// The second gets half of what the first gets, the third a third, and so on: Zipf's law.
    Zipf,
    /// The first has all there is.
    One,
    /// The first has this part of it, the others share the rest.
    First(f64),
}

/// What a request costs, in tokens.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Those of the prompt, which are known.
    pub prompt: Distribution,
    /// Those the answer has in the end.
    pub answer: Distribution,
    /// How many are reserved for the answer.
    pub reserved: u64,
}

/// The limits of a quota.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kept {
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a minute.
    pub tpm: Option<u64>,
}

/// What is between instances and store.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// How long a message takes, in seconds. Time goes in steps of a millisecond, so that none takes less.
    /// Default: half of them take 0.3 ms, one of a hundred 3 ms.
    pub latency: Distribution,
    /// Which part of the questions never arrives.
    pub lost_questions: f64,
    /// Which part of the answers never arrives; the store has counted what it granted.
    pub lost_answers: f64,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The second it happens, or begins.
    pub from: f64,
    /// The second it is over, if it lasts.
    #[serde(default)]
    pub until: f64,
    /// What it is.
    pub what: What,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Nothing passes between this part of the instances and the store.
    Partition(f64),
    /// The store refuses connections.
    Down,
    /// The store does nothing; what has arrived is worked on when it goes on.
    Paused,
    /// The store has lost all it knew.
    Emptied,
    /// The store's clock is set ahead by so many seconds, or back.
    Clock(f64),
    /// This part of the instances dies, one after the other over the time it lasts, and another starts in place
    /// of each at once.
    Crash(f64),
}

/// All there are.
pub const SCENARIOS: Scenarios<Scenario> = Scenarios::new(
    concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"),
    &[
        "even",
        "zipf",
        "one",
        "below",
        "idle",
        "small",
        "waiting",
        "tokens",
        "lossy",
        "partition",
        "down",
        "paused",
        "emptied",
        "restarted",
        "crashes",
        "together",
        "clocks",
    ],
);

// ===== impl Scenario =====

impl Scenario {
    /// The share of each limit that one of so many instances admits by itself, at most: one that is asked before it
    /// has heard of the others goes by a half.
    #[must_use]
    pub fn share(&self, instances: usize) -> f64 {
        let is_crash = |event: &Event| matches!(event.what, What::Crash(_));
        let starts = self.together || self.events.iter().any(is_crash);
        let known = if starts { instances.min(2) } else { instances };
        self.alone.unwrap_or(1.0 / known as f64)
    }
}

// ===== impl Demand =====

impl Default for Demand {
    fn default() -> Self {
        Self {
            per_second: 10_000.0,
            spread: Spread::Even,
            tokens: None,
            answer: Distribution::Lognormal {
                median: 1.0,
                sigma: 0.5,
            },
            comes_back: false,
        }
    }
}

// ===== impl Kept =====

impl Kept {
    /// What is counted, and the limit of it.
    #[must_use]
    pub fn rates(&self) -> Vec<(Unit, u64)> {
        let rpm = self.rpm.map(|limit| (Unit::Requests, limit));
        let tpm = self.tpm.map(|limit| (Unit::Tokens, limit));
        rpm.into_iter().chain(tpm).collect()
    }

    /// As the quotas take them.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let limits = Limits::new();
        let limits = self.rpm.into_iter().fold(limits, Limits::rpm);
        self.tpm.into_iter().fold(limits, Limits::tpm)
    }
}

// ===== impl Network =====

impl Default for Network {
    fn default() -> Self {
        Self {
            latency: Distribution::Lognormal {
                median: 0.000_3,
                sigma: 1.0,
            },
            lost_questions: 0.0,
            lost_answers: 0.0,
        }
    }
}

fn sizes() -> Vec<usize> {
    vec![5, 50, 500]
}

const fn two_windows() -> u32 {
    130
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
            assert!(!scenario.limits.rates().is_empty(), "{name}");
            let counts_tokens = scenario.limits.tpm.is_some();
            assert_eq!(counts_tokens, scenario.demand.tokens.is_some(), "{name}");
        }
    }
}
