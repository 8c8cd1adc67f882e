use super::read_to_the_end;
use crate::{DATA, Inner, ScriptedBody, Subject, TRAILER, request, request_of};
use bytes::Bytes;
use headworks_core::{Attempts, BoxError};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};
use tower::{Service, ServiceExt};
use tower_layer::Layer;

/// What is seen of a body in one poll: the frame, and what it says of itself afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Glimpse {
    frame: Seen,
    is_end_stream: bool,
    lower: u64,
    upper: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Pending,
    Data(Bytes),
    Trailers(HeaderMap),
    Error,
    End,
}

/// A request with this body is answered.
pub async fn request_body_passes<L, S, RB, B>(layer: L, body: RB)
where
    L: Layer<Inner, Service = S>,
    S: Service<Request<RB>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let service = layer.layer(Inner::good());
    let answer = service.oneshot(request_of(body, &Attempts::new(2))).await;
    read_to_the_end(answer.map_err(Into::into).unwrap()).await;
}

/// A response with this body passes, frame by frame, whatever its data and its error are.
pub async fn response_body_passes<L, S, I, B>(layer: L, body: fn() -> I)
where
    L: Layer<Inner<I>, Service = S>,
    S: Service<crate::Request, Response = Response<B>, Error: Into<BoxError>>,
    I: Body + 'static,
    B: Body<Data = I::Data>,
{
    let mut frames = 0;
    let mut within = pin!(body());
    while let Some(Ok(_)) = within.frame().await {
        frames += 1;
    }
    let service = layer.layer(Inner::answering(body));
    let answer = service.oneshot(request()).await.map_err(Into::into);
    let mut passed = pin!(answer.unwrap().into_body());
    for _ in 0..frames {
        assert!(matches!(passed.frame().await, Some(Ok(_))));
    }
    assert!(passed.frame().await.is_none());
}

/// Poll for poll the body says of itself what the one within says: frames, trailers, errors, `size_hint`,
/// `is_end_stream`.
pub async fn bodies_pass_as_they_are<L: Subject<Inner>>(layer: L) {
    let failing = || {
        let data = crate::Step::Data(Bytes::from_static(DATA[0]));
        ScriptedBody::new([data, crate::Step::Fail(crate::Failure::reset())])
    };
    for make in [ScriptedBody::good, || ScriptedBody::new([]), failing] {
        let service = layer.layer(Inner::answering(make));
        let answer = service.oneshot(request()).await.map_err(Into::into);
        let passed = glimpses(answer.unwrap().into_body());
        assert_eq!(passed, glimpses(make()));
    }

    let service = layer.layer(Inner::good());
    let answer = service.oneshot(request()).await.map_err(Into::into);
    let body = pin!(answer.unwrap().into_body());
    let body = body.collect().await.map_err(Into::into).unwrap();
    assert_eq!(body.trailers().unwrap()[http::header::ETAG], TRAILER);
}

/// Polls to the end, an error or a stall, noting each time what is seen.
fn glimpses<B: Body<Data = Bytes>>(body: B) -> Vec<Glimpse> {
    let mut body = pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    let mut glimpses = Vec::new();
    loop {
        let (is_end_stream, hint) = (body.is_end_stream(), body.size_hint());
        let frame = match body.as_mut().poll_frame(&mut cx) {
            Poll::Pending => Seen::Pending,
            Poll::Ready(Some(Ok(frame))) => seen(frame),
            Poll::Ready(Some(Err(_))) => Seen::Error,
            Poll::Ready(None) => Seen::End,
        };
        let over = matches!(frame, Seen::End | Seen::Error);
        glimpses.push(Glimpse {
            frame,
            is_end_stream,
            lower: hint.lower(),
            upper: hint.upper(),
        });
        if over {
            return glimpses;
        }
    }
}

fn seen(frame: Frame<Bytes>) -> Seen {
    match frame.into_data() {
        Ok(data) => Seen::Data(data),
        Err(frame) => Seen::Trailers(frame.into_trailers().unwrap_or_default()),
    }
}
