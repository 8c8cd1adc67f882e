//! What each provider's headers say is left of its quotas.

use headworks_core::{
    Left,
    LeftIn::{Day, Minute, Month},
    LeftOf::{InputTokens, OutputTokens, Requests, Tokens},
};
use headworks_provider::Provider;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

type Headers = &'static [(&'static str, &'static str)];

fn map(headers: Headers) -> HeaderMap {
    let header = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    headers.iter().map(header).collect()
}

#[expect(clippy::expect_used, reason = "a helper of tests")]
fn told(provider: &str, headers: Headers) -> Vec<Left> {
    let provider = Provider::find(provider).expect("a row of the table");
    provider.left(&map(headers)).collect()
}

/// Unit, period, remaining, limit, milliseconds until it is whole.
macro_rules! told {
    ($provider:literal, $headers:expr) => {
        told($provider, $headers)
            .iter()
            .map(|left| {
                let reset = left.reset.map(|reset| reset.as_millis());
                (left.of, left.period, left.remaining, left.limit, reset)
            })
            .collect::<Vec<_>>()
    };
}

const USUAL: Headers = &[
    ("x-ratelimit-limit-requests", "14400"),
    ("x-ratelimit-remaining-requests", "14370"),
    ("x-ratelimit-reset-requests", "2m59.56s"),
    ("x-ratelimit-limit-tokens", "18000"),
    ("x-ratelimit-remaining-tokens", "17997"),
    ("x-ratelimit-reset-tokens", "7.66s"),
];

#[test]
fn openai_counts_by_the_minute_and_projects_apart() {
    assert_eq!(
        told!("openai", USUAL),
        [
            (Requests, Minute, 14370, Some(14400), Some(179_560)),
            (Tokens, Minute, 17997, Some(18000), Some(7660)),
        ]
    );
    assert_eq!(
        told!(
            "openai",
            &[
                ("x-ratelimit-limit-project-tokens", "1,000,000"),
                ("x-ratelimit-remaining-project-tokens", "999,000"),
                ("x-ratelimit-reset-project-tokens", "6m0s"),
                ("x-ratelimit-remaining-requests", "-1"),
                ("x-ratelimit-remaining-tokens", "0"),
            ]
        ),
        [(Tokens, Minute, 999_000, Some(1_000_000), Some(360_000))]
    );
}

#[test]
fn azure_writes_whole_seconds_and_leaves_some_out() {
    assert_eq!(
        told!(
            "azure",
            &[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-remaining-tokens", "9,985"),
                ("x-ratelimit-reset-tokens", "12"),
                ("x-ms-region", "France Central"),
            ]
        ),
        [
            (Requests, Minute, 59, Some(60), None),
            (Tokens, Minute, 9985, None, Some(12_000)),
        ]
    );
}

#[test]
fn anthropic_tells_when_by_the_clock_and_priority_tokens_are_no_limit() {
    assert_eq!(
        told!(
            "anthropic",
            &[
                ("date", "Thu, 06 Mar 2025 23:59:30 GMT"),
                ("anthropic-ratelimit-requests-limit", "50"),
                ("anthropic-ratelimit-requests-remaining", "49"),
                ("anthropic-ratelimit-requests-reset", "2025-03-06T23:59:31Z"),
                ("anthropic-ratelimit-tokens-limit", "48000"),
                ("anthropic-ratelimit-tokens-remaining", "11000"),
                ("anthropic-ratelimit-tokens-reset", "2025-03-07T00:00:16Z"),
                ("anthropic-ratelimit-input-tokens-limit", "40000"),
                ("anthropic-ratelimit-input-tokens-remaining", "4000"),
                (
                    "anthropic-ratelimit-input-tokens-reset",
                    "2025-03-07T00:00:24Z"
                ),
                ("anthropic-ratelimit-output-tokens-limit", "8000"),
                ("anthropic-ratelimit-output-tokens-remaining", "0"),
                (
                    "anthropic-ratelimit-output-tokens-reset",
                    "2025-03-06T00:00:00Z"
                ),
                ("anthropic-priority-input-tokens-limit", "10000"),
                ("anthropic-priority-input-tokens-remaining", "0"),
            ]
        ),
        [
            (Requests, Minute, 49, Some(50), Some(1000)),
            (Tokens, Minute, 11_000, Some(48_000), Some(46_000)),
            (InputTokens, Minute, 4000, Some(40_000), Some(54_000)),
            (OutputTokens, Minute, 0, Some(8000), None),
        ]
    );
}

