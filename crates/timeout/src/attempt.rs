use crate::{
    ResponseFuture,
    timer::{Limit, Pauses},
};
use headworks_core::{Attempts, BoxError, Clock, Timeouts};
use http::{Request, Response};
use std::{
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

/// Gives each attempt its own time. See the [crate docs](crate) for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttemptTimeoutLayer {
    times: Times,
}

/// Ends an attempt with [`Elapsed`](headworks_core::Elapsed) of [`Clock::Attempt`] when its time is up.
///
/// The time counts from `call`, and runs until the end of the body, or only until the head of the answer
/// where the request's [`Timeouts::attempt_body`] is false, as it should be for a stream. In the body it stands
/// still while its reader does not ask for more: whoever is slow to take what is there does not use up the
/// deployment's time, and the deployment is not blamed for it. What bounds a slow reader is the deadline, once it
/// asks again; one that never does is for the server to give up on.
///
/// No attempt is given more than what is left until the deadline in the request's ledger; one that the
/// deadline ends is told apart, by [`Clock::Total`] and the time that had been left.
#[derive(Clone, Copy, Debug)]
pub struct AttemptTimeout<S> {
    inner: S,
    times: Times,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    whole: Option<Duration>,
    head: Option<Duration>,
}

// ===== impl AttemptTimeoutLayer =====

impl AttemptTimeoutLayer {
    /// A layer that gives `attempt` to each attempt whose request does not bring its own
    /// ([`Timeouts::attempt`]); `None` gives those no limit but the deadline.
    #[must_use]
    pub fn new(attempt: impl Into<Option<Duration>>) -> Self {
        Self {
            times: Times::both(attempt.into()),
        }
    }

    /// Gives `head` to those requests whose attempt covers the head of the answer alone
    /// ([`Timeouts::attempt_body`] is false): a stream may be given another time to begin than a plain
    /// answer to end. Default: the same time.
    #[must_use]
    pub fn head(mut self, head: impl Into<Option<Duration>>) -> Self {
        self.times.head = head.into();
        self
    }
}

impl<S> Layer<S> for AttemptTimeoutLayer {
    type Service = AttemptTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AttemptTimeout {
            inner,
            times: self.times,
        }
    }
}

// ===== impl AttemptTimeout =====

impl<S> AttemptTimeout<S> {
    /// Gives `attempt` to each attempt on `inner` whose request does not bring its own.
    pub fn new(inner: S, attempt: impl Into<Option<Duration>>) -> Self {
        Self {
            inner,
            times: Times::both(attempt.into()),
        }
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service within, to be changed.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service within, without this layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for AttemptTimeout<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<crate::TimeoutBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let now = Instant::now();
        let own = request.extensions().get::<Timeouts>();
        let covers_body = own.and_then(|own| own.attempt_body).unwrap_or(true);
        let usual = if covers_body {
            self.times.whole
        } else {
            self.times.head
        };
        let own = own.and_then(|own| own.attempt);
        let attempt = Limit::of(Clock::Attempt, now, own, usual);
        let deadline = request.extensions().get().and_then(Attempts::deadline);
        let deadline = deadline
            .and_then(|at| Limit::new(Clock::Total, now, at.saturating_duration_since(now)));
        let (limit, pauses) = match (attempt, deadline) {
            (attempt, Some(deadline)) if attempt.is_none_or(|it| it.at() >= deadline.at()) => {
                (Some(deadline), Pauses::Count)
            }
            (attempt, until) => (attempt, Pauses::DoNotCount { until }),
        };
        ResponseFuture::new(self.inner.call(request), limit, covers_body, pauses)
    }
}

// ===== impl Times =====

impl Times {
    const fn both(time: Option<Duration>) -> Self {
        Self {
            whole: time,
            head: time,
        }
    }
}
