use crate::{Failure, Inner, Subject, caused_by};
use headworks_core::BoxError;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt};

/// It is ready when the service within is, wakes when that becomes so, and fails when that fails.
pub fn readiness_passes_through<L: Subject<Inner>>(layer: L) {
    let inner = Inner::good();
    let mut service = layer.layer(inner.clone());

    inner.shut();
    let mut ready = task::spawn(becomes_ready(&mut service));
    assert_pending!(ready.poll());
    inner.open();
    assert!(ready.is_woken(), "the waker was not passed on");
    // Ready at the second asking, as this service within always is.
    assert_pending!(ready.poll());
    assert_ready_ok!(ready.poll());
    drop(ready);

    inner.die();
    let mut service = layer.layer(inner);
    let mut ready = task::spawn(becomes_ready(&mut service));
    let error = assert_ready_err!(ready.poll());
    assert!(caused_by::<Failure>(&*error), "{error:?}");
}

async fn becomes_ready<S>(service: &mut S) -> Result<(), BoxError>
where
    S: Service<crate::Request, Error: Into<BoxError>>,
{
    service.ready().await.map(|_| ()).map_err(Into::into)
}
