use super::{Case, Judge, Overrule, Rules};
use crate::Provider;
use headworks_core::Verdict;
use http::response::Parts;
use std::{fmt, sync::Arc, time::Duration};
use tower_layer::Layer;

/// Leaves a verdict in each error that a deployment answers with. See the [module docs](super) for an
/// example.
#[derive(Debug)]
pub struct JudgeLayer<O = ()>(Arc<Params<O>>);

pub(super) struct Params<O> {
    provider: &'static Provider,
    rules: Rules,
    overrule: O,
}

// ===== impl JudgeLayer =====

impl JudgeLayer {
    /// Judges errors by what is known of `provider`.
    #[must_use]
    pub fn new(provider: &'static Provider) -> Self {
        Self(Arc::new(Params {
            provider,
            rules: Rules::of(provider),
            overrule: (),
        }))
    }

    /// The longest wait that is believed. See [`Rules::longest_hint`].
    #[must_use]
    pub fn longest_hint(self, longest: Duration) -> Self {
        Self(Arc::new(Params {
            rules: self.0.rules.longest_hint(longest),
            provider: self.0.provider,
            overrule: (),
        }))
    }

    /// Lets the user have the last word: [`Statuses`](super::Statuses), or a closure.
    #[must_use]
    pub fn overrule<O: Overrule>(self, overrule: O) -> JudgeLayer<O> {
        JudgeLayer(Arc::new(Params {
            overrule,
            provider: self.0.provider,
            rules: self.0.rules,
        }))
    }
}

impl<S, O> Layer<S> for JudgeLayer<O> {
    type Service = Judge<S, O>;

    fn layer(&self, inner: S) -> Judge<S, O> {
        Judge::new(inner, self.0.clone())
    }
}

impl<O> Clone for JudgeLayer<O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

// ===== impl Params =====

impl<O: Overrule> Params<O> {
    pub(super) fn verdict(&self, head: &Parts, body: &[u8]) -> Verdict {
        let verdict = self.rules.of_answer(head.status, &head.headers, body);
        let case = Case {
            provider: self.provider,
            status: head.status,
            headers: &head.headers,
            body,
            verdict,
        };
        self.overrule.overrule(&case).unwrap_or(verdict)
    }
}

impl<O> fmt::Debug for Params<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params")
            .field("provider", &self.provider.name())
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
