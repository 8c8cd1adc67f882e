//! The silence of a stream: before its head, and between two of its frames.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks_core::{BoxError, Clock, Elapsed, Timeouts};
use headworks_timeout::{IdleBody, StreamTimeout, StreamTimeoutLayer};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{
    BodyExt, Full,
    channel::{Channel, Sender},
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, task};
use tower_test::mock;

type Upstream = Channel<Bytes, BoxError>;
type Handle = mock::Handle<Request<()>, Response<Full<Bytes>>>;
type Answering = StreamTimeout<mock::Mock<Request<()>, Response<Full<Bytes>>>>;

const MS: Duration = Duration::from_millis(1);

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A body that may be silent for ten seconds, and who fills it.
fn body() -> (Pin<Box<IdleBody<Upstream>>>, Sender<Bytes, BoxError>) {
    let (sender, body) = Channel::new(8);
    (Box::pin(IdleBody::new(body, secs(10))), sender)
}

/// Ten seconds for a head.
fn service() -> (mock::Spawn<Answering>, Handle) {
    let (mut service, handle) = mock::spawn_layer(StreamTimeoutLayer::new().head(secs(10)));
    assert!(service.poll_ready().is_ready());
    (service, handle)
}

#[tokio::test(start_paused = true)]
async fn silence_between_two_frames_ends_the_body_and_drops_what_is_within() {
    let (mut body, mut sender) = body();
    sender.send_data("abc".into()).await.unwrap();
    assert!(body.frame().await.unwrap().is_ok());

    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(10) - MS).await;
    assert_pending!(frame.poll());
    advance(MS).await;
    assert!(frame.is_woken());
    let error = assert_ready!(frame.poll()).unwrap().unwrap_err();
    assert_eq!(
        error.downcast_ref(),
        Some(&Elapsed::new(Clock::Idle, secs(10))),
        "{error}"
    );
    drop(frame);
    // Nobody is there to be sent to.
    assert!(sender.send_data("def".into()).await.is_err());
    assert!(body.get_ref().is_none());
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(assert_ready!(task::spawn(body.frame()).poll()).is_none());
}

#[tokio::test(start_paused = true)]
async fn each_frame_begins_the_time_anew() {
    let (mut body, mut sender) = body();
    for _ in 0..20 {
        sender.send_data("abc".into()).await.unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        let mut frame = task::spawn(body.frame());
        assert_pending!(frame.poll());
        advance(secs(7)).await;
        assert_pending!(frame.poll());
    }
    advance(secs(3)).await;
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_first_frame_is_not_counted() {
    let (mut body, mut sender) = body();
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(1_000_000)).await;
    assert!(!frame.is_woken());
    sender.send_data("abc".into()).await.unwrap();
    assert!(assert_ready!(frame.poll()).unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_its_time_is_not_held_against_the_sender() {
    let (mut body, mut sender) = body();
    for _ in 0..5 {
        sender.send_data("abc".into()).await.unwrap();
    }
    // Data is there all the time.
    for _ in 0..5 {
        advance(secs(60)).await;
        assert!(body.frame().await.unwrap().is_ok());
    }
    // Nothing is there, but nobody has asked until now.
    advance(secs(60)).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(9)).await;
    assert_pending!(frame.poll());
    sender.send_data("abc".into()).await.unwrap();
    assert!(assert_ready!(frame.poll()).unwrap().is_ok());
    drop(frame);
    // The timer of the last wait fires meanwhile, and means nothing by now.
    advance(secs(60)).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(10) - MS).await;
    assert_pending!(frame.poll());
    advance(MS).await;
    assert!(assert_ready!(frame.poll()).unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_there_when_the_time_is_up_wins() {
    let (mut body, mut sender) = body();
    sender.send_data("abc".into()).await.unwrap();
    assert!(body.frame().await.unwrap().is_ok());
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    sender.send_data("def".into()).await.unwrap();
    advance(secs(60)).await;
    assert!(assert_ready!(frame.poll()).unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn size_trailers_errors_and_the_end_pass() {
    let mut known = Box::pin(IdleBody::new(Full::new(Bytes::from("abc")), secs(10)));
    assert_eq!(known.size_hint().exact(), Some(3));
    assert!(known.frame().await.unwrap().is_ok());
    assert!(known.is_end_stream());

    let (mut aborted, mut sender) = body();
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    let frame = Frame::trailers(trailers.clone());
    sender.send(frame).await.unwrap();
    let frame = aborted.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap(), trailers);
    sender.abort("reset".into());
    let error = aborted.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "reset");

    let (mut ended, sender) = body();
    drop(sender);
    assert!(ended.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_late_is_given_up() {
    let (mut service, mut handle) = service();
    let mut answer = task::spawn(service.call(Request::new(())));
    let (_, _send) = handle.next_request().await.unwrap();
    assert_pending!(answer.poll());
    advance(secs(10) - MS).await;
    assert_pending!(answer.poll());
    advance(MS).await;
    let error = assert_ready!(answer.poll()).unwrap_err();
    assert_eq!(
        error.downcast_ref(),
        Some(&Elapsed::new(Clock::Head, secs(10))),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_has_no_such_times() {
    let (mut service, mut handle) = service();
    let mut timeouts = Timeouts::default();
    timeouts.attempt_body = Some(true);
    let mut request = Request::new(());
    request.extensions_mut().insert(timeouts);
    let mut answer = task::spawn(service.call(request));
    let (_, send) = handle.next_request().await.unwrap();
    assert_pending!(answer.poll());
    advance(secs(1_000_000)).await;
    assert!(!answer.is_woken());
    send.send_response(Response::default());
    assert!(assert_ready!(answer.poll()).is_ok());
}

/// Never says anything, and shows by its count whether it is still there.
struct Silent(#[expect(dead_code, reason = "it is counted")] Arc<()>);

impl Body for Silent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[tokio::test(start_paused = true)]
async fn leaving_drops_what_is_within() {
    let alive = Arc::new(());
    let mut body = Box::pin(IdleBody::new(Silent(alive.clone()), secs(10)));
    assert_pending!(task::spawn(body.frame()).poll());
    drop(body);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_body_is_as_thread_safe_as_what_it_holds() {
    fn assert<T: Send + Sync>() {}
    assert::<IdleBody<Full<Bytes>>>();
}
