use crate::{
    Figures, Log, RateFigures, SCENARIOS, Scenario, over_instances, over_time, redis, run, table,
};
use anyhow::Result;
use headworks_simulation::{Report, Table, on_all_cores};
use std::{cmp::Reverse, io};

/// What is told of one scenario.
#[derive(Clone, Debug)]
pub struct Told {
    /// The scenario.
    pub scenario: Scenario,
    /// What came of it with so many instances.
    pub runs: Vec<(Log, Figures)>,
}

// ===== impl Told =====

impl Told {
    /// Runs the scenario with each number of instances, on as many threads as there are cores.
    ///
    /// # Errors
    ///
    /// If the system gives no runtime.
    pub fn new(scenario: Scenario) -> io::Result<Self> {
        // The largest first, since it takes longest.
        let mut instances = scenario.instances.clone();
        instances.sort_unstable_by_key(|instances| Reverse(*instances));
        let mut runs = on_all_cores(&instances, |instances| {
            let log = run(&scenario, *instances)?;
            let figures = Figures::new(&scenario, *instances, &log);
            Ok((log, figures))
        })?;
        runs.reverse();
        Ok(Self { scenario, runs })
    }

    /// Its section of the page.
    #[must_use]
    pub fn section(&self) -> String {
        let title = &self.scenario.title;
        format!("{}\n![{title}]({})\n", self.text(), self.path())
    }

    /// Its picture, with its path from the page.
    #[must_use]
    pub fn picture(&self) -> (String, String) {
        (self.path(), over_time(&self.scenario, &self.runs))
    }

    fn path(&self) -> String {
        format!("scale/{}.svg", self.scenario.name)
    }
}

impl Report for Told {
    const NAME: &'static str = "scale";
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
        let figures = self.runs.iter().map(|(_, figures)| figures.clone());
        let table = table(&figures.collect::<Vec<_>>());
        format!("### {title}\n\n`{name}`, seed {seed}. {about}\n\n{table}")
    }

    fn page(all: &[Self]) -> String {
        let overview = overview(all);
        let redis = redis::section();
        let sections = all.iter().map(|told| format!("\n{}", told.section()));
        let sections: String = sections.collect();
        format!(
            "{INTRODUCTION}\n{overview}\n![From five instances to five hundred]({OVERVIEW})\n\n{FORMULA}\n{redis}\n\
             ## Each of them\n\n{COLUMNS}{sections}"
        )
    }

    fn pictures(all: &[Self]) -> Vec<(String, String)> {
        let overview = (OVERVIEW.to_owned(), over_instances(all));
        let each = all.iter().map(Self::picture);
        std::iter::once(overview).chain(each).collect()
    }
}

const OVERVIEW: &str = "scale/instances.svg";

/// A line for each scenario: what went beyond the limit, what was lost of it, at each number of instances.
fn overview(all: &[Told]) -> String {
    let mut table = Table::new(&[
        "",
        "instances",
        "beyond the limit",
        "at most, by the formula",
        "unused",
        "refused with room",
        "exchanges/s",
    ]);
    for told in all {
        let title = &told.scenario.title;
        let of = |part: &dyn Fn(&Figures) -> String| -> String {
            let parts = told.runs.iter().map(|(_, figures)| part(figures));
            parts.collect::<Vec<_>>().join(" · ")
        };
        let rate = |part: &dyn Fn(&RateFigures) -> String| -> String {
            of(&|figures| figures.rates.last().map_or_else(String::new, part))
        };
        let share = |of: &RateFigures, amount: u64| short(Some(amount as f64 / of.limit as f64));
        table.rows.push(vec![
            title.clone(),
            of(&|figures| figures.instances.to_string()),
            rate(&|of| share(of, of.overshoot())),
            rate(&|of| share(of, of.bound.total())),
            rate(&|of| short(of.unused)),
            of(&|figures| short(figures.refused_with_room)),
            of(&|figures| format!("{:.0}", figures.exchanges)),
        ]);
    }
    table.write()
}

/// In percent, with one place.
fn short(part: Option<f64>) -> String {
    match part {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(part) => format!("{:.1} %", part * 100.0),
    }
}

const INTRODUCTION: &str = "\
# Limits shared at scale

What becomes of limits that 5, 50 and 500 instances share, found out by simulation: the real quotas and the real
keepers of `headworks-limit`, each instance with its own, and one store with the real rules, on simulated time. What is
made up is the network between them (half of the messages take a millisecond, one of a hundred three or more; some are lost, or nothing passes) and who asks:
10,000 requests a second over all instances where nothing else is said, at random moments. The same seed gives the same
figures on every machine.

    cargo xtask scale                     # runs every scenario and writes this page anew
    cargo xtask scale partition --seed 7  # runs one, and only prints
    cargo xtask scale redis               # measures what an exchange costs a real Redis

