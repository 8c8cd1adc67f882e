use super::{Case, Judge, Overrule, Rules};
use crate::Provider;
use headworks_core::Verdict;
use http::{HeaderMap, StatusCode, response::Parts};
use std::{fmt, sync::Arc, time::Duration};
use tower_layer::Layer;

/// Leaves a verdict in each error that a deployment answers with. See the [module docs](super) for an
/// example.
pub struct JudgeLayer<O = ()>(Params<O>);

pub(super) struct Params<O> {
    provider: &'static Provider,
    rules: Rules,
    overrule: Arc<O>,
}

// ===== impl JudgeLayer =====

impl JudgeLayer {
    /// Judges errors by what is known of `provider`.
    #[must_use]
    pub fn new(provider: &'static Provider) -> Self {
        Self(Params {
            provider,
            rules: Rules::of(provider),
            overrule: Arc::new(()),
        })
    }
}

impl<O> JudgeLayer<O> {
    /// The longest wait that is believed. See [`Rules::longest_hint`].
    #[must_use]
    pub fn longest_hint(mut self, longest: Duration) -> Self {
        self.0.rules = self.0.rules.longest_hint(longest);
        self
    }

    /// Lets the user have the last word: [`Statuses`](super::Statuses), or a closure.
    #[must_use]
    pub fn overrule<P: Overrule>(self, overrule: P) -> JudgeLayer<P> {
        JudgeLayer(Params {
            overrule: Arc::new(overrule),
            provider: self.0.provider,
            rules: self.0.rules,
        })
    }
}

impl<O: Overrule> JudgeLayer<O> {
    /// The verdict on an error that came inside of an answer with a good head: what the layer would leave in an answer
    /// with that body and of that status, 500 to the user if it names none. For whoever reads streams.
    ///
    /// ```
    /// use headworks_core::Outcome;
    /// use headworks_provider::{Provider, verdict::JudgeLayer};
    /// use http::{HeaderMap, StatusCode};
    ///
    /// let judge = JudgeLayer::new(Provider::find("openai").expect("a row of the table"));
    /// let event = br#"{"error": {"code": "model_not_found", "message": "no such model"}}"#;
    /// let verdict = judge.of_event(Some(StatusCode::NOT_FOUND), &HeaderMap::new(), event);
    /// assert_eq!(verdict.outcome, Outcome::Misconfigured);
    /// ```
    #[must_use]
    pub fn of_event(
        &self,
        status: Option<StatusCode>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Verdict {
        let verdict = self.0.rules.of_event(status, headers, body);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.0.overruled(status, headers, body, verdict)
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

impl<O> fmt::Debug for JudgeLayer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JudgeLayer").field(&self.0).finish()
    }
}

// ===== impl Params =====

impl<O: Overrule> Params<O> {
    pub(super) fn verdict(&self, head: &Parts, body: &[u8]) -> Verdict {
        let verdict = self.rules.of_answer(head.status, &head.headers, body);
        self.overruled(head.status, &head.headers, body, verdict)
    }

    fn overruled(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        verdict: Verdict,
    ) -> Verdict {
        let case = Case {
            provider: self.provider,
            status,
            headers,
            body,
            verdict,
        };
        self.overrule.overrule(&case).unwrap_or(verdict)
    }
}

impl<O> Clone for Params<O> {
    fn clone(&self) -> Self {
        Self {
            provider: self.provider,
            rules: self.rules,
            overrule: self.overrule.clone(),
        }
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
