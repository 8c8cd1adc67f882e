//! How long to wait, where an answer says so.

use super::*;
use proptest::prelude::*;

#[test]
fn each_form_is_read() {
    for (text, wait) in [
        // seconds
        ("7", 7000),
        (" 7 ", 7000),
        ("+7", 7000),
        ("0.25", 250),
        (".5", 500),
        ("33.011", 33_011),
        ("1,200", 1_200_000),
        ("1,234,567.5", 1_234_567_500),
        // Go durations
        ("1s", 1000),
        ("6m0s", 360_000),
        ("120ms", 120),
        ("577.5ms", 577),
        ("2m59.56s", 179_560),
        ("1h2m3.5s", 3_723_500),
        ("2500us", 2),
        ("2500\u{b5}s", 2),
        ("2500\u{3bc}s", 2),
        ("5000000ns", 5),
        ("1d2h", 93_600_000),
        ("1h 30m", 5_400_000),
        // protobuf durations
        ("22s", 22_000),
        ("45.837906927s", 45_837),
        ("373.8ms", 373),
        // written out
        ("9 seconds", 9000),
        ("1 minute", 60_000),
        // times
        ("2025-03-07T00:00:00Z", 30_000),
        ("2025-03-07T00:00:00.250Z", 30_250),
        ("2025-03-07t01:00:00+01:00", 30_000),
        ("2025-03-06 18:30:00-05:30", 30_000),
        ("Fri, 07 Mar 2025 00:00:00 GMT", 30_000),
        ("Friday, 07-Mar-25 00:00:00 GMT", 30_000),
        ("Fri Mar  7 00:00:00 2025", 30_000),
        // epochs
        ("1741305600", 30_000),
        ("1741305600.9", 30_000),
        ("1741305600000", 30_000),
    ] {
        assert_eq!(parse(text), Some(wait), "{text}");
    }
}

