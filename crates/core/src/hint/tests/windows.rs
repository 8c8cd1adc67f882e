//! When a quota that is used up is back.

use super::*;

#[test]
fn a_quota_that_is_used_up_is_back_when_its_window_says() {
    for (headers, wait) in [
        (
            [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ],
            "1s",
        ),
        (
            [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ],
            "1",
        ),
        (
            [
                "x-ratelimit-limit-tokens-minute",
                "x-ratelimit-remaining-tokens-minute",
                "x-ratelimit-reset-tokens-minute",
            ],
            "1.0",
        ),
        (
            [
                "ratelimitbysize-limit",
                "ratelimitbysize-remaining",
                "ratelimitbysize-reset",
            ],
            "1",
        ),
        (
            [
                "x-ratelimit-limit",
                "x-ratelimit-remaining",
                "x-ratelimit-reset",
            ],
            "1741305571000",
        ),
        (
            [
                "anthropic-ratelimit-input-tokens-limit",
                "anthropic-ratelimit-input-tokens-remaining",
                "anthropic-ratelimit-input-tokens-reset",
            ],
            "2025-03-06T23:59:31Z",
        ),
    ] {
        let [limit, remaining, reset] = headers;
        let with = |left, most| hint(&[DATE, (limit, most), (remaining, left), (reset, wait)]);
        assert_eq!(with("0", "50,000"), Some(1000), "{remaining}");
        for left in ["1", "-1", "", "some"] {
            assert_eq!(with(left, "50,000"), None, "{remaining}: {left}");
        }
        for most in ["0", "-1", "", "none"] {
            assert_eq!(with("0", most), None, "{limit}: {most}");
        }
    }
}

#[test]
fn of_several_quotas_the_last_to_come_back_counts_and_retry_after_beats_them() {
    let mut headers = vec![
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "30000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(hint(&headers), Some(360_000));
    headers.push(("retry-after", "2"));
    assert_eq!(hint(&headers), Some(2000));
}

#[test]
fn a_window_of_a_day_is_long_where_the_provider_says_it_is_one() {
    let groq = map(&[
        ("x-ratelimit-limit-requests", "14400"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "2m59.56s"),
    ]);
    let wait = Duration::from_millis(179_560);
    assert_eq!(HintReader::new().read(&groq), Some(Hint::after(wait)));
    assert_eq!(
        HintReader::new().requests_per_day().read(&groq),
        Some(Hint::long(wait))
    );

    let cerebras = map(&[
        ("x-ratelimit-limit-requests-day", "1000"),
        ("x-ratelimit-remaining-requests-day", "0"),
    ]);
    assert_eq!(
        HintReader::new().read(&cerebras),
        Some(Hint::long(Hint::LONGEST))
    );

    let plan = |status| {
        map(&[
            DATE,
            ("anthropic-ratelimit-unified-status", status),
            ("anthropic-ratelimit-unified-reset", "1741305600"),
        ])
    };
    let long = Some(Hint::long(Duration::from_secs(30)));
    assert_eq!(Hint::of_headers(&plan("rejected")), long);
    assert_eq!(Hint::of_headers(&plan("allowed_warning")), None);
}
