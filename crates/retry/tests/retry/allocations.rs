//! What a request that succeeds at once costs the allocator.

use headworks_core::{Attempts, BoxError};
use headworks_retry::{Retry, RetryPolicy};
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use std::{
    future::{Ready, ready},
    pin::pin,
    task::{Context, Waker},
};
use tower::{Service, service_fn};

fn answer(_: Request<&'static str>) -> Ready<Result<Response<Full<&'static [u8]>>, BoxError>> {
    ready(Ok(Response::default()))
}

fn allocated(further: u32, request: Request<&'static str>) -> u64 {
    let mut retry = Retry::new(service_fn(answer), RetryPolicy::new(further));
    let mut cx = Context::from_waker(Waker::noop());
    allocation_counter::measure(|| {
        let answer = pin!(retry.call(request));
        assert!(answer.poll(&mut cx).is_ready());
    })
    .count_total
}

fn request(ledger: Option<Attempts>) -> Request<&'static str> {
    let mut request = Request::new("hi");
    for name in [header::ACCEPT, header::CONTENT_TYPE, header::USER_AGENT] {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static("x"));
    }
    if let Some(ledger) = ledger {
        request.extensions_mut().insert(ledger);
    }
    request
}

#[test]
fn without_a_plan_nothing_is_copied() {
    assert_eq!(allocated(0, request(Some(Attempts::new(0)))), 0);
    assert_eq!(allocated(2, request(Some(Attempts::new(0)))), 0);
}

#[test]
fn with_a_plan_the_head_of_the_request_is_copied_once() {
    // The map of the headers is two, that of the extensions two, and each extension one more.
    assert_eq!(allocated(2, request(Some(Attempts::new(2)))), 5);
}

#[test]
fn a_ledger_of_its_own_costs_the_ledger_and_its_place() {
    assert_eq!(allocated(2, request(None)), 5 + 4);
}
