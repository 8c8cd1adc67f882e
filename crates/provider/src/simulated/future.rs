use super::{
    Params, ResponseBody,
    body::Chunk,
    failure::{Failure, Told},
    fate::{Fate, Shared},
    reply::{JSON, Reply},
    request::{Asked, Form},
};
use crate::Endpoint;
use bytes::Buf;
use headworks_core::BoxError;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;
use pin_project::pin_project;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Reads the request, thinks as long as it is told to, answers.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<B> {
    shared: Arc<Shared>,
    endpoint: Option<Endpoint>,
    form: Form,
    fate: Fate,
    arrived: Instant,
    #[pin]
    state: State<B>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a future is in either state about as long"
)]
enum State<B> {
    Reading {
        #[pin]
        body: B,
        read: Vec<u8>,
    },
    Thinking {
        #[pin]
        pause: Sleep,
        answer: Option<Answered>,
    },
}

impl<B> ResponseFuture<B> {
    pub(super) fn new(
        shared: Arc<Shared>,
        endpoint: Option<Endpoint>,
        form: Form,
        body: B,
    ) -> Self {
        Self {
            fate: shared.next(),
            shared,
            endpoint,
            form,
            arrived: Instant::now(),
            state: State::Reading {
                body,
                read: Vec::new(),
            },
        }
    }
}

impl<B> Future for ResponseFuture<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Answered;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Reading { body, read } => match ready!(body.poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        if let Ok(mut data) = frame.into_data() {
                            while data.has_remaining() {
                                read.extend_from_slice(data.chunk());
                                data.advance(data.chunk().len());
                            }
                        }
                    }
                    Some(Err(error)) => return Poll::Ready(Err(error.into())),
                    None => {
                        let (takes, answer) =
                            answer(this.shared, *this.endpoint, *this.form, this.fate, read);
                        let due = *this.arrived + takes;
                        if due <= Instant::now() {
                            return Poll::Ready(begun(answer));
                        }
                        this.state.set(State::Thinking {
                            pause: sleep_until(due),
                            answer: Some(answer),
                        });
                    }
                },
                StateProj::Thinking { pause, answer } => {
                    ready!(pause.poll(cx));
                    #[expect(clippy::expect_used, reason = "a broken contract")]
                    let answer = answer.take().expect("a future is polled after its end");
                    return Poll::Ready(begun(answer));
                }
            }
        }
    }
}

type Answered = Result<Response<ResponseBody>, BoxError>;

/// Tokens are counted from the head of the answer, which is now.
fn begun(answer: Answered) -> Answered {
    answer.map(|response| response.map(ResponseBody::begun))
}

/// The answer to a request that has been read, and how long after its arrival it is given.
fn answer(
    shared: &Shared,
    endpoint: Option<Endpoint>,
    form: Form,
    fate: &Fate,
    read: &[u8],
) -> (Duration, Answered) {
    let params = &shared.params;
    let mut takes = fate.latency;
    let (status, content_type, body) = match reply(params, endpoint, form, fate, read) {
        Err(Failure::Connection) => {
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            return (takes, Err(refused.into()));
        }
        Err(Failure::Status(told)) => {
            let body = ResponseBody::whole(told.body(endpoint), None);
            (told.status, JSON, body)
        }
        Ok(Reply::Whole {
            content_type,
            tokens,
            data,
        }) => {
            if let Some(tokens) = tokens {
                takes = takes.saturating_add(params.token_due(tokens.saturating_sub(1)));
            }
            let body = ResponseBody::whole(data, fate.cut);
            (StatusCode::OK, content_type, body)
        }
        Ok(Reply::Events(events)) => {
            let chunks = events.into_iter().map(|(token, data)| {
                let due = token.map_or(Duration::ZERO, |index| params.token_due(index));
                Chunk { due, data }
            });
            let body = ResponseBody::events(chunks.collect(), fate.cut);
            (StatusCode::OK, "text/event-stream", body)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(quota) = &fate.quota {
        quota.write(headers);
    }
    (takes, Ok(response))
}

/// What is said to the request: what its fate says, what is wrong with it, or what it asked for.
fn reply(
    params: &Params,
    endpoint: Option<Endpoint>,
    form: Form,
    fate: &Fate,
    read: &[u8],
) -> Result<Reply, Failure> {
    if let Some(failure) = fate.failure {
        return Err(failure);
    }
    let endpoint = endpoint.ok_or(Failure::Status(Told::unknown_url()))?;
    let asked = Asked::parse(form, read).map_err(Failure::Status)?;
    Ok(Reply::new(
        endpoint,
        &asked,
        read.len(),
        params,
        fate.number,
    ))
}
