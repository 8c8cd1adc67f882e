use super::in_band::InBand;
use headworks_core::Verdict;
use http::{HeaderMap, StatusCode};
use std::{fmt, sync::Arc};

/// An error of the provider's in an answer whose head was good, as it would have been answered without one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ToldError<'a> {
    /// The status it names, by a number or a word; `None` if by none that is known.
    pub status: Option<StatusCode>,
    /// The headers of the answer, where nothing of it has been handed on; none after that.
    pub headers: &'a HeaderMap,
    /// The body of the error.
    pub body: &'a [u8],
}

/// What such an error means, if there is somebody who knows.
#[derive(Clone, Default)]
pub(super) struct ErrorRule(Option<Arc<Rule>>);

type Rule = dyn Fn(&ToldError<'_>) -> Verdict + Send + Sync;

// ===== impl ErrorRule =====

impl ErrorRule {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    pub(super) fn new(rule: impl Fn(&ToldError<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(rule)))
    }

    /// The verdict on an error, in an answer with these headers.
    pub(super) fn verdict(&self, error: &InBand, headers: &HeaderMap) -> Option<Verdict> {
        let rule = self.0.as_ref()?;
        Some(rule(&ToldError {
            status: error.told,
            headers,
            body: &error.json,
        }))
    }
}

impl fmt::Debug for ErrorRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "ErrorRule(_)",
            None => "ErrorRule(none)",
        })
    }
}
