use crate::{Choice, Figures, Scenario};
use headworks_simulation::Table;

/// The most deployments that have a column each.
const MOST_COLUMNS: usize = 12;

/// What the strategies made of a scenario: a Markdown table of figures, and one of who got how much.
#[must_use]
pub fn table(scenario: &Scenario, runs: &[(Choice, Figures)]) -> String {
    let mut figures = Table::new(&[
        "strategy",
        "requests",
        "p50",
        "p99",
        "errors",
        "calls per request",
        "imbalance",
        "worst second",
    ]);
    let sessions = runs.iter().any(|(_, figures)| figures.kept.is_some());
    if sessions {
        figures.head.push("sessions kept".into());
    }
    for (choice, of) in runs {
        let mut row = vec![
            choice.name().to_owned(),
            of.requests.to_string(),
            format!("{:.2} s", of.p50),
            format!("{:.2} s", of.p99),
            percent(of.errors),
            format!("{:.3}", of.calls_per_request),
            format!("{:.2}", of.imbalance),
            format!("{:.2}", of.worst_second),
        ];
        if sessions {
            row.push(of.kept.map_or_else(String::new, percent));
        }
        figures.rows.push(row);
    }
    format!("{}\n{}", figures.write(), shares(scenario, runs).write())
}

/// Of each deployment, or of each class where there are too many.
fn shares(scenario: &Scenario, runs: &[(Choice, Figures)]) -> Table {
    let mut table = Table::new(&["share of the calls, %"]);
    let each = scenario.each().count() <= MOST_COLUMNS;
    if each {
        table
            .head
            .extend(scenario.each().map(|class| class.name.clone()));
    } else {
        let head = scenario.deployments.iter().flat_map(|class| {
            ["least", "median", "most"].map(|word| format!("{}, {word}", class.name))
        });
        table.head.extend(head);
        table.head.push("fair".into());
    }
    for (choice, figures) in runs {
        let mut row = vec![choice.name().to_owned()];
        let shares = figures.shares.iter().map(|share| share * 100.0);
        if each {
            row.extend(shares.map(|share| format!("{share:.1}")));
        } else {
            let mut shares = shares;
            for class in &scenario.deployments {
                let mut of_class: Vec<_> = shares.by_ref().take(class.count).collect();
                of_class.sort_by(f64::total_cmp);
                let of_class = [0, of_class.len() / 2, of_class.len() - 1].map(|at| of_class[at]);
                row.extend(of_class.map(|share| format!("{share:.3}")));
            }
            let fair = scenario.fair_shares(0.0);
            row.push(
                fair.first()
                    .map_or_else(String::new, |fair| format!("{:.3}", fair * 100.0)),
            );
        }
        table.rows.push(row);
    }
    table
}

fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}
