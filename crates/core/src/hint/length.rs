use super::number;
use std::time::Duration;

pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Units in nanoseconds: Go's (`time.ParseDuration`), days, and what error messages write out. The two
/// spellings of `µs` are the micro sign (U+00B5) and the Greek letter (U+03BC); Go takes both.
const UNITS: [(&str, u64); 25] = [
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("m", MINUTE),
    ("h", HOUR),
    ("d", DAY),
    ("us", 1000),
    ("\u{b5}s", 1000),
    ("\u{3bc}s", 1000),
    ("ns", 1),
    ("second", SECOND),
    ("seconds", SECOND),
    ("sec", SECOND),
    ("secs", SECOND),
    ("minute", MINUTE),
    ("minutes", MINUTE),
    ("min", MINUTE),
    ("mins", MINUTE),
    ("hour", HOUR),
    ("hours", HOUR),
    ("hr", HOUR),
    ("hrs", HOUR),
    ("day", DAY),
    ("days", DAY),
    ("millisecond", MILLISECOND),
    ("milliseconds", MILLISECOND),
];

/// The length of time that `text` begins with, and the rest: numbers, each with its unit.
pub(super) fn leading(text: &str) -> Option<(Duration, &str)> {
    let (mut sum, mut rest) = term(text)?;
    while let Some((further, after)) = term(rest) {
        sum = sum.checked_add(further)?;
        rest = after;
    }
    Some((sum, rest))
}

/// One number with its unit.
fn term(text: &str) -> Option<(Duration, &str)> {
    let (number, rest) = number::leading(text.trim_start_matches(' '))?;
    let word = rest.trim_start_matches(' ');
    let end = word.find(|c: char| !c.is_alphabetic());
    let (word, rest) = word.split_at(end.unwrap_or(word.len()));
    let mut units = UNITS.iter();
    let (_, nanos) = units.find(|(name, _)| name.eq_ignore_ascii_case(word))?;
    Some((number.times(*nanos)?, rest))
}
