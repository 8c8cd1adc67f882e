use super::{Bare, number::Number};
use std::time::{Duration, SystemTime};

/// From here on a number of seconds is an epoch (September 2001), not a wait of thirty years.
const EPOCH_SECONDS: u64 = 1_000_000_000;
/// From here on it is one of milliseconds (March 1973; as seconds, the year 5138).
const EPOCH_MILLISECONDS: u64 = 100_000_000_000;
/// From here on it is nothing (as milliseconds, the year 5138 again).
const NO_EPOCH: u64 = 100_000_000_000_000;

/// True if a bare number is too large to be a wait.
pub(super) const fn is_epoch(number: Number, bare: Bare) -> bool {
    number.whole()
        >= match bare {
            Bare::Seconds => EPOCH_SECONDS,
            Bare::Milliseconds => EPOCH_MILLISECONDS,
        }
}

/// The moment that such a number stands for.
pub(super) fn of_epoch(number: Number) -> Option<SystemTime> {
    let whole = number.whole();
    let since = match whole {
        ..EPOCH_MILLISECONDS => Duration::from_secs(whole),
        EPOCH_MILLISECONDS..NO_EPOCH => Duration::from_millis(whole),
        NO_EPOCH.. => return None,
    };
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// The moment that `text` writes as an HTTP date or by RFC 3339.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text)
        .ok()
        .or_else(|| rfc3339(text.as_bytes()))
}

/// `2026-03-01T12:00:30.25+01:00`; RFC 3339, 5.6, allows a space or a small `t` and `z` as well.
fn rfc3339(text: &[u8]) -> Option<SystemTime> {
    let number = |from: usize, to: usize, most: u64| {
        let digits = text.get(from..to)?;
        let whole = digits.iter().all(u8::is_ascii_digit);
        let value = digits
            .iter()
            .fold(0, |sum, b| sum * 10 + u64::from(b & 0xf));
        (whole && value <= most).then_some(value)
    };
    let is = |at: usize, any_of: &[u8]| text.get(at).is_some_and(|b| any_of.contains(b));

    let separated = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    if !separated {
        return None;
    }
    let day = days(number(0, 4, 9999)?, number(5, 7, 12)?, number(8, 10, 31)?)?;
    // A leap second is written 60.
    let (hours, minutes, seconds) = (
        number(11, 13, 23)?,
        number(14, 16, 59)?,
        number(17, 19, 60)?,
    );

    let mut at = 19;
    let mut nanos = 0;
    if is(at, b".") {
        let fraction = text.get(at + 1..)?;
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        let places = fraction[..length]
            .iter()
            .copied()
            .chain(std::iter::repeat(b'0'));
        nanos = places
            .take(9)
            .fold(0, |sum, b| sum * 10 + u32::from(b & 0xf));
        at += 1 + length;
    }
    let local = Duration::new(day * 86_400 + hours * 3600 + minutes * 60 + seconds, nanos);
    let local = SystemTime::UNIX_EPOCH.checked_add(local)?;
    if is(at, b"Zz") && text.len() == at + 1 {
        return Some(local);
    }
    if !(is(at, b"+-") && is(at + 3, b":") && text.len() == at + 6) {
        return None;
    }
    let offset = number(at + 1, at + 3, 23)? * 3600 + number(at + 4, at + 6, 59)? * 60;
    let offset = Duration::from_secs(offset);
    if is(at, b"+") {
        local.checked_sub(offset)
    } else {
        local.checked_add(offset)
    }
}

/// Days since 1970, by the Gregorian calendar; `None` for dates before and days that a month does not have.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const IN_MONTH: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let leap_day = u64::from(is_leap && month == 2);
    if year < 1970 || day == 0 || day > IN_MONTH.get(index)? + leap_day {
        return None;
    }
    // The leap years among the years 1 to `last`.
    let leaps = |last: u64| last / 4 - last / 100 + last / 400;
    let before_year = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    let leap_passed = u64::from(is_leap && month > 2);
    Some(before_year + BEFORE_MONTH.get(index)? + leap_passed + day - 1)
}
