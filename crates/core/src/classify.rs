use crate::{Hint, Outcome, Verdict};
use http::{Extensions, HeaderMap, Response, StatusCode};
use std::error::Error;

mod grpc;

pub use grpc::GrpcClassifier;

/// What a classifier is shown: the head of a response, the trailers at its end, or the error that came
/// instead.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// The head of a response; its body has not been read.
    Head {
        /// The status.
        status: StatusCode,
        /// The headers.
        headers: &'a HeaderMap,
        /// What layers further in have left, a [`Verdict`] among it perhaps.
        extensions: &'a Extensions,
    },
    /// The trailers of a response whose head was judged when it came.
    Trailers(&'a HeaderMap),
    /// No response: the error of the service within.
    Error(&'a (dyn Error + 'static)),
}

impl<'a, B> From<&'a Response<B>> for Answer<'a> {
    fn from(response: &'a Response<B>) -> Self {
        Self::Head {
            status: response.status(),
            headers: response.headers(),
            extensions: response.extensions(),
        }
    }
}

/// Decides what an answer means.
///
/// Implemented by [`StatusClassifier`] for HTTP, [`GrpcClassifier`] for gRPC, and every
/// `Fn(Answer<'_>) -> Verdict`, which is how a user says that a 418 of theirs means "come back later".
pub trait Classify {
    /// The verdict on one answer.
    fn classify(&self, answer: Answer<'_>) -> Verdict;
}

impl<F> Classify for F
where
    F: Fn(Answer<'_>) -> Verdict,
{
    fn classify(&self, answer: Answer<'_>) -> Verdict {
        self(answer)
    }
}

/// The default classifier: the verdict a layer further in has left in the response's extensions, else
/// [`Outcome::of_status`] with [`Hint::of_headers`]; errors by [`Verdict::of_error`]. In the trailers of an
/// HTTP response there is nothing to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusClassifier;

impl Classify for StatusClassifier {
    fn classify(&self, answer: Answer<'_>) -> Verdict {
        match answer {
            Answer::Head {
                status,
                headers,
                extensions,
            } => extensions.get().copied().unwrap_or_else(|| {
                let outcome = Outcome::of_status(status);
                let hint = match outcome {
                    Outcome::Success => None,
                    _ => Hint::of_headers(headers),
                };
                Verdict { outcome, hint }
            }),
            Answer::Trailers(_) => Outcome::Success.into(),
            Answer::Error(error) => Verdict::of_error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_verdict_left_by_an_inner_layer_is_taken_over() {
        let mut response = Response::builder()
            .status(400)
            .header("retry-after", "3")
            .body(())
            .unwrap();
        assert_eq!(
            StatusClassifier.classify((&response).into()).outcome,
            Outcome::CallerFault
        );
        response
            .extensions_mut()
            .insert(Verdict::from(Outcome::ContextTooLong));
        assert_eq!(
            StatusClassifier.classify((&response).into()),
            Outcome::ContextTooLong.into()
        );
    }

    #[test]
    fn a_hint_comes_with_a_failure() {
        let response = |status| {
            Response::builder()
                .status(status)
                .header("retry-after", "3")
                .body(())
                .unwrap()
        };
        assert_eq!(
            StatusClassifier.classify((&response(429)).into()).hint,
            Some(Hint::after(Duration::from_secs(3)))
        );
        assert_eq!(
            StatusClassifier.classify((&response(200)).into()).hint,
            None
        );
    }

    #[test]
    fn a_closure_is_a_classifier() {
        fn judge(classifier: &impl Classify) -> Outcome {
            classifier.classify((&Response::new(())).into()).outcome
        }
        assert_eq!(
            judge(&|_: Answer<'_>| Outcome::Capacity.into()),
            Outcome::Capacity
        );
    }
}
