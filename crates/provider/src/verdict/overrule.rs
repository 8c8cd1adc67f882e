use crate::Provider;
use headworks_core::{Outcome, Verdict};
use http::{HeaderMap, StatusCode};
use std::{fmt, sync::Arc};

/// An answer that is being judged.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Case<'a> {
    /// Whose answer it is.
    pub provider: &'static Provider,
    /// Its status, 400 or above.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What was read of its body, at most [`MAX_ERROR_BODY`](super::MAX_ERROR_BODY).
    pub body: &'a [u8],
    /// What the [`Rules`](super::Rules) make of it.
    pub verdict: Verdict,
}

/// The user's own word on what an error means.
///
/// Implemented by [`Statuses`] and by every `Fn(&Case<'_>) -> Option<Verdict>`; `()` leaves every verdict
/// as it is.
pub trait Overrule {
    /// Another verdict than [`Case::verdict`], or `None` to leave it.
    fn overrule(&self, case: &Case<'_>) -> Option<Verdict>;
}

/// Outcomes by status, whatever the body says. The hint stays the provider's.
///
/// ```
/// use headworks_core::Outcome;
/// use headworks_provider::{Provider, verdict::{JudgeLayer, Statuses}};
/// use http::StatusCode;
///
/// let openai = Provider::find("openai").expect("a row of the table");
/// let layer = JudgeLayer::new(openai)
///     .overrule(Statuses::from_iter([(StatusCode::IM_A_TEAPOT, Outcome::Capacity)]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses(Vec<(StatusCode, Outcome)>);

/// An [`Overrule`] of whatever type, or none, for who does not know which while compiling.
#[derive(Clone, Default)]
pub struct SharedOverrule(Option<Arc<dyn Overrule + Send + Sync>>);

impl Overrule for () {
    fn overrule(&self, _: &Case<'_>) -> Option<Verdict> {
        None
    }
}

impl<F> Overrule for F
where
    F: Fn(&Case<'_>) -> Option<Verdict>,
{
    fn overrule(&self, case: &Case<'_>) -> Option<Verdict> {
        self(case)
    }
}

// ===== impl Statuses =====

impl FromIterator<(StatusCode, Outcome)> for Statuses {
    fn from_iter<I: IntoIterator<Item = (StatusCode, Outcome)>>(statuses: I) -> Self {
        Self(statuses.into_iter().collect())
    }
}

impl Overrule for Statuses {
    /// Of several entries for one status the last counts.
    fn overrule(&self, case: &Case<'_>) -> Option<Verdict> {
        let mut entries = self.0.iter().rev();
        let (_, outcome) = entries.find(|(status, _)| *status == case.status)?;
        Some(Verdict {
            outcome: *outcome,
            hint: case.verdict.hint,
        })
    }
}

// ===== impl SharedOverrule =====

impl SharedOverrule {
    /// Has `overrule` decide.
    pub fn new(overrule: impl Overrule + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(overrule)))
    }
}

impl Overrule for SharedOverrule {
    fn overrule(&self, case: &Case<'_>) -> Option<Verdict> {
        self.0.as_ref()?.overrule(case)
    }
}

impl fmt::Debug for SharedOverrule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedOverrule").finish_non_exhaustive()
    }
}
