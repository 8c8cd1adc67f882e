//! The contract every layer is held to, on this one.

#![expect(
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_contract::{Failure, Inner, Play, Request, ScriptedBody, request, run};
use headworks_fallback::{FallbackLayer, Fallbacks};
use http::Response;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::{Layer, Service, ServiceExt};

fn layer() -> FallbackLayer {
    let fallbacks = Fallbacks::builder()
        .general("gpt-4o", ["claude", "gemini"])
        .build(|name| Some(name.into()))
        .expect("two groups and no circle");
    FallbackLayer::new(fallbacks)
}

headworks_contract::suite! {
    layer: crate::layer,
    bodies: cloned,
    readiness: passed_through,
    errors: boxed,
    // The request, cloned for a group that may follow: two for its headers, two for the map of its extensions
    // and one for each of the four; and the word that nothing is to be waited for.
    allocations: 9,
    state: none,
    records: none,
}

mod nothing_configured {
    use headworks_fallback::{FallbackLayer, Fallbacks};

    headworks_contract::suite! {
        layer: || FallbackLayer::new(Fallbacks::default()),
        bodies: cloned,
        readiness: passed_through,
        errors: boxed,
        allocations: 0,
        state: none,
        records: none,
    }
}

#[test]
fn each_further_group_is_asked_through_an_instance_polled_ready() {
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
        let mut service = layer().layer(inner.clone());
        for requests in 1..=3 {
            let ready = ServiceExt::<Request>::ready(&mut service).await.unwrap();
            assert_eq!(ready.call(request()).await.unwrap().status(), 200);
            assert_eq!(inner.calls(), 3 * requests);
        }
    });
}
