//! Whatever a provider writes into its headers or its error, the hint is positive and believed, prose says no
//! more than the value in it, nothing is left of nothing, and there is a verdict.

#![no_main]

use headworks_core::{Hint, HintReader, Outcome};
use headworks_provider::{Provider, verdict::Rules};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, SystemTime};

const LONGEST: Duration = Duration::from_secs(60);

/// The line of the input goes to the header of the same place, the rest is the body.
const HEADERS: [&str; 13] = [
    "date",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "anthropic-ratelimit-unified-status",
    "anthropic-ratelimit-unified-reset",
    "x-amzn-errortype",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(HEADERS.len() + 1, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for (name, line) in HEADERS.iter().zip(&mut lines) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Ok(text) = str::from_utf8(line) {
            value(text);
        }
    }
    let body = lines.next().unwrap_or_default();

    let reader = HintReader::new().longest(LONGEST);
    for reader in [reader, reader.requests_per_day()] {
        let hint = reader.read(&headers);
        assert!(hint.is_none_or(believed), "{hint:?}");
    }
    for name in ["openai", "groq", "openrouter"] {
        let provider = Provider::find(name).expect("a row of the table");
        for left in provider.left(&headers) {
            assert!(left.limit != Some(0), "{left:?}");
            assert!(left.remaining > 0 || left.limit.is_some(), "{left:?}");
            assert!(left.reset != Some(Duration::ZERO), "{left:?}");
            let share = left.share();
            assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)), "{left:?}");
        }
    }
    for name in ["openai", "groq"] {
        let provider = Provider::find(name).expect("a row of the table");
        let rules = Rules::of(provider).longest_hint(LONGEST);
        for status in [400, 402, 404, 429, 500, 529] {
            let status = StatusCode::from_u16(status).expect("a status");
            let verdict = rules.of_answer(status, &headers, body);
            assert_ne!(verdict.outcome, Outcome::Success);
            assert!(verdict.hint.is_none_or(believed), "{verdict:?}");
        }
        assert_ne!(rules.of_event(None, &headers, body).outcome, Outcome::Success);
    }
});

fn believed(hint: Hint) -> bool {
    !hint.wait().is_zero() && hint.wait() <= LONGEST
}

fn value(text: &str) {
    let hint = Hint::parse(text, SystemTime::UNIX_EPOCH);
    assert!(hint.is_none_or(|hint| !hint.wait().is_zero()), "{hint:?}");
    let prose = Hint::of_prose(&format!("Please try again in {text}"));
    assert!(prose.is_none_or(|hint| !hint.wait().is_zero()), "{prose:?}");
}
