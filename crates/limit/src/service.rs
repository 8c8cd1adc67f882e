use crate::{
    Admission, Cost, Quota, RequestsOnly, ResponseBody, ResponseFuture,
    future::{Asked, Terms},
    rests::Rests,
};
use headworks_core::{BoxError, Classify, LastResort, Returned, StatusClassifier};
use http::{Request, Response};
use http_body::Body;
use std::task::{Context, Poll};
use tokio::time::Instant;
use tower_service::Service;

/// Admits requests while its [`Quota`] has room for them, and accounts for what they cost. See the
/// [crate docs](crate).
#[derive(Clone, Debug)]
pub struct RateLimit<S, C = RequestsOnly, K = StatusClassifier> {
    pub(crate) inner: S,
    pub(crate) quota: Quota,
    pub(crate) cost: C,
    pub(crate) classifier: K,
    pub(crate) rests: Rests,
}

// ===== impl RateLimit =====

impl<S, C, K> RateLimit<S, C, K> {
    /// The quota it keeps.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// The service within.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, C, K, B, R> Service<Request<B>> for RateLimit<S, C, K>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    C: Cost<B>,
    B: Send + 'static,
    K: Classify + Clone,
    R: Body,
{
    type Response = Response<ResponseBody<R, C::Tally>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, C::Tally, K>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (tokens, tally) = self.cost.estimate(&request);
        let now = Instant::now();
        let anyway = request.extensions().get::<LastResort>().is_some();
        let admission = match anyway {
            false => self.quota.ask(tokens, now),
            true => self.quota.ask_anyway(tokens, now),
        };
        let terms = Terms {
            tally,
            rests: self.rests.clone(),
            anyway,
            classifier: self.classifier.clone(),
        };
        match admission {
            Admission::Now(Ok(reservation)) => {
                ResponseFuture::admitted(self.inner.call(request), reservation, terms)
            }
            Admission::Now(Err(why)) => {
                ResponseFuture::turned_away(Returned::new(request, why).into())
            }
            Admission::Later(asking) => {
                // The one that is ready waits with the request; its clone is made ready before the next.
                let clone = self.inner.clone();
                let service = std::mem::replace(&mut self.inner, clone);
                ResponseFuture::asking(Asked {
                    asking,
                    service,
                    request,
                    terms,
                })
            }
        }
    }
}
