//! Our decisions in the layer of `tower::retry`.

use crate::upstream::{Call, Step, Upstream, reply, status};
use headworks_core::{Attempts, Refusal};
use headworks_retry::{RetryPolicy, TowerPolicy};
use http::Request;
use std::time::Duration;
use tower::{Service, ServiceExt, retry::Retry};

fn retry(upstream: Upstream, further: u32) -> Retry<TowerPolicy, Upstream> {
    Retry::new(TowerPolicy::from(RetryPolicy::new(further)), upstream)
}

fn request() -> Call {
    let mut request = Request::new("hi");
    request.extensions_mut().insert(Attempts::new(9));
    request
}

#[tokio::test(start_paused = true)]
async fn it_goes_elsewhere_at_once_and_waits_for_a_hint() {
    let limited = reply(429, |reply| {
        reply.headers.insert("retry-after", "2".parse().unwrap());
        reply.body.clear();
    });
    let empty = reply(500, |reply| reply.body.clear());
    let (upstream, seen) = Upstream::among([1, 0], [empty, limited]);
    let response = retry(upstream.lenient(), 2)
        .oneshot(request())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let times: Vec<_> = seen.times().iter().map(Duration::as_secs).collect();
    assert_eq!(times, [0, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_one_instance_has_its_own_plan() {
    let (upstream, seen) = Upstream::among(vec![1; 9], vec![status(500); 9]);
    let mut retry = retry(upstream.lenient(), 2);
    for requests in 1..=3 {
        let answer = retry.ready().await.unwrap().call(request()).await;
        assert_eq!(answer.unwrap().status(), 500);
        assert_eq!(seen.count(), 3 * requests);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_never_asked_again() {
    let (upstream, seen) = Upstream::alone([Step::Refusal]);
    let error = retry(upstream, 2).oneshot(request()).await.err().unwrap();
    assert!(error.is::<Refusal>());
    assert_eq!(seen.count(), 1);
}