#[test]
fn groqs_requests_are_those_of_a_day() {
    assert_eq!(
        told!("groq", USUAL),
        [
            (Requests, Day, 14370, Some(14400), Some(179_560)),
            (Tokens, Minute, 17997, Some(18000), Some(7660)),
        ]
    );
}

#[test]
fn cerebras_names_its_periods() {
    assert_eq!(
        told!(
            "cerebras",
            &[
                ("x-ratelimit-limit-requests-day", "1000000000"),
                ("x-ratelimit-remaining-requests-day", "999997455"),
                ("x-ratelimit-reset-requests-day", "33011.382867097855"),
                ("x-ratelimit-limit-tokens-minute", "1000000000"),
                ("x-ratelimit-remaining-tokens-minute", "999997456"),
                ("x-ratelimit-reset-tokens-minute", "11.382867097854614"),
            ]
        ),
        [
            (
                Requests,
                Day,
                999_997_455,
                Some(1_000_000_000),
                Some(33_011_382)
            ),
            (
                Tokens,
                Minute,
                999_997_456,
                Some(1_000_000_000),
                Some(11_382)
            ),
        ]
    );
}

#[test]
fn mistral_names_its_periods_too_and_used_to_count_by_size() {
    assert_eq!(
        told!(
            "mistral",
            &[
                ("x-ratelimit-limit-req-minute", "60"),
                ("x-ratelimit-remaining-req-minute", "58"),
                ("x-ratelimit-limit-tokens-minute", "500000"),
                ("x-ratelimit-remaining-tokens-minute", "499990"),
                ("x-ratelimit-tokens-query-cost", "10"),
            ]
        ),
        [
            (Tokens, Minute, 499_990, Some(500_000), None),
            (Requests, Minute, 58, Some(60), None),
        ]
    );
    assert_eq!(
        told!(
            "mistral",
            &[
                ("ratelimitbysize-limit", "500000"),
                ("ratelimitbysize-remaining", "499900"),
                ("ratelimitbysize-reset", "34"),
                ("ratelimitbysize-query-cost", "32005"),
                ("x-ratelimitbysize-limit-month", "1000000000"),
                ("x-ratelimitbysize-remaining-month", "900000000"),
            ]
        ),
        [
            (Tokens, Minute, 499_900, Some(500_000), Some(34_000)),
            (Tokens, Month, 900_000_000, Some(1_000_000_000), None),
        ]
    );
}

#[test]
fn openrouter_names_no_unit_and_others_who_do_not_are_not_believed() {
    const HEADERS: Headers = &[
        ("date", "Thu, 06 Mar 2025 23:59:30 GMT"),
        ("x-ratelimit-limit", "20"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1741305600000"),
    ];
    assert_eq!(
        told!("openrouter", HEADERS),
        [(Requests, Minute, 0, Some(20), Some(30_000))]
    );
    assert_eq!(told("together_ai", HEADERS), []);
}

#[test]
fn what_no_provider_says_is_unknown() {
    for provider in Provider::ALL {
        for headers in [
            &[][..],
            &[("retry-after", "20")],
            &[("x-ratelimit-remaining-requests", "")],
            &[("x-ratelimit-remaining-requests", "0")],
            &[("x-ratelimit-limit-requests", "500")],
            &[("x-ratelimit-reset-requests", "1s")],
        ] {
            assert_eq!(told(provider.name(), headers), [], "{}", provider.name());
        }
    }
}

#[test]
fn it_is_whole_again_after_its_period_where_nothing_else_is_said() {
    let left = told("cerebras", &[("x-ratelimit-remaining-requests-day", "7")]);
    assert_eq!(left[0].full_in(), Duration::from_secs(86_400));
    assert_eq!(left[0].share(), None);
}
