//! What a stream costs the allocator: the same, however long it is.

use crate::*;
use std::{
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use tower::Service;

/// A body that is polled through without a runtime.
fn count(events: usize) -> u64 {
    let steps = move || {
        let content = std::iter::repeat_with(|| data(HELLO)).take(events);
        let steps = [data(ROLE)].into_iter().chain(content);
        stream(steps.chain([data(STOP), data(DONE)]))
    };
    let mut service = commit(CommitLayer::default(), steps);
    let mut cx = Context::from_waker(Waker::noop());
    while Service::<Request<String>>::poll_ready(&mut service, &mut cx).is_pending() {}
    let mut call = pin!(service.call(chat()));
    // The head of the service within is made here.
    assert!(call.as_mut().poll(&mut cx).is_pending());
    let allocated = allocation_counter::measure(|| {
        let response = loop {
            if let Poll::Ready(response) = call.as_mut().poll(&mut cx) {
                break response.unwrap();
            }
        };
        let mut body = pin!(response.into_body());
        loop {
            match Pin::as_mut(&mut body).poll_frame(&mut cx) {
                Poll::Pending => {}
                Poll::Ready(Some(frame)) => drop(frame.unwrap()),
                Poll::Ready(None) => break,
            }
        }
    });
    allocated.count_total
}

#[test]
fn a_long_stream_costs_no_more_allocations_than_a_short_one() {
    let (short, long) = (count(10), count(10_000));
    assert_eq!(short, long);
    assert!(short <= 13, "{short}");
}
