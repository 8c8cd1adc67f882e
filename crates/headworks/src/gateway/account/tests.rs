use super::*;
use headworks_core::Reason;
use headworks_core::{Hint, Why};
use tokio::time::advance;

const WHY: Why = Why::new("test");

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map_or_else(String::new, |value| {
        value.to_str().expect("ASCII").to_owned()
    })
}

fn tried(ledger: &Attempts, id: &str, outcome: Outcome) {
    let number = ledger.begin(&"g".into(), &id.into(), WHY, 0);
    ledger.end(number, outcome.into());
}

fn advised(verdict: Verdict, said: &[(&'static str, &'static str)]) -> (String, String) {
    let mut headers: HeaderMap = said
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    Advice::after(verdict).write(&mut headers);
    (
        header(&headers, "x-should-retry"),
        header(&headers, "retry-after"),
    )
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_with_its_outcome_and_its_time() {
    let ledger = Attempts::new(1);
    let first = ledger.begin(&"g".into(), &"a".into(), WHY, 1);
    advance(Duration::from_millis(120)).await;
    ledger.end(first, Outcome::RateLimited.into());
    advance(Duration::from_millis(5)).await;
    let _answers = ledger.begin(&"g".into(), &"b/2".into(), WHY, 0);
    advance(Duration::from_millis(840)).await;
    let mut headers = HeaderMap::new();
    attempts(&mut headers, &ledger);
    assert_eq!(
        header(&headers, "x-headworks-attempts"),
        "a=rate_limited;120ms, b/2=success;840ms"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_of_nothing_and_no_more_than_sixteen_of_many() {
    let mut headers = HeaderMap::new();
    attempts(&mut headers, &Attempts::new(0));
    assert!(headers.is_empty());
    let ledger = Attempts::new(0);
    // More than the ledger itself records.
    (0..100).for_each(|_| tried(&ledger, "a", Outcome::Capacity));
    attempts(&mut headers, &ledger);
    let told = header(&headers, "x-headworks-attempts");
    assert_eq!(told.matches("a=capacity;0ms").count(), MOST);
    assert!(told.ends_with(", +84"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_id_is_a_token_of_bounded_length() {
    for (id, written) in [
        ("gpt-4o@eu.1:a/b~", "gpt-4o@eu.1:a/b~"),
        ("a, b=c;\"d\"\r\n", "a%2C%20b%3Dc%3B%22d%22%0D%0A"),
        ("münchen", "m%C3%BCnchen"),
    ] {
        assert_eq!(Token(&id.into()).to_string(), written);
    }
    let long = "é".repeat(1000);
    let written = Token(&long.as_str().into()).to_string();
    assert_eq!(written, "%C3%A9".repeat(10) + "%C3");
    let ledger = Attempts::new(0);
    (0..100).for_each(|_| tried(&ledger, &long, Outcome::ContentRefused));
    let mut headers = HeaderMap::new();
    attempts(&mut headers, &ledger);
    assert!(header(&headers, "x-headworks-attempts").len() < 2048);
}

#[test]
fn a_refusal_tells_each_candidates_reason() {
    let resting = Reason::Resting(Duration::from_millis(11_200));
    let refusal = |candidates| Refusal::new("g".into(), candidates);
    let mut headers = HeaderMap::new();
    refused(
        &mut headers,
        &refusal(vec![
            ("a".into(), resting),
            ("b".into(), Reason::Full),
            ("c".into(), Reason::Tags),
        ]),
    );
    assert_eq!(
        header(&headers, "x-headworks-refused"),
        "a=resting;12s, b=full, c=with_other_tags"
    );
    refused(
        &mut headers,
        &refusal(vec![("a".into(), Reason::Full); 1000]),
    );
    let told = header(&headers, "x-headworks-refused");
    assert_eq!(told.matches("a=full").count(), MOST);
    assert!(told.ends_with(", +984"), "{told}");
}

#[test]
fn what_would_end_the_same_way_is_not_to_be_tried_again() {
    for outcome in [
        Outcome::CallerFault,
        Outcome::Auth,
        Outcome::ContextTooLong,
        Outcome::ContentRefused,
        Outcome::Misconfigured,
        Outcome::Unsuitable,
    ] {
        // Whatever the provider says: it does not know that its key is the gateway's.
        let said = [("x-should-retry", "true")];
        let (should_retry, retry_after) = advised(outcome.into(), &said);
        assert_eq!(should_retry, "false", "{outcome:?}");
        assert_eq!(retry_after, "");
    }
}

#[test]
fn a_known_wait_is_told_in_whole_seconds() {
    let failed = |outcome, hint| Verdict {
        outcome,
        hint: Some(hint),
    };
    let seconds = |seconds| Hint::after(Duration::from_secs_f64(seconds));
    for (hint, said, should_retry, retry_after) in [
        (seconds(7.0), None, "", "7"),
        (seconds(1.01), None, "", "2"),
        (seconds(60.0), None, "", "60"),
        // Longer than an SDK waits: it would come back at once.
        (seconds(60.5), None, "false", "61"),
        (Hint::long(Duration::from_secs(3600)), None, "false", "3600"),
        // Already so.
        (seconds(7.0), Some("7"), "", "7"),
        // A date or a fraction, which a client may not read.
        (seconds(0.25), Some("0.25"), "", "1"),
        (seconds(7.0), Some("Sun, 06 Nov 1994 08:50:07 GMT"), "", "7"),
    ] {
        let said: Vec<_> = said.map(|said| ("retry-after", said)).into_iter().collect();
        for outcome in [
            Outcome::RateLimited,
            Outcome::Capacity,
            Outcome::ServerFault,
        ] {
            let told = advised(failed(outcome, hint), &said);
            assert_eq!(
                (&*told.0, &*told.1),
                (should_retry, retry_after),
                "{hint:?}"
            );
        }
    }
}

#[test]
fn where_nothing_is_known_the_provider_has_the_word() {
    for outcome in [Outcome::Success, Outcome::Capacity, Outcome::Timeout] {
        let said = [("x-should-retry", "false"), ("retry-after", "soon")];
        let told = advised(outcome.into(), &said);
        assert_eq!((&*told.0, &*told.1), ("false", "soon"));
        assert_eq!(advised(outcome.into(), &[]), (String::new(), String::new()));
    }
}
