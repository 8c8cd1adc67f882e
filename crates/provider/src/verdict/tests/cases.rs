//! What each provider sends, and what it means. A row is an answer; its source is beside the rule it is for,
//! or named here.

use crate::{Provider, verdict::Rules};
use headworks_core::{Hint, Outcome, Outcome::*, Verdict};
use http::{HeaderMap, HeaderName, StatusCode};
use proptest::prelude::*;
use std::time::Duration;

mod deployments;
mod quotas;
mod requests;
mod streams;

#[derive(Clone, Copy)]
enum When {
    /// Nothing is said.
    Unsaid,
    /// After so many milliseconds.
    In(u64),
    /// After so many microseconds.
    Micros(u64),
    /// After so many milliseconds, and it is a quota of a day or money.
    Long(u64),
    /// Some day.
    SomeDay,
}
use When::{In, Long, Micros, SomeDay, Unsaid};

type Headers = &'static [(&'static str, &'static str)];
type Row = (&'static str, u16, Headers, &'static str, Outcome, When);

const NONE: Headers = &[];
const DATE: (&str, &str) = ("date", "Thu, 06 Mar 2025 23:59:30 GMT");

fn rules(provider: &str) -> Rules {
    Rules::of(Provider::find(provider).unwrap())
}

fn headers(headers: Headers) -> HeaderMap {
    let headers = headers.iter();
    headers
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn verdict(outcome: Outcome, when: When) -> Verdict {
    let hint = match when {
        Unsaid => None,
        In(ms) => Some(Hint::after(Duration::from_millis(ms))),
        Micros(us) => Some(Hint::after(Duration::from_micros(us))),
        Long(ms) => Some(Hint::long(Duration::from_millis(ms))),
        SomeDay => Some(Hint::long(Hint::LONGEST)),
    };
    Verdict { outcome, hint }
}

fn check(rows: &[Row]) {
    for (provider, status, sent, body, outcome, when) in rows {
        let status = StatusCode::from_u16(*status).unwrap();
        let judged = rules(provider).of_answer(status, &headers(sent), body.as_bytes());
        assert_eq!(
            judged,
            verdict(*outcome, *when),
            "{provider} {status} {body}"
        );
    }
}

#[test]
fn the_longest_hint_is_a_setting_and_success_is_never_judged() {
    let minute = Duration::from_secs(60);
    let rules = rules("openai").longest_hint(minute);
    let judge = |status, body: &str| {
        let headers = headers(&[("retry-after", "86400")]);
        rules.of_answer(status, &headers, body.as_bytes())
    };
    let limited = judge(StatusCode::TOO_MANY_REQUESTS, "");
    assert_eq!(limited.hint, Some(Hint::after(minute)));
    let spent = judge(StatusCode::PAYMENT_REQUIRED, "");
    assert_eq!(spent.hint, Some(Hint::long(minute)));
    let error = r#"{"error":{"code":"context_length_exceeded"}}"#;
    assert_eq!(judge(StatusCode::OK, error), Success.into());
}

proptest! {
    #[test]
    fn whatever_is_sent_there_is_a_verdict(
        status in 400_u16..=599,
        body in prop::collection::vec(any::<u8>(), 0..200),
        message in "\\PC{0,60}",
        code in prop_oneof!["[a-z_]{0,20}", Just("429".to_owned()), Just("content_filter".to_owned())],
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let rules = rules("openai");
        let error = serde_json::json!({"error": {"message": message, "code": code, "details": [{"retryDelay": message}]}});
        for body in [body, error.to_string().into_bytes()] {
            let verdict = rules.of_answer(status, &HeaderMap::new(), &body);
            prop_assert!(verdict.outcome != Success);
            let event = rules.of_event(None, &HeaderMap::new(), &body);
            prop_assert!(event.outcome != Success);
            prop_assert!(event.hint.is_none_or(|hint| hint.wait() <= Hint::LONGEST));
        }
    }

    #[test]
    fn a_body_that_is_cut_anywhere_still_has_its_status(cut in 0_usize..120) {
        let body = r#"{"error":{"message":"Rate limit reached for requests","type":"requests","code":"rate_limit_exceeded"}}"#;
        let body = &body.as_bytes()[..cut.min(body.len())];
        let verdict = rules("openai").of_answer(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body);
        prop_assert_eq!(verdict.outcome, RateLimited);
    }
}
