use crate::{DATA, Inner, Play, ScriptedBody, Step, Subject, request};
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use std::{pin::pin, sync::Arc};
use tokio_test::task;
use tower::{Service, ServiceExt};

/// Who drops the future ends the call within, polled or not; who drops the body ends the body within.
pub async fn what_is_dropped_ends_within<L: Subject<Inner>>(layer: L) {
    let inner = Inner::new(|| Play::Silence);
    let mut service = layer.layer(inner.clone());
    let ready = service.ready().await.map_err(Into::into).unwrap();
    drop(ready.call(request()));
    assert_eq!(inner.running(), 0, "dropped before it was polled");

    let ready = service.ready().await.map_err(Into::into).unwrap();
    let mut call = task::spawn(ready.call(request()));
    for _ in 0..2 {
        assert!(call.poll().is_pending());
    }
    assert_eq!(inner.running(), 1);
    drop(call);
    assert_eq!(inner.running(), 0, "dropped before the head");

    let alive = Arc::new(());
    let body = {
        let alive = alive.clone();
        move || {
            let first = Step::Data(Bytes::from_static(DATA[0]));
            ScriptedBody::new([first, Step::Stall]).counted_by(&alive)
        }
    };
    let before = Arc::strong_count(&alive);
    let inner = Inner::new(move || Play::Answer(Response::new(body())));
    let service = layer.layer(inner.clone());
    let answer = service.oneshot(request()).await.map_err(Into::into);
    assert_eq!(
        inner.running(),
        0,
        "a future that is ready is of no more use"
    );
    {
        let mut body = pin!(answer.unwrap().into_body());
        assert!(matches!(body.frame().await, Some(Ok(_))));
        assert_eq!(Arc::strong_count(&alive), before + 1);
    }
    assert_eq!(Arc::strong_count(&alive), before, "dropped in mid-body");
}
