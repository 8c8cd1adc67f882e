//! What is left of a quota.

use super::*;
use proptest::prelude::*;

fn left(reader: HintReader, headers: &[(&'static str, &str)]) -> Vec<Left> {
    reader.left(&map(headers)).collect()
}

#[test]
fn what_is_left_is_known_if_it_is_a_number_and_none_only_of_a_limit() {
    for (limit, remaining, reset, expected) in [
        (
            "30,000",
            "7500",
            "45s",
            Some((7500, Some(30_000), Some(45_000))),
        ),
        ("30000", "7500.5", "", Some((7500, Some(30_000), None))),
        ("30000", "0", "6m0s", Some((0, Some(30_000), Some(360_000)))),
        ("100", "250", "0s", Some((250, Some(100), None))),
        ("-1", "12", "junk", Some((12, None, None))),
        ("0", "12", "1", Some((12, None, Some(1000)))),
        ("", "12", "-1", Some((12, None, None))),
        ("0", "0", "1s", None),
        ("-1", "0", "1s", None),
        ("none", "0", "1s", None),
        ("30000", "-1", "1s", None),
        ("30000", "many", "1s", None),
        ("30000", "1 000", "1s", None),
        ("30000", "", "1s", None),
        ("30000", "99999999999999999999999", "1s", None),
    ] {
        let headers = [
            ("x-ratelimit-limit-tokens", limit),
            ("x-ratelimit-remaining-tokens", remaining),
            ("x-ratelimit-reset-tokens", reset),
        ];
        let left = left(HintReader::new(), &headers);
        let told = left.first().map(|left| {
            assert_eq!((left.of, left.period), (LeftOf::Tokens, LeftIn::Minute));
            (left.remaining, left.limit, left.reset.map(millis))
        });
        assert_eq!(told, expected, "{limit} {remaining} {reset}");
    }
    assert_eq!(left(HintReader::new(), &[DATE]), []);
}

#[test]
fn one_header_that_is_junk_hides_no_other() {
    let headers = [
        ("x-ratelimit-remaining-requests", "soon"),
        ("x-ratelimit-remaining-tokens", "5"),
        ("x-ratelimit-remaining-project-tokens", "4"),
        ("anthropic-ratelimit-input-tokens-remaining", "3"),
    ];
    let left = left(HintReader::new(), &headers);
    let told: Vec<_> = left.iter().map(|left| left.remaining).collect();
    assert_eq!(told, [5, 4, 3]);
}

#[test]
fn how_much_is_left_and_for_how_long_is_known_as_far_as_it_is_told() {
    let headers = [
        ("x-ratelimit-limit-requests-day", "1440000"),
        ("x-ratelimit-remaining-requests-day", "720000"),
        ("x-ratelimit-remaining-tokens-minute", "50"),
        ("x-ratelimit-limit-tokens-hour", "10"),
        ("x-ratelimit-remaining-tokens-hour", "20"),
        ("x-ratelimit-reset-tokens-hour", "7.5"),
    ];
    let told: Vec<_> = left(HintReader::new(), &headers)
        .iter()
        .map(|left| (left.share(), left.full_in().as_secs_f64()))
        .collect();
    assert_eq!(
        told,
        [(Some(0.5), 86_400.0), (None, 60.0), (Some(1.0), 7.5)]
    );
}

#[test]
fn a_quota_without_a_unit_says_nothing_unless_its_unit_is_known() {
    let headers = |reset| {
        [
            DATE,
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "7"),
            ("x-ratelimit-reset", reset),
        ]
    };
    assert_eq!(left(HintReader::new(), &headers("1741305571000")), []);
    let reader = HintReader::new().unlabelled_requests();
    for (reset, period) in [
        ("1741305571000", Some(LeftIn::Minute)),
        ("1741305630000", Some(LeftIn::Minute)),
        ("1741305631000", Some(LeftIn::Day)),
        ("", None),
    ] {
        let left = left(reader, &headers(reset));
        let told = left.first().map(|left| {
            assert_eq!((left.of, left.remaining), (LeftOf::Requests, 7));
            left.period
        });
        assert_eq!(told, period, "{reset}");
    }
}

proptest! {
    #[test]
    fn what_is_left_is_a_part_of_the_whole(limit in "[ -~]{0,12}", remaining in "[ -~]{0,12}", reset in "[ -~]{0,12}") {
        let headers = [
            ("x-ratelimit-limit-tokens", limit.as_str()),
            ("x-ratelimit-remaining-tokens", &remaining),
            ("x-ratelimit-reset-tokens", &reset),
        ];
        for left in left(HintReader::new(), &headers) {
            prop_assert!(left.limit != Some(0) && (left.remaining > 0 || left.limit.is_some()));
            prop_assert!(left.share().is_none_or(|share| (0.0..=1.0).contains(&share)));
        }
    }
}
