//! What is left alone, and answers with nothing in them.

use crate::*;
use futures_util::stream;
use headworks_contract::Failure;
use headworks_openai::stream::StreamErrorKind;
use http::StatusCode;
use http_body::{Frame, SizeHint};
use http_body_util::StreamBody;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio_test::{assert_pending, task};

fn answer(head: &[(&str, &str)], status: u16, steps: Vec<Step>) -> Response<ScriptedBody> {
    let mut answer = Response::builder().status(status);
    for (name, value) in head {
        answer = answer.header(*name, *value);
    }
    answer.body(ScriptedBody::new(steps)).unwrap()
}

/// Asks at `path` and reads what comes.
async fn passed(
    path: &str,
    answer: impl Fn() -> Response<ScriptedBody> + Send + Sync + 'static,
) -> (String, Option<BoxError>) {
    let service = commit(CommitLayer::default(), answer);
    read(service.oneshot(request(path)).await.unwrap().into_body()).await
}

#[tokio::test]
async fn what_is_no_stream_that_it_can_read_passes_as_it_is() {
    const SSE: (&str, &str) = ("content-type", "text/event-stream");
    const JSON: (&str, &str) = ("content-type", "application/json");
    const GZIP: (&str, &str) = ("content-encoding", "gzip");
    const CHAT: &str = "/v1/chat/completions";
    for (path, head, status) in [
        (CHAT, &[JSON][..], 200),
        (CHAT, &[SSE], 500),
        (CHAT, &[SSE], 304),
        (CHAT, &[SSE, GZIP], 200),
        ("/v1/something/else", &[SSE], 200),
    ] {
        let (told, error) = passed(path, move || answer(head, status, vec![data(ROLE)])).await;
        assert_eq!(told, ROLE, "{path} {head:?} {status}");
        assert!(error.is_none());
    }
}

#[tokio::test]
async fn a_stream_that_is_plain_in_so_many_words_is_followed() {
    let head = [
        ("content-type", "Text/Event-Stream;charset=utf-8"),
        ("content-encoding", "identity"),
    ];
    let service = commit(CommitLayer::default(), move || {
        answer(&head, 200, vec![data(ROLE)])
    });
    let error = service.oneshot(chat()).await.unwrap_err();
    assert_eq!(kind(&error), StreamErrorKind::Cut);
}

#[tokio::test]
async fn a_200_with_nothing_in_it_is_an_error() {
    for head in [
        &[][..],
        &[("content-type", "application/json")],
        &[("content-type", "audio/mpeg")],
    ] {
        for steps in [
            (|| vec![]) as fn() -> Vec<Step>,
            || vec![data(""), data("")],
            || vec![Step::Trailers(Default::default())],
        ] {
            let service = commit(CommitLayer::default(), move || answer(head, 200, steps()));
            let error = service.oneshot(chat()).await.unwrap_err();
            assert_eq!(kind(&error), StreamErrorKind::Empty);
        }
    }
    let broken = || answer(&[], 200, vec![Step::Fail(Failure::reset())]);
    let service = commit(CommitLayer::default(), broken);
    let error = service.oneshot(chat()).await.unwrap_err();
    assert_eq!(kind(&error), StreamErrorKind::Cut);
}

#[tokio::test]
async fn nothing_is_no_error_where_nothing_was_asked_for() {
    let empty = || answer(&[], 200, vec![]);
    let service = commit(CommitLayer::default(), empty);
    let get = Request::get("/v1/models").body(String::new()).unwrap();
    assert_eq!(service.oneshot(get).await.unwrap().status(), 200);

    for (head, status) in [
        (&[][..], 204),
        (&[], 503),
        (&[("content-type", "application/grpc+proto")], 200),
    ] {
        let service = commit(CommitLayer::default(), move || answer(head, status, vec![]));
        let response = service.oneshot(chat()).await.unwrap();
        assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
        assert!(response.body().is_end_stream());
    }
}

#[tokio::test]
async fn an_answer_of_known_length_waits_for_its_first_bytes_and_is_as_long_as_it_said() {
    let steps = || vec![data("{"), data("}")];
    let service = commit(CommitLayer::default(), move || answer(&[], 200, steps()));
    let response = service.oneshot(chat()).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(2));
    assert_eq!(read(response.into_body()).await.0, "{}");
    // Between head and body the connection breaks: nobody has seen anything yet.
    let service = CommitLayer::default().layer(Inner::answering(|| Promising));
    let error = service.oneshot(chat()).await.unwrap_err();
    assert_eq!(kind(&error), StreamErrorKind::Cut);
}

/// Says how long it is, and breaks.
#[derive(Debug)]
struct Promising;

impl Body for Promising {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Err("reset".into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(9)
    }
}

#[tokio::test]
async fn an_answer_of_unknown_length_is_handed_on_with_its_first_bytes() {
    // A `StreamBody` says nothing of its length.
    let body = || {
        let frames = ["", "{", "}"].map(|text| Ok::<_, BoxError>(Frame::data(Bytes::from(text))));
        StreamBody::new(stream::iter(frames))
    };
    let service = CommitLayer::default().layer(Inner::answering(body));
    let response = service.oneshot(chat()).await.unwrap();
    let hint = response.body().size_hint();
    assert_eq!((hint.lower(), hint.upper()), (1, None));
    assert!(!response.body().is_end_stream());
    assert_eq!(read(response.into_body()).await.0, "{}");

    let silent = || StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>());
    let service = CommitLayer::default().layer(Inner::answering(silent));
    let mut call = task::spawn(service.oneshot(chat()));
    for _ in 0..5 {
        assert_pending!(call.poll());
    }
}
