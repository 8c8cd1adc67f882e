#[cfg(doc)]
use super::Seen;
use super::{Measure, Meters, ResponseBody, ResponseFuture};
use headworks_balance::State;
use headworks_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Applies [`Meter`].
#[derive(Clone, Debug)]
pub struct MeterLayer {
    meters: Arc<Meters>,
    load: Option<Arc<State>>,
    shows: bool,
}

/// Counts and times the attempts on one deployment; see the [module](super).
#[derive(Clone, Debug)]
pub struct Meter<S> {
    inner: S,
    meters: Arc<Meters>,
    load: Option<Arc<State>>,
    shows: bool,
}

// ===== impl MeterLayer =====

impl MeterLayer {
    /// Records to `meters`. Every service this layer makes records to the same ones.
    #[must_use]
    pub fn new(meters: Meters) -> Self {
        Self {
            meters: Arc::new(meters),
            load: None,
            shows: false,
        }
    }

    /// Leaves what it reads in an answer for those further out, as [`Seen`] among the response's extensions.
    /// By default it does not, since it costs two allocations.
    #[must_use]
    pub const fn showing(mut self) -> Self {
        self.shows = true;
        self
    }

    /// Tells the load of the deployment what it takes to read the wire to know: the tokens that answers
    /// report, and what the provider's headers say is left of its limits. By default nobody is told.
    #[must_use]
    pub fn telling(mut self, load: Arc<State>) -> Self {
        self.load = Some(load);
        self
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        Meter {
            inner,
            meters: self.meters.clone(),
            load: self.load.clone(),
            shows: self.shows,
        }
    }
}

// ===== impl Meter =====

impl<S, B, R> Service<Request<B>> for Meter<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data: AsRef<[u8]>>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let measure = Measure::begin(self.meters.clone(), self.load.clone(), self.shows);
        ResponseFuture::new(self.inner.call(request), measure)
    }
}
