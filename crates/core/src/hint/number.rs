use std::time::Duration;

const BILLION: u128 = 1_000_000_000;

/// A decimal number, exactly as it was written but for digits past the ninth behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    whole: u64,
    billionths: u32,
}

/// The number that `text` begins with, and the rest: digits, perhaps with commas between groups of three,
/// perhaps with a fraction. A sign or an exponent is not part of it.
pub(super) fn leading(text: &str) -> Option<(Number, &str)> {
    let (first, mut rest) = digits(text);
    let mut whole = if first.is_empty() {
        0
    } else {
        first.parse().ok()?
    };
    if (1..=3).contains(&first.len()) {
        while let Some((group @ [_, _, _], after)) = rest
            .strip_prefix(',')
            .map(digits)
            .map(|(group, after)| (group.as_bytes(), after))
        {
            let group = group
                .iter()
                .fold(0, |sum, b| sum * 10 + u64::from(b - b'0'));
            whole = u64::checked_mul(whole, 1000)?.checked_add(group)?;
            rest = after;
        }
    }

    let (fraction, after) = rest.strip_prefix('.').map_or(("", rest), digits);
    let mut billionths = 0;
    if fraction.is_empty() {
        if first.is_empty() {
            return None;
        }
    } else {
        let places = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        billionths = places.fold(0, |sum, b| sum * 10 + u32::from(b - b'0'));
        rest = after;
    }
    Some((Number { whole, billionths }, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

// ===== impl Number =====

impl Number {
    pub(super) const fn whole(self) -> u64 {
        self.whole
    }

    pub(super) const fn is_zero(self) -> bool {
        self.whole == 0 && self.billionths == 0
    }

    /// So many units of so many nanoseconds; `None` if that is more than a [`Duration`] holds.
    pub(super) fn times(self, unit: u64) -> Option<Duration> {
        let unit = u128::from(unit);
        // At most 2^64 * 2^47, the nanoseconds of a day, and as much again: no overflow.
        let nanos = u128::from(self.whole) * unit + u128::from(self.billionths) * unit / BILLION;
        let seconds = u64::try_from(nanos / BILLION).ok()?;
        let subsecond = u32::try_from(nanos % BILLION).ok()?;
        Some(Duration::new(seconds, subsecond))
    }
}
