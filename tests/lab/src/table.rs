use crate::{Choice, Figures, Scenario};

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

/// A table whose first column is words and whose others are numbers.
#[derive(Clone, Debug)]
pub struct Table {
    /// The names of the columns.
    pub head: Vec<String>,
    /// As many words in each.
    pub rows: Vec<Vec<String>>,
}

// ===== impl Table =====

impl Table {
    /// One of these columns, without rows.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        }
    }

    /// As Markdown, in columns that stand under each other in a terminal too.
    #[must_use]
    pub fn write(&self) -> String {
        let lines = || [&self.head].into_iter().chain(&self.rows);
        let widths: Vec<_> = (0..self.head.len())
            .map(|column| {
                lines()
                    .map(|line| line[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                0 => format!("| {cell:<width$} |"),
                _ => format!(" {cell:>width$} |"),
            });
            cells.collect::<String>() + "\n"
        };
        let rule = widths
            .iter()
            .enumerate()
            .map(|(column, width)| match column {
                0 => format!("|{}|", "-".repeat(width + 2)),
                _ => format!("{}:|", "-".repeat(width + 1)),
            });
        let mut text = line(&self.head) + &rule.collect::<String>() + "\n";
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_numbers_to_the_right() {
        let mut table = Table::new(&["who", "how much"]);
        table.rows.push(vec!["somebody".into(), "1.0".into()]);
        assert_eq!(
            table.write(),
            "| who      | how much |\n|----------|---------:|\n| somebody |      1.0 |\n"
        );
    }
}
