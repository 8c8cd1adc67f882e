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
