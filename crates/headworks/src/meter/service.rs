use super::{Measure, Meters, ResponseBody, ResponseFuture};
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
}

/// Counts and times the attempts on one deployment; see the [module](super).
#[derive(Clone, Debug)]
pub struct Meter<S> {
    inner: S,
    meters: Arc<Meters>,
}

// ===== impl MeterLayer =====

impl MeterLayer {
    /// Records to `meters`. Every service this layer makes records to the same ones.
    #[must_use]
    pub fn new(meters: Meters) -> Self {
        Self {
            meters: Arc::new(meters),
        }
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        Meter {
            inner,
            meters: self.meters.clone(),
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
        let measure = Measure::begin(self.meters.clone());
        ResponseFuture::new(self.inner.call(request), measure)
    }
}
