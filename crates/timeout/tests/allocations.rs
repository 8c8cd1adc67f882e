//! What the layers cost the allocator: nothing.

use headworks_core::{Attempts, BoxError};
use headworks_timeout::{AttemptTimeoutLayer, DeadlineLayer};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use std::{
    pin::{Pin, pin},
    task::{Context, Waker},
    time::Duration,
};
use tower::{Service, ServiceBuilder, service_fn};

type Answer = Response<Full<&'static [u8]>>;

#[tokio::test(start_paused = true)]
async fn a_request_that_is_answered_in_time_allocates_nothing() {
    const LIMIT: Duration = Duration::from_secs(9);
    let mut polls = 0;
    // An answer that takes a poll, so that both clocks are armed.
    let inner = service_fn(move |_: Request<()>| {
        std::future::poll_fn(move |_| {
            polls += 1;
            if polls % 2 == 0 {
                std::task::Poll::Ready(Ok::<_, BoxError>(Answer::default()))
            } else {
                std::task::Poll::Pending
            }
        })
    });
    let mut stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(LIMIT))
        .layer(AttemptTimeoutLayer::new(LIMIT))
        .service(inner);
    let mut request = Request::new(());
    request.extensions_mut().insert(Attempts::new(2));

    let mut cx = Context::from_waker(Waker::noop());
    let allocated = allocation_counter::measure(|| {
        let mut answer = pin!(stack.call(request));
        assert!(answer.as_mut().poll(&mut cx).is_pending());
        let std::task::Poll::Ready(Ok(answer)) = answer.poll(&mut cx) else {
            panic!("the second poll answers");
        };
        let mut body = pin!(answer.into_body());
        while let std::task::Poll::Ready(Some(_)) = Pin::as_mut(&mut body).poll_frame(&mut cx) {}
    });
    assert_eq!(allocated.count_total, 0);
}
