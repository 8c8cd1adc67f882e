//! What a client may make up for its own tests, by `LiteLLM`'s parameters: an answer (`mock_response`), or
//! a failure (`mock_testing_…`, `mock_timeout`).

use super::reach::{Reach, ReachFuture};
use headworks_core::{Attempts, BoxError, Judged, Outcome};
use headworks_openai::{OwnKey, Params, SplicedBody};
use headworks_provider::simulated::{self, Simulated};
use http::Request;
use pin_project::pin_project;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};

/// A year: longer than any attempt is given, and not so long that a clock overflows.
const FOREVER: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// An extension of the request: what to do in the deployment's place.
#[derive(Clone, Debug)]
pub(super) enum MockAnswer {
    /// Give this answer, or raise the error it names, after so long.
    Text(Arc<str>, Duration),
    /// Say nothing, until the attempt's time is up.
    Silence,
}

/// An extension of the request: it is to fail so, before it is sent.
#[derive(Clone, Debug)]
pub(super) struct MockFault {
    outcome: Outcome,
    strikes: Strikes,
}

/// Which attempts are to fail.
#[derive(Clone, Debug)]
enum Strikes {
    /// The first. True once it has.
    First(Arc<AtomicBool>),
    /// Those on the group that was asked for: its fallbacks are to answer.
    Group,
}

/// Reaches a deployment, or answers in its place where the request brings the answer along.
#[derive(Clone, Debug)]
pub(super) struct Mocked(Reach);

/// Applies [`MockFaults`].
#[derive(Clone, Copy, Debug)]
pub(super) struct MockFaultsLayer;

/// Fails what asks to be failed. Stands between retry, which is to try again, and balance, which is not to
/// hold it against a deployment.
#[derive(Clone, Debug)]
pub(super) struct MockFaults<S>(S);

/// The future of [`MockFaults`].
#[pin_project(project = FaultsProj)]
pub(super) enum MockFaultsFuture<F> {
    Fails(Outcome),
    Goes(#[pin] F),
}

// ===== impl MockFault =====

impl MockFault {
    /// The fault a request asks for, if it does.
    pub(super) fn asked(params: &Params) -> Option<Self> {
        let group = |outcome| Self {
            outcome,
            strikes: Strikes::Group,
        };
        let first = |outcome| Self {
            outcome,
            strikes: Strikes::First(Arc::default()),
        };
        if params.flag(OwnKey::MockTestingFallbacks) {
            Some(group(Outcome::ServerFault))
        } else if params.flag(OwnKey::MockTestingContextFallbacks) {
            Some(group(Outcome::ContextTooLong))
        } else if params.flag(OwnKey::MockTestingContentPolicyFallbacks) {
            Some(group(Outcome::ContentRefused))
        } else if params.flag(OwnKey::MockTestingRateLimitError) {
            Some(first(Outcome::RateLimited))
        } else {
            None
        }
    }

    /// True if the attempt that is about to be made is one of those to fail.
    fn strikes(&self, ledger: Option<&Attempts>) -> bool {
        match &self.strikes {
            Strikes::First(struck) => !struck.swap(true, Ordering::Relaxed),
            Strikes::Group => ledger.is_none_or(|ledger| ledger.fallbacks() == 0),
        }
    }
}

// ===== impl Mocked =====

impl Mocked {
    pub(super) const fn new(reach: Reach) -> Self {
        Self(reach)
    }
}

impl Service<Request<SplicedBody>> for Mocked {
    type Response = <Reach as Service<Request<SplicedBody>>>::Response;
    type Error = BoxError;
    type Future = ReachFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<SplicedBody>) -> Self::Future {
        let params = match request.extensions().get() {
            Some(MockAnswer::Text(answer, delay)) => {
                simulated::Params::mock_response(answer).latency(FOREVER.min(*delay))
            }
            Some(MockAnswer::Silence) => simulated::Params::default().latency(FOREVER),
            None => return self.0.call(request),
        };
        Reach::from(Simulated::new(params)).call(request)
    }
}

// ===== impl MockFaults =====

impl<S> Layer<S> for MockFaultsLayer {
    type Service = MockFaults<S>;

    fn layer(&self, inner: S) -> MockFaults<S> {
        MockFaults(inner)
    }
}

impl<S, B> Service<Request<B>> for MockFaults<S>
where
    S: Service<Request<B>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = MockFaultsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let extensions = request.extensions();
        let fault = extensions.get::<MockFault>();
        match fault.filter(|fault| fault.strikes(extensions.get())) {
            Some(fault) => MockFaultsFuture::Fails(fault.outcome),
            None => MockFaultsFuture::Goes(self.0.call(request)),
        }
    }
}

impl<F, R> Future for MockFaultsFuture<F>
where
    F: Future<Output = Result<R, BoxError>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            FaultsProj::Fails(outcome) => {
                let words = "a failure that the request asked for";
                Poll::Ready(Err(Judged::new((*outcome).into(), words).into()))
            }
            FaultsProj::Goes(inner) => inner.poll(cx),
        }
    }
}