#[test]
fn zero_negative_past_and_junk_mean_unknown() {
    for text in [
        "",
        " ",
        "0",
        "0.0",
        "0s",
        "0m0s",
        "-1",
        "-7s",
        "- 1",
        "+",
        ".",
        "NaN",
        "inf",
        "1e3",
        "1e300",
        "0x10",
        "soon",
        "s",
        "7 parsecs",
        "7s later",
        "1,5",
        "12,34",
        "1234,567",
        "1,2345",
        "7,",
        "120, 60",
        "1.2.3",
        "99999999999999999999",
        "99999999999999999999d",
        "18446744073709551615d",
        "Thu, 06 Mar 2025 23:59:30 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "2025-03-06T23:59:30Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00Zulu",
        "1741305570",
        "1741305570000",
        "1000000000",
        "100000000000000",
        "18446744073709551615",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn what_asks_to_wait_goes_by_order_and_junk_hides_nothing() {
    assert_eq!(hint(&[]), None);
    assert_eq!(hint(&[("retry-after-ms", "120.5")]), Some(120));
    assert_eq!(
        hint(&[("retry-after", "9"), ("retry-after-ms", "100")]),
        Some(100)
    );
    assert_eq!(
        hint(&[("retry-after", "9"), ("x-ms-retry-after-ms", "100")]),
        Some(100)
    );
    assert_eq!(
        hint(&[("retry-after", "3"), ("retry-after-ms", "soon")]),
        Some(3000)
    );
    assert_eq!(
        hint(&[
            ("retry-after", "3"),
            ("retry-after-ms", "0"),
            ("x-ms-retry-after-ms", "-1")
        ]),
        Some(3000)
    );
}

#[test]
fn a_time_counts_from_the_answers_own_date() {
    assert_eq!(
        hint(&[DATE, ("retry-after", "Fri, 07 Mar 2025 00:00:00 GMT")]),
        Some(30_000)
    );
    // By our own clock that is long past.
    assert_eq!(
        hint(&[("retry-after", "Fri, 07 Mar 2025 00:00:00 GMT")]),
        None
    );
}

#[test]
fn no_wait_is_longer_than_the_longest_believed() {
    let headers = map(&[("retry-after", "1e9"), ("retry-after-ms", "86400000")]);
    let read = |reader: HintReader| reader.read(&headers).unwrap().wait();
    assert_eq!(read(HintReader::new()), Hint::LONGEST);
    let minute = Duration::from_secs(60);
    assert_eq!(read(HintReader::new().longest(minute)), minute);
    assert_eq!(
        HintReader::new().longest(minute).some_day(),
        Hint::long(minute)
    );
}

#[test]
fn prose_is_read_where_it_says_when_to_come_back() {
    let prose = |text| Hint::of_prose(text).map(|hint| millis(hint.wait()));
    for (text, wait) in [
        (
            "Rate limit reached for gpt-4o. Limit 3, Used 3, Requested 1. Please try again in 20s. Visit …",
            20_000,
        ),
        (
            "… on tokens per day (TPD): Limit 100000. Please try again in 9m38.016s. Need more?",
            578_016,
        ),
        ("Please try again in 120ms.", 120),
        ("Please retry after 9 seconds. Please go here: …", 9000),
        ("PLEASE RETRY AFTER 1 SECOND.", 1000),
        ("Please retry in 45.837906927s.", 45_837),
        ("Rate limit is exceeded. Try again in 12 seconds.", 12_000),
        ("Please wait 26 seconds before retrying.", 26_000),
        ("Please try again in a while, or retry after 3s", 3000),
    ] {
        assert_eq!(prose(text), Some(wait), "{text}");
    }
    for text in [
        "",
        "Please try again later.",
        "try again in 5",
        "retry after 0 seconds",
        "try again in ",
    ] {
        assert_eq!(prose(text), None, "{text}");
    }
}

#[test]
fn x_should_retry_is_true_false_or_not_said() {
    for (value, said) in [
        ("true", Some(true)),
        ("false", Some(false)),
        ("maybe", None),
        ("", None),
    ] {
        assert_eq!(should_retry(&map(&[("x-should-retry", value)])), said);
    }
    assert_eq!(should_retry(&HeaderMap::new()), None);
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(text in "\\PC{0,40}", numeric in "[-+0-9.,:TZhmsuµ /e]{0,30}") {
        for text in [&text, &numeric] {
            let _ = (parse(text), Hint::of_prose(&format!("retry after {text}")));
            let _ = hint(&[("retry-after", text), ("retry-after-ms", text), ("date", text)]);
        }
    }

    #[test]
    fn a_go_duration_is_the_sum_of_its_terms(h in 0_u64..100, m in 0_u64..60, s in 0_u64..60, ms in 0_u64..1000) {
        let wait = ((h * 60 + m) * 60 + s) * 1000 + ms;
        let said = (wait > 0).then_some(wait);
        prop_assert_eq!(parse(&format!("{h}h{m}m{s}.{ms:03}s")), said);
        prop_assert_eq!(parse(&format!("{h}h{m}m{s}s{ms}ms")), said);
        prop_assert_eq!(parse(&format!("{}.{ms:03}", wait / 1000)), said);
    }

    #[test]
    fn a_moment_is_the_same_in_each_form(after in 1_u64..3_000_000_000) {
        let then = SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(after);
        let date = httpdate::fmt_http_date(then);
        prop_assert_eq!(parse(&date), Some(after * 1000));
        let epoch = (NOW.as_secs() + after) * 1000;
        prop_assert_eq!(parse(&epoch.to_string()), Some(after * 1000));

        // "Sun, 06 Nov 1994 08:49:37 GMT", taken apart.
        let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
        let month = months.find(&date[8..11]).unwrap() / 3 + 1;
        let rfc3339 = format!("{}-{month:02}-{}T{}Z", &date[12..16], &date[5..7], &date[17..25]);
        prop_assert_eq!(parse(&rfc3339), Some(after * 1000));
    }

    #[test]
    fn what_is_read_is_positive_and_believed(value in "[0-9]{1,25}[a-z]{0,2}", longest in 1_u64..10_000) {
        let reader = HintReader::new().longest(Duration::from_secs(longest));
        if let Some(hint) = reader.read(&map(&[("retry-after", &value)])) {
            prop_assert!(!hint.wait().is_zero() && hint.wait() <= Duration::from_secs(longest));
        }
    }
}