The scenarios are files in [`tests/scale/scenarios`](../tests/scale/scenarios). How the sharing works, and why, is said in
[`crates/limit/src/share/mod.rs`](../crates/limit/src/share/mod.rs): each instance holds a lease of a second at most, and asks for the next in the
background, so that no request waits for the store. That a decision is made at once, whatever the network does, is so by
construction: it takes a lock and no message, some 145 ns at most (`cargo bench -p headworks-limit`), in any of these scenarios.

## In short

- **Nothing goes beyond a limit on requests while the store answers**, at any number of instances, however the demand is spread, and
  though instances die, start together, or lose messages.
- **97 to 98 of a hundred parts of a limit are used** where more is asked for, by all or by one alone: the store counts in seconds, and for
  two seconds longer than a minute.
- What goes wrong costs what the formula says and no more. Worst are a part of the instances that is cut off, since neither side can
  know of the other, and a store whose clock is set ahead.
- A limit smaller than the number of instances is used only if requests wait a few milliseconds for the exchange they cause
  (`headworks.queue`).
- Five hundred instances with one busy quota ask the store some 3,200 times a second, and 1,200 times if they are idle. At half of a core
  one Redis bears 4,700 such exchanges, 2,900 where requests and tokens are limited; see [below](#when-one-redis-is-not-enough).

Of each scenario, with 5, 50 and 500 instances:
";

const FORMULA: &str = "\
## The formula

Within any sixty seconds, over all instances, no more than *L* + *O* is admitted of a limit *L*, with

> *O* ≤ *C* + *B* + *A* + *D* + *E* + *R* + *J* + *P*

| | is | at most |
|---|---|---|
| *C* | what is owed for until the next exchange | 0 for requests; for tokens *N*·*c* and no more than *L*/4, where *c* is the largest request |
| *B* | what answers were longer than was reserved for them | what it is, within a minute; 0 where `max_tokens` is reserved |
| *A* | what instances admit by themselves | *a* each = max(1, *s*·*L*, *c*), since what is more than the share goes alone, and no more than is asked of it meanwhile; see the next three lines |
| | one that starts | what is asked of it until its second exchange, some milliseconds |
| | *k* of *N* that are cut off from a store which answers the others | *k*·*a* |
| | all of them, when the store is silent | what was granted within the second before and the half second after, as far as it was spent, and max(0, *N*·*a* − *L*) |
| *D* | what instances that die had owed | *c* each, while the store answers |
| *E* | what a store grants that has lost its data | what those had used who do not live any more, and what is spent of what it grants in the half second until all have told theirs |
| *R* | what is granted again when a replica takes the store's place | what was granted in the replica's lag (not simulated) |
| *J* | what the store's clock forgets that is set ahead by *t* | what was admitted in any *t* + 1 s before |
| *P* | what is spent too late by clocks that lag by *d* within a second | what is admitted in any *d* |

*N* is the number of instances, *s* the share of the limit that one of them admits by itself: with `when_silent: share` one by the most instances that the
store has told of at a time in the last minute or two (a half before it has told of any), or 1/`headworks.redis.replicas` if that is set; 1 with `open`, 0 with `closed` (then *a* is 0). What is a matter of the traffic, such as what was granted in a second, is for each run
below taken from that run; **at most** is this sum, and a test holds each run against it.

With *s* = 1/*N* the terms are small but for *A* in a partition, *k*/*N* of the limit, and where instances start that the store never hears of, half of it each. Whoever cannot afford that sets `replicas` higher than there are instances, or
`closed`. Where *s*·*L* is less than one, each instance still admits one a minute: 500 instances on `rpm: 60` admit 500 by themselves.

Of *P* requests at a time (`max_parallel_requests`) no more than *P* + *S* are under way, where *S* is 0 while the store answers; for *k* instances that
are cut off from a store which answers the others *k*·max(*a*, *h*), in the first ten seconds *k*·max(0, *a* − *h*); and the sum of max(*a*, *h*) over all of them, less *P*, while it
answers nobody. *a* is max(1, *s*·*P*), and *h* what an instance has under way when it is cut off, which nobody breaks off. What it had is kept for it for ten
seconds, and then given to others (not simulated; tests of `headworks-limit` hold it).
";

const COLUMNS: &str = "\
- **asked**: what was asked for, as a part of the limit.
- **busiest minute**: the most that was admitted in any sixty seconds, over all instances, wherever they begin. **beyond**: how much of that was more than the limit. **at most**: the
  formula's sum.
- **unused**: which part of the limit was not used though more was asked for, on average over windows of 62 seconds; below zero where more than the limit
  went through.
- **refused with room**: the part of the requests that was turned away though there was room, where less was asked for than the limit. **first refused**: the
  same of the first requests to instances that had seen none for a second.
- **exchanges/s**: questions to the store a second, **each** of them an instance's, and the most **in 10 ms**: far above a hundredth of a second's would be instances in step.

In the pictures each line is a number of instances.
";
