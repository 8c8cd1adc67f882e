use super::{answers, read_to_the_end};
use crate::{Inner, Subject, request};
use futures_util::future::join_all;
use std::mem;
use tower::{Service, ServiceExt, buffer::Buffer};

const REQUESTS: usize = 20;

/// It answers when each request gets a clone of its own and readiness lives for that request alone, which is
/// how axum and hyper use a service.
pub async fn a_clone_for_each_request<L: Subject<Inner>>(layer: L) {
    let inner = Inner::good();
    let service = layer.layer(inner.clone());
    for _ in 0..REQUESTS {
        answers(&mut service.clone()).await;
    }
    assert_eq!(inner.calls(), REQUESTS);
}

/// It answers request after request on one instance.
pub async fn one_instance_for_all<L: Subject<Inner>>(layer: L) {
    let inner = Inner::good();
    let mut service = layer.layer(inner.clone());
    for _ in 0..REQUESTS {
        answers(&mut service).await;
    }
    assert_eq!(inner.calls(), REQUESTS);
}

/// It answers many at once from within `tower::buffer`, whose worker dies of the first panic or error.
pub async fn behind_a_buffer<L>(layer: L)
where
    L: Subject<Inner>,
{
    let inner = Inner::good();
    let service = layer.layer(inner.clone()).map_err(Into::into);
    let buffer = Buffer::new(service, REQUESTS);
    let all = (0..REQUESTS).map(|_| buffer.clone().oneshot(request()));
    for answer in join_all(all).await {
        read_to_the_end(answer.unwrap()).await;
    }
    assert_eq!(inner.calls(), REQUESTS);
}

/// It calls the instance within that was polled ready and no other, in each order in which a caller may
/// poll, clone, take and drop. The service within panics on any other.
pub async fn only_what_was_polled_ready<L: Subject<Inner>>(layer: L) {
    let fresh = || layer.layer(Inner::good());

    // A clone is made of an instance that is ready; the instance itself is called.
    let mut service = fresh();
    service.ready().await.map_err(Into::into).unwrap();
    let mut clone = service.clone();
    let first = service.call(request());

    // The clone was not polled; once it is, it answers too, while the first call is still under way.
    clone.ready().await.map_err(Into::into).unwrap();
    let second = clone.call(request());
    for answer in [first.await, second.await] {
        read_to_the_end(answer.map_err(Into::into).unwrap()).await;
    }

    // The ready one is taken and a clone left behind.
    let mut service = fresh();
    service.ready().await.map_err(Into::into).unwrap();
    let clone = service.clone();
    let mut taken = mem::replace(&mut service, clone);
    let answer = taken.call(request()).await;
    read_to_the_end(answer.map_err(Into::into).unwrap()).await;
    answers(&mut service).await;

    // The call outlives the service it was made on.
    let mut service = fresh();
    let call = service
        .ready()
        .await
        .map_err(Into::into)
        .unwrap()
        .call(request());
    drop(service);
    read_to_the_end(call.await.map_err(Into::into).unwrap()).await;
}
