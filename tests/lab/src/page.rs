use crate::{Choice, Figures, Log, SCENARIOS, Scenario, picture, run_all, table};
use anyhow::Result;
use headworks_simulation::Report;
use std::io;

/// What the lab tells of one scenario.
#[derive(Clone, Debug)]
pub struct Told {
    /// The scenario.
    pub scenario: Scenario,
    /// What came of it by each strategy.
    pub runs: Vec<(Choice, Log, Figures)>,
}

// ===== impl Told =====

impl Told {
    /// Runs the scenario with all its strategies.
    ///
    /// # Errors
    ///
    /// If the system gives no runtime.
    pub fn new(scenario: Scenario) -> io::Result<Self> {
        let runs = run_all(&scenario)?.into_iter().map(|(choice, log)| {
            let figures = Figures::new(&scenario, &log);
            (choice, log, figures)
        });
        let runs = runs.collect();
        Ok(Self { scenario, runs })
    }

    /// Its section of the page.
    #[must_use]
    pub fn section(&self) -> String {
        let title = &self.scenario.title;
        let pictures: String = self
            .runs
            .chunks(2)
            .map(|pair| {
                let images = pair.iter().map(|(choice, ..)| {
                    format!(" ![{title}: {}]({}) |", choice.name(), self.path(*choice))
                });
                format!("|{}\n", images.collect::<String>())
            })
            .collect();
        format!("{}\n| | |\n|---|---|\n{pictures}", self.text())
    }

    /// The pictures, with their paths from the page.
    pub fn pictures(&self) -> impl Iterator<Item = (String, String)> {
        let runs = self.runs.iter();
        runs.map(|(choice, log, _)| (self.path(*choice), picture(&self.scenario, *choice, log)))
    }

    fn path(&self, choice: Choice) -> String {
        let strategy = choice.name().replace(' ', "-");
        format!("lab/{}-{strategy}.svg", self.scenario.name)
    }
}

impl Report for Told {
    const NAME: &'static str = "lab";
    const SCENARIOS: &'static [&'static str] = SCENARIOS.names();

    fn run(name: &str, seed: Option<u64>) -> Result<Self> {
        let mut scenario = SCENARIOS.read(name)?;
        scenario.seed = seed.unwrap_or(scenario.seed);
        Ok(Self::new(scenario)?)
    }

    fn text(&self) -> String {
        let Scenario {
            name,
            title,
            about,
            seed,
            ..
        } = &self.scenario;
        let figures = self.runs.iter();
        let figures: Vec<_> = figures.map(|(choice, _, f)| (*choice, f.clone())).collect();
        let table = table(&self.scenario, &figures);
        format!("## {title}\n\n`{name}`, seed {seed}. {about}\n\n{table}")
    }

    fn page(all: &[Self]) -> String {
        let sections = all.iter().map(|told| format!("\n{}", told.section()));
        INTRODUCTION.to_owned() + &sections.collect::<String>()
    }

    fn pictures(all: &[Self]) -> Vec<(String, String)> {
        all.iter().flat_map(Self::pictures).collect()
    }
}

const INTRODUCTION: &str = "\
# The strategy lab

How each strategy behaves, found out by simulation: the real layers (retry, balance, a breaker and an attempt
timeout for each deployment) in front of deployments that do not exist but take as long, queue, fail and refuse as
real ones do, on simulated time. Nothing in it is left to the machine it runs on: the same seed gives the same
figures, byte for byte.

    cargo xtask lab                      # runs every scenario and writes this page anew
    cargo xtask lab one-slow --seed 7    # runs one, and only prints

The scenarios are files in [`tests/lab/scenarios`](../tests/lab/scenarios); what they promise is asserted by the
tests in [`tests/lab/tests`](../tests/lab/tests).

How to read the tables:

- **p50**, **p99**: time to the end of the whole answer, retries included, of the requests that were answered well.
- **calls per request**: how often deployments were asked for each request of a client.
- **imbalance**: the most calls that a deployment got, as a multiple of its fair share: the share it has by weight
  or by its requests a minute where these are told, and as much as any other where not. Where deployments differ, a strategy that goes by load is
  right to be imbalanced.
- **worst second**: the most calls that a deployment got in any one second, as a multiple of its fair rate.
  Arrivals are random, so that this is above 1 for everybody.

In the pictures each deployment is a line; of many, the band is all of them and the line their average.
";
