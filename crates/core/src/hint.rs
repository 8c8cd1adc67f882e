use http::{HeaderMap, HeaderName, header};
use std::time::{Duration, SystemTime};

/// When to come back, as the provider said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint(Duration);

impl Hint {
    /// Come back after this long, and not before.
    #[must_use]
    pub const fn after(wait: Duration) -> Self {
        Self(wait)
    }

    /// How long to wait, counted from when the answer came.
    #[must_use]
    pub const fn wait(self) -> Duration {
        self.0
    }

    /// Reads the hint of a response's headers: `retry-after-ms` (milliseconds, `OpenAI` and Azure), else
    /// `retry-after` (seconds, possibly fractional, or an HTTP date, RFC 9110 section 10.2.3).
    ///
    /// Each header is judged on its own, so that junk in one does not hide the other. Zero, negative and
    /// unreadable values mean unknown. A date counts from the response's own `Date` when it has one, so
    /// that a skewed clock, ours or theirs, does not matter.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

        let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim());
        let number = |text: &str, unit: f64| {
            let seconds = text.parse::<f64>().ok()? / unit;
            Duration::try_from_secs_f64(seconds).ok()
        };
        let date = |text: &str| {
            let now = headers
                .get(header::DATE)
                .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
                .unwrap_or_else(SystemTime::now);
            let then = httpdate::parse_http_date(text).ok()?;
            then.duration_since(now).ok()
        };

        let positive = |wait: &Duration| !wait.is_zero();
        text(RETRY_AFTER_MS)
            .and_then(|ms| number(ms, 1000.0))
            .filter(positive)
            .or_else(|| {
                let value = text(header::RETRY_AFTER)?;
                number(value, 1.0).or_else(|| date(value)).filter(positive)
            })
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hint(headers: &[(&'static str, &str)]) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        Hint::of_headers(&headers).map(|hint| u64::try_from(hint.wait().as_millis()).unwrap())
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(hint(&[]), None);
        assert_eq!(hint(&[("retry-after", "7")]), Some(7000));
        assert_eq!(hint(&[("retry-after", "0.25")]), Some(250));
        assert_eq!(hint(&[("retry-after-ms", "120.5")]), Some(120));
        assert_eq!(
            hint(&[("retry-after", "9"), ("retry-after-ms", "100")]),
            Some(100)
        );
        assert_eq!(
            hint(&[
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")
            ]),
            Some(30_000)
        );
    }

    #[test]
    fn junk_in_one_header_does_not_hide_the_other() {
        assert_eq!(
            hint(&[("retry-after", "3"), ("retry-after-ms", "soon")]),
            Some(3000)
        );
    }

    #[test]
    fn zero_negative_and_past_mean_unknown() {
        for value in [
            "0",
            "-1",
            "",
            "NaN",
            "inf",
            "1e300",
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(hint(&[("retry-after", value)]), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in "[ -~]{0,40}") {
            let _ = hint(&[("retry-after", &value), ("retry-after-ms", &value), ("date", &value)]);
        }
    }
}
