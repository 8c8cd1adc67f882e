use crate::{Inner, Subject, request};
use bytes::Bytes;
use http::Response;
use http_body::Body;
use std::{
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use tower::Service;

/// More polls than any request of the checks needs.
const ENOUGH: usize = 100;

/// A whole request (a clone of the service, readiness, the call, the head, every frame of the body, dropping
/// it all) allocates at most `most` times more than it does on the service within alone.
///
/// Counted on the second request, so that what is made once is not charged to it. Must run in a tokio
/// runtime, for layers with timers.
pub fn allocations_are_bounded<L: Subject<Inner>>(layer: L, most: u64) {
    let bare = Inner::good();
    let wrapped = layer.layer(Inner::good());
    let within = count(&bare);
    let whole = count(&wrapped);
    assert!(
        whole <= within + most,
        "{} allocations of its own, {most} granted",
        whole - within
    );
}

fn count<S, B>(service: &S) -> u64
where
    S: Service<crate::Request, Response = Response<B>> + Clone,
    B: Body<Data = Bytes>,
{
    drive(service.clone(), request());
    let request = request();
    allocation_counter::measure(|| drive(service.clone(), request)).count_total
}

/// Drives a request to its end with nothing but polls.
fn drive<S, B>(mut service: S, request: crate::Request)
where
    S: Service<crate::Request, Response = Response<B>>,
    B: Body<Data = Bytes>,
{
    let ready = poll(|cx| service.poll_ready(cx));
    assert!(ready.is_ok(), "not ready");
    let mut call = pin!(service.call(request));
    let Ok(response) = poll(|cx| call.as_mut().poll(cx)) else {
        panic!("no answer");
    };
    let mut body: Pin<&mut B> = pin!(response.into_body());
    while let Some(frame) = poll(|cx| body.as_mut().poll_frame(cx)) {
        assert!(frame.is_ok(), "a frame is missing");
    }
}

fn poll<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..ENOUGH {
        if let Poll::Ready(value) = poll(&mut cx) {
            return value;
        }
    }
    panic!("still pending after {ENOUGH} polls");
}
