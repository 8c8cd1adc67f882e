use super::{Answer, Classify};
use crate::{Hint, Outcome, Verdict};
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// The classifier for gRPC, where the status of the HTTP response says next to nothing: `grpc-status` does,
/// in the head of an answer that has no message (trailers-only), in the trailers of any other.
///
/// A head of 200 without `grpc-status` is a success so far; show the trailers as [`Answer::Trailers`] for the
/// last word. Trailers without a readable status are code 2, unknown.
///
/// | `grpc-status` | outcome |
/// |---|---|
/// | 0 OK | success |
/// | 1 cancelled | cancelled |
/// | 3 invalid argument, 5 not found, 6 already exists, 9 failed precondition, 11 out of range, 12 unimplemented | caller's fault |
/// | 4 deadline exceeded | timeout |
/// | 7 permission denied, 16 unauthenticated | auth |
/// | 8 resource exhausted | rate limited |
/// | 10 aborted, 14 unavailable | capacity |
/// | 2 unknown, 13 internal, 15 data loss, any other | server fault |
///
/// Sources: gRPC, "Status codes and their use", "HTTP to gRPC Status Code Mapping" (for a head that is not
/// 200), "gRPC over HTTP2"; the hint is the pushback of gRFC A6 (`grpc-retry-pushback-ms`).
///
/// ```
/// use headworks_core::{Answer, Classify, GrpcClassifier, Outcome};
/// use http::Response;
///
/// // Trailers-only: the head is all there is.
/// let refused = Response::builder().header("grpc-status", "14").body(())?;
/// let verdict = GrpcClassifier::default().classify(Answer::from(&refused));
/// assert_eq!(verdict.outcome, Outcome::Capacity);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrpcClassifier;

const STATUS: &str = "grpc-status";
const PUSHBACK: &str = "grpc-retry-pushback-ms";
const UNKNOWN: u32 = 2;

// ===== impl GrpcClassifier =====

impl Classify for GrpcClassifier {
    fn classify(&self, answer: Answer<'_>) -> Verdict {
        match answer {
            Answer::Head {
                status,
                headers,
                extensions,
            } => extensions
                .get()
                .copied()
                .unwrap_or_else(|| of_head(status, headers)),
            Answer::Trailers(trailers) => {
                of_code(code(trailers).unwrap_or(UNKNOWN)).hinted(trailers)
            }
            Answer::Error(error) => Verdict::of_error(error),
        }
    }
}

fn of_head(status: StatusCode, headers: &HeaderMap) -> Verdict {
    if let Some(code) = code(headers) {
        return of_code(code).hinted(headers);
    }
    // Somebody on the way answered who does not speak gRPC.
    match status {
        status if status.is_success() => Outcome::Success.into(),
        StatusCode::BAD_REQUEST => Outcome::ServerFault.into(),
        status => Verdict {
            outcome: Outcome::of_status(status),
            hint: Hint::of_headers(headers),
        },
    }
}

/// The status, if there is one: what cannot be read is unknown, not absent.
fn code(headers: &HeaderMap) -> Option<u32> {
    let value = headers.get(STATUS)?;
    let code = value.to_str().ok().and_then(|code| code.parse().ok());
    Some(code.unwrap_or(UNKNOWN))
}

const fn of_code(code: u32) -> Outcome {
    match code {
        0 => Outcome::Success,
        1 => Outcome::Cancelled,
        3 | 5 | 6 | 9 | 11 | 12 => Outcome::CallerFault,
        4 => Outcome::Timeout,
        7 | 16 => Outcome::Auth,
        8 => Outcome::RateLimited,
        10 | 14 => Outcome::Capacity,
        _ => Outcome::ServerFault,
    }
}

// ===== impl Outcome =====

impl Outcome {
    /// With the wait the server asks for, if it asks for one: 0 means at once, less that nobody should retry.
    fn hinted(self, headers: &HeaderMap) -> Verdict {
        let pushback = headers.get(PUSHBACK).filter(|_| self != Self::Success);
        let millis = pushback
            .and_then(|millis| millis.to_str().ok()?.parse::<u32>().ok())
            .filter(|millis| *millis > 0);
        Verdict {
            outcome: self,
            hint: millis
                .map(|ms| Hint::after(Duration::from_millis(ms.into())).at_most(Hint::LONGEST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Response};
    use std::io;

    fn trailers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let headers = headers.iter().copied();
        let header = |(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        headers.map(header).collect()
    }

    fn outcome(answer: Answer<'_>) -> Outcome {
        GrpcClassifier.classify(answer).outcome
    }

    #[test]
    fn each_code_has_one_outcome_in_the_head_and_in_the_trailers() {
        for (code, expected) in [
            ("0", Outcome::Success),
            ("1", Outcome::Cancelled),
            ("2", Outcome::ServerFault),
            ("3", Outcome::CallerFault),
            ("4", Outcome::Timeout),
            ("5", Outcome::CallerFault),
            ("6", Outcome::CallerFault),
            ("7", Outcome::Auth),
            ("8", Outcome::RateLimited),
            ("9", Outcome::CallerFault),
            ("10", Outcome::Capacity),
            ("11", Outcome::CallerFault),
            ("12", Outcome::CallerFault),
            ("13", Outcome::ServerFault),
            ("14", Outcome::Capacity),
            ("15", Outcome::ServerFault),
            ("16", Outcome::Auth),
            ("17", Outcome::ServerFault),
            ("-1", Outcome::ServerFault),
            ("fine", Outcome::ServerFault),
        ] {
            let trailers = trailers(&[(STATUS, code)]);
            assert_eq!(outcome(Answer::Trailers(&trailers)), expected, "{code}");
            let head = Response::builder().header(STATUS, code).body(()).unwrap();
            assert_eq!(outcome((&head).into()), expected, "{code}");
        }
    }

    #[test]
    fn a_head_without_a_status_is_a_success_so_far_and_trailers_without_one_are_none() {
        assert_eq!(outcome((&Response::new(())).into()), Outcome::Success);
        assert_eq!(
            outcome(Answer::Trailers(&HeaderMap::new())),
            Outcome::ServerFault
        );
    }

    #[test]
    fn a_head_that_is_not_grpc_is_judged_by_its_http_status() {
        for (status, expected) in [
            (400, Outcome::ServerFault),
            (401, Outcome::Auth),
            (404, Outcome::CallerFault),
            (429, Outcome::RateLimited),
            (502, Outcome::ServerFault),
            (503, Outcome::Capacity),
        ] {
            let head = Response::builder().status(status).body(()).unwrap();
            assert_eq!(outcome((&head).into()), expected, "{status}");
        }
        let mut head = Response::new(());
        head.extensions_mut()
            .insert(Verdict::from(Outcome::Timeout));
        assert_eq!(outcome((&head).into()), Outcome::Timeout);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(outcome(Answer::Error(&reset)), Outcome::Transport);
    }

    #[test]
    fn pushback_is_the_hint_of_a_failure() {
        let hint = |code, pushback| {
            let trailers = trailers(&[(STATUS, code), (PUSHBACK, pushback)]);
            GrpcClassifier.classify(Answer::Trailers(&trailers)).hint
        };
        assert_eq!(
            hint("14", "250"),
            Some(Hint::after(Duration::from_millis(250)))
        );
        assert_eq!(hint("14", "4000000000"), Some(Hint::after(Hint::LONGEST)));
        for pushback in ["0", "-1", "soon"] {
            assert_eq!(hint("14", pushback), None, "{pushback}");
        }
        assert_eq!(hint("0", "250"), None);
    }
}
