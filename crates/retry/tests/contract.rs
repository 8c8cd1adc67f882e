//! The contract every layer is held to, on this one.

use headworks_contract::{Failure, Inner, Play, Request, ScriptedBody, request, run};
use headworks_retry::{RetryLayer, RetryPolicy};
use http::Response;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::{Layer, Service, ServiceExt};

headworks_contract::suite! {
    layer: || RetryLayer::new(RetryPolicy::new(2)),
    bodies: cloned,
    readiness: passed_through,
    errors: boxed,
    // The request, cloned for an attempt that may follow: two for its headers, two for the map of its
    // extensions and one for each of the four.
    allocations: 8,
    state: none,
    records: none,
}

#[test]
fn each_further_attempt_goes_through_an_instance_polled_ready() {
    run(async {
        let seen = AtomicUsize::new(0);
        let inner = Inner::new(move || match seen.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => Play::Fail(Failure::reset()),
            1 => {
                let mut response = Response::new(ScriptedBody::good());
                *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                Play::Answer(response)
            }
            _ => Play::Answer(Response::new(ScriptedBody::good())),
        });
        let mut service = RetryLayer::new(RetryPolicy::new(2)).layer(inner.clone());
        for requests in 1..=3 {
            let ready = ServiceExt::<Request>::ready(&mut service).await.unwrap();
            assert_eq!(ready.call(request()).await.unwrap().status(), 200);
            assert_eq!(inner.calls(), 3 * requests);
        }
    });
}
