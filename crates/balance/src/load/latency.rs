use super::{Form, FramesOrText, Trial, Units};
use crate::State;
use headworks_core::{
    Answer, BoxError, Classify, End, Finish, Guard, GuardedBody, Outcome, StatusClassifier,
    Verdict, Watch,
};
use http::Response;
use http_body::Body;
use pin_project::pin_project;
use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower::load::Load;
use tower_layer::Layer;
use tower_service::Service;

/// Makes [`Latency`] services of one endpoint: they all learn into one state.
#[derive(Clone, Debug, Default)]
pub struct LatencyLayer<C = StatusClassifier, U = FramesOrText> {
    state: Arc<State>,
    classifier: C,
    units: U,
}

/// Learns how long its endpoint takes to answer, and has as its [`Load`] how much there is to wait for
/// there, in seconds; failures count against it.
///
/// Clones learn together. See the [module](crate::load) for what goes into the load, and for an example.
#[derive(Clone, Debug)]
pub struct Latency<S, C = StatusClassifier, U = FramesOrText> {
    inner: S,
    state: Arc<State>,
    classifier: C,
    units: U,
}

/// The response future of [`Latency`].
#[pin_project]
pub struct LatencyFuture<F, C, U> {
    #[pin]
    inner: F,
    learned: Option<(Guard<Learned<U>>, C)>,
}

/// The body of an answer that is learned from until its end.
pub type LatencyBody<B, U = FramesOrText> = GuardedBody<B, Learned<U>>;

/// One request that is learned from.
#[derive(Debug)]
pub struct Learned<U> {
    state: Arc<State>,
    trial: Option<Trial>,
    /// Before the head, the request would have been cancelled.
    verdict: Verdict,
    units: U,
}

// ===== impl LatencyLayer =====

impl LatencyLayer {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C, U> LatencyLayer<C, U> {
    /// Judges answers by `classifier`. Default: [`StatusClassifier`].
    pub fn classifier<D>(self, classifier: D) -> LatencyLayer<D, U> {
        LatencyLayer {
            state: self.state,
            classifier,
            units: self.units,
        }
    }

    /// Counts how much there is in an answer by clones of `units`, one for each answer. Default:
    /// [`FramesOrText`].
    pub fn units<V>(self, units: V) -> LatencyLayer<C, V> {
        LatencyLayer {
            state: self.state,
            classifier: self.classifier,
            units,
        }
    }

    /// Learns into `state`, which others may share.
    #[must_use]
    pub fn with_state(self, state: Arc<State>) -> Self {
        Self { state, ..self }
    }

    /// Where it is kept what was learned.
    #[must_use]
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }
}

impl<S, C: Clone, U: Clone> Layer<S> for LatencyLayer<C, U> {
    type Service = Latency<S, C, U>;

    fn layer(&self, inner: S) -> Self::Service {
        self.state.follow_latency();
        Latency {
            inner,
            state: self.state.clone(),
            classifier: self.classifier.clone(),
            units: self.units.clone(),
        }
    }
}

// ===== impl Latency =====

impl<S> Latency<S> {
    /// Learns from what goes to `inner` and to clones of this.
    pub fn new(inner: S) -> Self {
        LatencyLayer::new().layer(inner)
    }
}

impl<S, C, U> Latency<S, C, U> {
    /// Where it is kept what was learned.
    pub const fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, R, B, C, U> Service<R> for Latency<S, C, U>
where
    S: Service<R, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body,
    C: Classify + Clone,
    U: Units<B::Data> + Clone,
{
    type Response = Response<LatencyBody<B, U>>;
    type Error = BoxError;
    type Future = LatencyFuture<S::Future, C, U>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let learned = Learned::begin(self.state.clone(), self.units.clone());
        LatencyFuture {
            inner: self.inner.call(request),
            learned: Some((Guard::new(learned), self.classifier.clone())),
        }
    }
}

impl<S, C, U> Load for Latency<S, C, U> {
    type Metric = f64;

    fn load(&self) -> f64 {
        self.state.latency()
    }
}

// ===== impl LatencyFuture =====

impl<F, B, E, C, U> Future for LatencyFuture<F, C, U>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body,
    C: Classify,
    U: Units<B::Data>,
{
    type Output = Result<Response<LatencyBody<B, U>>, BoxError>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx)).map_err(Into::into);
        let (mut guard, classifier) = this
            .learned
            .take()
            .expect("a response future is not polled after it is done");
        Poll::Ready(match answer {
            Ok(response) => {
                let verdict = classifier.classify(Answer::from(&response));
                if let Some(learned) = guard.get_mut() {
                    learned.head(verdict, Form::of(&response));
                }
                Ok(GuardedBody::of(response, guard))
            }
            Err(error) => {
                if let Some(learned) = guard.get_mut() {
                    learned.verdict = classifier.classify(Answer::Error(&*error));
                }
                guard.finish(End::Failed);
                Err(error)
            }
        })
    }
}

impl<F, C, U> fmt::Debug for LatencyFuture<F, C, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatencyFuture").finish_non_exhaustive()
    }
}

// ===== impl Learned =====

impl<U> Learned<U> {
    fn begin(state: Arc<State>, units: U) -> Self {
        // Without a limit it cannot fail.
        state.try_begin(None);
        Self {
            trial: Trial::begin(&state),
            state,
            verdict: Outcome::Cancelled.into(),
            units,
        }
    }

    fn head(&mut self, verdict: Verdict, form: Form) {
        self.verdict = verdict;
        if let Some(trial) = &mut self.trial {
            trial.head(&self.state, form, verdict);
        }
    }
}

impl<U> Finish for Learned<U> {
    fn finish(mut self, end: End) {
        if let Some(trial) = self.trial.take() {
            trial.end(&self.state, self.verdict.at_end(end));
        }
        self.state.end();
    }
}

impl<D, U: Units<D>> Watch<D> for Learned<U> {
    fn asked(&mut self) {
        if let Some(trial) = &mut self.trial {
            trial.asked();
        }
    }

    fn data(&mut self, data: &D) {
        if let Some(trial) = &mut self.trial {
            let units = self.units.count(data, trial.form());
            trial.data(&self.state, units);
        }
    }

    fn failed(&mut self, error: &(dyn Error + 'static)) {
        if self.verdict.outcome == Outcome::Success {
            self.verdict = Verdict::of_error(error);
        }
    }
}

#[cfg(test)]
mod tests;
