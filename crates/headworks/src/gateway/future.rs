use super::{
    ResponseBody,
    exchange::{Answering, Asking, Call},
    patience::Patience,
    read::Read,
    stack::Stack,
};
use crate::health::ReportFuture;
use bytes::Bytes;
use headworks_core::BoxError;
use headworks_openai::RequestBody;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project::pin_project;
use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower::util::Oneshot;

/// The future of [`Gateway`](super::Gateway).
#[pin_project]
pub struct ResponseFuture<B>(#[pin] State<B>);

#[pin_project(project = StateProj)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is what nearly every request comes to, and is not boxed"
)]
enum State<B> {
    /// The gateway answers itself.
    Own(Option<Response<Full<Bytes>>>),
    /// The deployments are being checked. Its parts are small, and are boxed within.
    Health {
        report: ReportFuture,
        call: Call,
        head: bool,
    },
    /// The request's body is being read.
    Reading {
        #[pin]
        body: Read<B>,
        /// Taken when the body is there.
        asking: Option<(Asking, Stack)>,
    },
    /// The same, of a stream whose client is kept in patience.
    Patient(Option<Box<Patience>>),
    /// The stack works on an answer.
    Calling {
        #[pin]
        answer: Oneshot<Stack, Request<RequestBody>>,
        answering: Answering,
    },
}

// ===== impl ResponseFuture =====

impl<B> ResponseFuture<B> {
    pub(super) const fn own(response: Response<Full<Bytes>>) -> Self {
        Self(State::Own(Some(response)))
    }

    pub(super) const fn health(report: ReportFuture, call: Call, head: bool) -> Self {
        Self(State::Health { report, call, head })
    }

    pub(super) const fn reading(body: Read<B>, asking: Asking, stack: Stack) -> Self {
        Self(State::Reading {
            body,
            asking: Some((asking, stack)),
        })
    }
}

impl<B> Future for ResponseFuture<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    #[expect(clippy::expect_used, reason = "a broken contract")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Own(response) => {
                    let response = response
                        .take()
                        .expect("a future is not polled once it is ready");
                    return Poll::Ready(Ok(response.map(ResponseBody::own)));
                }
                StateProj::Health { report, call, head } => {
                    let report = ready!(Pin::new(report).poll(cx));
                    State::Own(Some(super::health(report, call, *head)))
                }
                StateProj::Reading { body, asking } => {
                    let read = ready!(body.poll(cx));
                    let (asking, stack) = asking.take().expect("taken once, on leaving the state");
                    match asking.prepare(read) {
                        Ok((request, answering)) => {
                            let answer = Oneshot::new(stack, request);
                            match answering.keepalive() {
                                None => State::Calling { answer, answering },
                                Some((every, path)) => {
                                    let patience = Patience::new(answer, answering, every, path);
                                    State::Patient(Some(Box::new(patience)))
                                }
                            }
                        }
                        Err(response) => State::Own(Some(response)),
                    }
                }
                StateProj::Patient(patience) => {
                    let waiting = patience.as_mut();
                    let waiting = waiting.expect("a future is not polled once it is ready");
                    if let Some(answer) = ready!(waiting.poll(cx)) {
                        return Poll::Ready(Ok(answer));
                    }
                    let waiting = patience.take().expect("seen above");
                    let head = waiting.head();
                    return Poll::Ready(Ok(head.map(ResponseBody::patient)));
                }
                StateProj::Calling { answer, answering } => {
                    let answer = ready!(answer.poll(cx));
                    return Poll::Ready(Ok(answering.finish(answer)));
                }
            };
            state.set(next);
        }
    }
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
