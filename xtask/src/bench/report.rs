use super::{
    contender::Contender,
    load::{Driven, Load, Shape},
};
use anyhow::Result;
use std::time::Duration;

/// What was measured of one contender under one shape of load, over all rounds.
pub(crate) struct Row {
    name: &'static str,
    rounds: Vec<Round>,
}

struct Round {
    driven: Driven,
    /// CPU time a request and resident memory in bytes, of a process of ours.
    cost: Option<(Duration, u64)>,
}

// ===== impl Row =====

impl Row {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            rounds: Vec::new(),
        }
    }

    /// Drives a server of somebody else's for a round, and notes what it did.
    pub(crate) fn drive(&mut self, load: &Load, port: u16) -> Result<()> {
        let driven = load.drive(port)?;
        self.rounds.push(Round { driven, cost: None });
        Ok(())
    }

    /// The same with a server that was started for it, and what it took.
    pub(crate) fn drive_contender(&mut self, load: &Load, contender: &Contender) -> Result<()> {
        let before = contender.cpu()?;
        let driven = load.drive(contender.ports[0])?;
        let cpu = (contender.cpu()? - before).div_f64(driven.requests as f64);
        let cost = Some((cpu, contender.memory()?));
        self.rounds.push(Round { driven, cost });
        Ok(())
    }

    /// The medians, each of its own column.
    fn medians(&self) -> [Option<f64>; 5] {
        let median = |of: fn(&Round) -> Option<f64>| {
            let values: Vec<f64> = self.rounds.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| super::median(values))
        };
        [
            median(|round| Some(round.driven.per_second)),
            median(|round| Some(round.driven.p50.as_secs_f64() * 1e6)),
            median(|round| Some(round.driven.p99.as_secs_f64() * 1e6)),
            median(|round| Some(round.cost?.0.as_secs_f64() * 1e6)),
            median(|round| Some(round.cost?.1 as f64 / 1e6)),
        ]
    }
}

/// Prints the table of one shape: a line for each contender, then the last one in proportion to the one before.
pub(crate) fn print(shape: Shape, rounds: u64, seconds: u64, rows: &[Row]) {
    println!(
        "\n{} connection(s), {} byte requests; medians of {rounds} rounds of {seconds} s",
        shape.connections, shape.body
    );
    println!(
        "{:18}{:>12}{:>12}{:>12}{:>16}{:>10}",
        "", "requests/s", "p50 µs", "p99 µs", "CPU µs/request", "RSS MB"
    );
    for row in rows {
        line(row.name, row.medians(), 1);
    }
    if let [.., base, last] = rows {
        let mut ratios = last.medians();
        for (ratio, base) in ratios.iter_mut().zip(base.medians()) {
            *ratio = ratio.zip(base).map(|(ratio, base)| ratio / base);
        }
        line(&format!("{}/{}", last.name, base.name), ratios, 2);
    }
}

fn line(name: &str, columns: [Option<f64>; 5], precision: usize) {
    let [rate, p50, p99, cpu, memory] = columns
        .map(|value| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.precision$}")));
    println!("{name:18}{rate:>12}{p50:>12}{p99:>12}{cpu:>16}{memory:>10}");
}
