mod left;
mod waits;
mod windows;

use super::*;
use http::{HeaderName, HeaderValue};

/// 2025-03-06T23:59:30Z
const NOW: Duration = Duration::from_secs(1_741_305_570);
const DATE: (&str, &str) = ("date", "Thu, 06 Mar 2025 23:59:30 GMT");

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap()
}

fn parse(text: &str) -> Option<u64> {
    let hint = Hint::parse(text, SystemTime::UNIX_EPOCH + NOW)?;
    Some(millis(hint.wait()))
}

fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_static(name), value)
        })
        .collect()
}

fn hint(headers: &[(&'static str, &str)]) -> Option<u64> {
    Hint::of_headers(&map(headers)).map(|hint| millis(hint.wait()))
}
