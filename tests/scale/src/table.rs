use crate::{Figures, RateFigures};
use headworks_limit::Unit;
use headworks_simulation::Table;

/// The figures of a scenario: a line for each number of instances and rate.
#[must_use]
pub fn table(runs: &[Figures]) -> String {
    let mut table = Table::new(&[
        "instances",
        "limit a minute",
        "asked",
        "busiest minute",
        "beyond",
        "at most",
        "unused",
        "refused with room",
        "first refused",
        "exchanges/s",
        "each",
        "in 10 ms",
    ]);
    for of in runs {
        for rate in &of.rates {
            table.rows.push(row(of, rate));
        }
    }
    table.write()
}

fn row(of: &Figures, rate: &RateFigures) -> Vec<String> {
    let unit = match rate.unit {
        Unit::Requests => "requests",
        _ => "tokens",
    };
    let part = |amount: u64| percent(amount as f64 / rate.limit as f64);
    vec![
        of.instances.to_string(),
        format!("{} {unit}", thousands(rate.limit)),
        format!("{:.0} %", rate.asked * 100.0),
        thousands(rate.busiest),
        part(rate.overshoot()),
        part(rate.bound.total()),
        some(rate.unused),
        some(of.refused_with_room),
        some(of.first_refused),
        format!("{:.0}", of.exchanges),
        format!("{:.1}", of.exchanges_each()),
        of.at_once.to_string(),
    ]
}

fn some(part: Option<f64>) -> String {
    part.map_or_else(|| "–".to_owned(), percent)
}

/// With two places, of which nothing is left of nothing.
fn percent(part: f64) -> String {
    match part {
        0.0 => "0".to_owned(),
        part => format!("{:.2} %", part * 100.0),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups = groups.map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_in_groups_of_three() {
        let written = [7, 1_000, 300_000, 12_345_678].map(thousands);
        assert_eq!(written, ["7", "1,000", "300,000", "12,345,678"]);
    }
}
