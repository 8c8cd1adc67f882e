//! The text of a file, as far as it may be shown.
//!
//! A message that shows a line must not show a key that stands on it. What is shown is therefore chosen, not
//! what is hidden: keys, and the values of settings known to hold no secret. Comments are cut.

use crate::{keys, location::Mark};
use std::{collections::HashMap, sync::Arc};

/// A line is cut here: nobody reads further, and a log has bounds.
const WIDTH: usize = 160;

const REDACTED: &str = "[redacted]";

pub(crate) struct Source {
    name: Arc<str>,
    lines: Vec<String>,
    spans: HashMap<usize, Vec<Span>>,
    /// False for a file that is not YAML: nothing is known about what its lines hold.
    understood: bool,
}

/// A scalar on one line.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
    shown: bool,
}

/// One line as a message shows it, with the place and width of the caret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

// ===== impl Source =====

impl Source {
    /// `scalars` are all keys and values of the file, each with whether it may be shown; `None` if the file
    /// could not be parsed.
    pub(crate) fn new(name: Arc<str>, text: &str, scalars: Option<Vec<(Mark, bool)>>) -> Self {
        let understood = scalars.is_some();
        let mut spans = HashMap::<usize, Vec<Span>>::new();
        for (mark, shown) in scalars.unwrap_or_default() {
            for line in mark.line..=mark.end_line {
                let start = if line == mark.line { mark.column } else { 0 };
                let end = if line == mark.end_line {
                    mark.end_column
                } else {
                    usize::MAX
                };
                if start < end {
                    let line = spans.entry(line).or_default();
                    line.push(Span { start, end, shown });
                }
            }
        }
        for line in spans.values_mut() {
            line.sort_by_key(|span| span.start);
        }
        Self {
            name,
            lines: lines(text).map(str::to_owned).collect(),
            spans,
            understood,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The line of `mark` without what must not be seen, or `None` if nothing of it may be.
    pub(crate) fn excerpt(&self, mark: Mark) -> Option<Excerpt> {
        let line: Vec<char> = self.lines.get(mark.line)?.chars().collect();
        let (text, columns) = if self.understood {
            self.redact(mark.line, &line)
        } else {
            outline(&line)
        };
        let at = |column: usize| columns[column.min(columns.len() - 1)];
        let end = if mark.end_line == mark.line {
            mark.end_column
        } else {
            usize::MAX
        };
        let column = at(mark.column);
        if text.is_empty() || column > WIDTH {
            return None;
        }
        let width = at(end).saturating_sub(column).max(1);
        let cut = text.chars().count() > WIDTH;
        let mut text: String = text.chars().take(WIDTH).collect();
        if cut {
            text.push('…');
        }
        Some(Excerpt {
            width: width.min(WIDTH + 1 - column),
            text,
            column,
        })
    }

    /// The line as it may be shown, and for each of its columns the column where it is shown.
    fn redact(&self, number: usize, line: &[char]) -> (String, Vec<usize>) {
        let spans = self.spans.get(&number).map_or(&[][..], Vec::as_slice);
        let mut spans = spans.iter().peekable();
        let mut text = String::new();
        let mut shown = 0;
        let mut columns = Vec::with_capacity(line.len() + 1);
        let mut column = 0;
        while column < line.len() {
            while spans.next_if(|span| span.end <= column).is_some() {}
            if let Some(span) = spans.next_if(|span| span.start <= column) {
                let end = span.end.min(line.len());
                if span.shown {
                    for &character in &line[column..end] {
                        columns.push(shown);
                        text.push(printable(character));
                        shown += 1;
                    }
                } else {
                    columns.extend(std::iter::repeat_n(shown, end - column));
                    text.push_str(REDACTED);
                    shown += REDACTED.len();
                }
                column = end;
                continue;
            }
            if line[column] == '#' && (column == 0 || line[column - 1].is_whitespace()) {
                break;
            }
            columns.push(shown);
            text.push(structural(line[column]));
            shown += 1;
            column += 1;
        }
        text.truncate(text.trim_end().len());
        columns.push(text.chars().count());
        (text, columns)
    }
}

/// The outline of a line of which nothing is known: indentation, punctuation that means something in YAML,
/// and known keys. All else is dots, since any of it may be a key.
fn outline(line: &[char]) -> (String, Vec<usize>) {
    let word = |character: &char| character.is_alphanumeric() || matches!(character, '_' | '-');
    let mut text = String::new();
    let mut column = 0;
    while let Some(&character) = line.get(column) {
        let rest = &line[column..];
        let length = rest.iter().take_while(|character| word(character)).count();
        let name: String = rest[..length].iter().collect();
        let next = rest.get(length);
        if length > 0 && next == Some(&':') && keys::is_known(&name) {
            text.push_str(&name);
        } else if name == "-" && next.is_none_or(|next| next.is_whitespace()) {
            text.push('-');
        } else if length > 0 {
            text.extend(std::iter::repeat_n('·', length));
        } else if character == '#' {
            break;
        } else {
            text.push(structural(character));
        }
        column += length.max(1);
    }
    text.truncate(text.trim_end().len());
    let width = text.chars().count();
    (text, (0..=width).collect())
}

/// What stands between keys and values: shown if it means something in YAML, else a dot. It may be the name
/// of an anchor, or a value that another one replaced.
fn structural(character: char) -> char {
    if character.is_whitespace() || ":{}[],'\"&*!|<>%@`?-".contains(character) {
        printable(character)
    } else {
        '·'
    }
}

/// Splits where YAML breaks lines: LF, CR LF, CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    })
}

/// One column wide, and harmless on a terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(line: usize, column: usize, end_column: usize) -> Mark {
        Mark {
            file: 0,
            line,
            column,
            end_line: line,
            end_column,
        }
    }

    fn source(text: &str, scalars: &[(Mark, bool)]) -> Source {
        Source::new("f".into(), text, Some(scalars.to_vec()))
    }

    #[test]
    fn a_caret_behind_a_hidden_value_still_points_at_its_own() {
        let text = "{k: sk-canary, m: x} # sk-canary";
        let source = source(
            text,
            &[
                (mark(0, 1, 2), true),
                (mark(0, 4, 13), false),
                (mark(0, 15, 16), true),
                (mark(0, 18, 19), true),
            ],
        );
        let excerpt = source.excerpt(mark(0, 18, 19)).unwrap();
        assert_eq!(excerpt.text, "{k: [redacted], m: x}");
        assert_eq!(excerpt.text.find('x'), Some(excerpt.column));
        assert_eq!(excerpt.width, 1);
    }

    #[test]
    fn every_line_of_a_hidden_block_is_hidden() {
        let mut block = mark(1, 2, 0);
        block.end_line = 3;
        let source = source(
            "k: |\n  sk-\n  canary\nm: 1",
            &[(mark(0, 0, 1), true), (block, false)],
        );
        assert_eq!(source.excerpt(mark(2, 2, 5)).unwrap().text, "[redacted]");
    }

    #[test]
    fn of_a_file_that_is_not_yaml_only_the_outline_is_shown() {
        let source = Source::new("f".into(), "  - api_key: 'sk-canary: x # y", None);
        let excerpt = source.excerpt(mark(0, 13, 14)).unwrap();
        assert_eq!(excerpt.text, "  - api_key: '·········: ·");
        assert_eq!(excerpt.column, 13);
    }

    #[test]
    fn columns_count_characters_and_lines_break_as_in_yaml() {
        let source = source("a\rüü: x\r\nb", &[(mark(1, 0, 2), true)]);
        let excerpt = source.excerpt(mark(1, 4, 5)).unwrap();
        assert_eq!((excerpt.text.as_str(), excerpt.column), ("üü: ·", 4));
        assert_eq!(source.excerpt(mark(2, 0, 1)).unwrap().text, "·");
    }

    #[test]
    fn a_place_past_the_end_is_no_panic() {
        let source = source("a", &[]);
        assert_eq!(source.excerpt(mark(7, 3, 4)), None);
        assert_eq!(source.excerpt(mark(0, 9, 12)).unwrap().column, 1);
    }
}
