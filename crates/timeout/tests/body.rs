//! From the head of the answer to the end of its body.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks_core::{Attempts, BoxError, Clock, Elapsed, Timeouts};
use headworks_timeout::{AttemptTimeoutLayer, DeadlineLayer, TimeoutBody};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{
    BodyExt, Full,
    channel::{Channel, Sender},
};
use std::{future::ready, pin::Pin, time::Duration};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, task};
use tower::service_fn;
use tower_layer::Layer;
use tower_service::Service;
use tower_test::mock::{self, Mock};

type Call = Request<()>;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The body of an answer whose head came four seconds after the request.
async fn answer<L, B>(layer: L, timeouts: Timeouts, body: B) -> Pin<Box<TimeoutBody<B>>>
where
    L: Layer<Mock<Call, Response<B>>>,
    L::Service: Service<Call, Response = Response<TimeoutBody<B>>, Error = BoxError>,
{
    let (mut service, mut handle) = mock::spawn_layer(layer);
    assert!(service.poll_ready().is_ready());
    let mut request = Request::new(());
    request.extensions_mut().insert(timeouts);
    let answer = service.call(request);
    let (_, send) = handle.next_request().await.unwrap();
    advance(secs(4)).await;
    send.send_response(Response::new(body));
    Box::pin(answer.await.unwrap().into_body())
}

/// The same, with a body that comes from afar.
async fn stream<L>(
    layer: L,
    timeouts: Timeouts,
) -> (Pin<Box<TimeoutBody<Upstream>>>, Sender<Bytes, BoxError>)
where
    L: Layer<Mock<Call, Response<Upstream>>>,
    L::Service: Service<Call, Response = Response<TimeoutBody<Upstream>>, Error = BoxError>,
{
    let (sender, body) = Channel::new(8);
    (answer(layer, timeouts, body).await, sender)
}

type Upstream = Channel<Bytes, BoxError>;

#[tokio::test(start_paused = true)]
async fn the_clock_of_the_head_runs_on_in_the_body() {
    for clock in [Clock::Total, Clock::Attempt] {
        let (mut body, mut sender) = match clock {
            Clock::Total => stream(DeadlineLayer::new(secs(10)), Timeouts::default()).await,
            _ => stream(AttemptTimeoutLayer::new(secs(10)), Timeouts::default()).await,
        };
        sender.send_data("abc".into()).await.unwrap();
        let data = task::spawn(body.frame())
            .poll()
            .map(|frame| frame.unwrap().unwrap());
        assert_eq!(assert_ready!(data).into_data().unwrap(), "abc");

        // Six seconds are left of the ten, and not one more for having been heard from.
        let mut frame = task::spawn(body.frame());
        assert_pending!(frame.poll());
        advance(secs(6) - Duration::from_millis(1)).await;
        assert_pending!(frame.poll());
        advance(Duration::from_millis(1)).await;
        let error = assert_ready!(frame.poll()).unwrap().unwrap_err();
        assert_eq!(
            error.downcast_ref(),
            Some(&Elapsed::new(clock, secs(10))),
            "{error}"
        );
        drop(frame);
        assert!(body.is_end_stream());
        assert!(assert_ready!(task::spawn(body.frame()).poll()).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_stops_at_the_head_where_the_request_says_so() {
    let mut timeouts = Timeouts::default();
    timeouts.total_body = Some(false);
    timeouts.attempt_body = Some(false);
    let (mut total, _total) = stream(DeadlineLayer::new(secs(10)), timeouts).await;
    let (mut attempt, _attempt) = stream(AttemptTimeoutLayer::new(secs(10)), timeouts).await;
    let (mut total, mut attempt) = (task::spawn(total.frame()), task::spawn(attempt.frame()));
    assert_pending!(total.poll());
    assert_pending!(attempt.poll());
    advance(secs(1_000_000)).await;
    assert!(!total.is_woken() && !attempt.is_woken());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_use_up_the_time_of_the_attempt() {
    let layer = AttemptTimeoutLayer::new(secs(10));
    let (mut body, mut sender) = stream(layer, Timeouts::default()).await;
    for _ in 0..5 {
        sender.send_data("abc".into()).await.unwrap();
    }
    // Data is there all the time, and nobody asks for it, not even for the first of it.
    for _ in 0..5 {
        advance(secs(60)).await;
        assert!(body.frame().await.unwrap().is_ok());
    }
    // Four seconds were used up before the head, and these are the other six, with a pause between them.
    advance(secs(60)).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(5)).await;
    assert_pending!(frame.poll());
    sender.send_data("abc".into()).await.unwrap();
    assert!(assert_ready!(frame.poll()).unwrap().is_ok());
    drop(frame);
    // The timer of the last wait fires meanwhile, and means nothing by now.
    advance(secs(60)).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(1) - Duration::from_millis(1)).await;
    assert_pending!(frame.poll());
    advance(Duration::from_millis(1)).await;
    let error = assert_ready!(frame.poll()).unwrap().unwrap_err();
    let elapsed = Some(&Elapsed::new(Clock::Attempt, secs(10)));
    assert_eq!(error.downcast_ref(), elapsed);
}

#[tokio::test(start_paused = true)]
async fn no_pause_puts_an_attempt_off_beyond_the_deadline() {
    let ledger = Attempts::new(0);
    ledger.shorten_deadline(Instant::now() + secs(30));
    let mut request = Request::new(());
    request.extensions_mut().insert(ledger);
    let (_sender, upstream) = Channel::<Bytes, BoxError>::new(8);
    let mut upstream = Some(upstream);
    let answer = move |_: Call| ready(Ok::<_, BoxError>(Response::new(upstream.take().unwrap())));
    let mut service = AttemptTimeoutLayer::new(secs(10)).layer(service_fn(answer));
    let mut body = Box::pin(service.call(request).await.unwrap().into_body());
    advance(secs(29)).await;
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    advance(secs(1)).await;
    let error = assert_ready!(frame.poll()).unwrap().unwrap_err();
    assert_eq!(
        error.downcast_ref(),
        Some(&Elapsed::new(Clock::Total, secs(30)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_meets_the_deadline_though_data_is_there() {
    let (mut body, mut sender) = stream(DeadlineLayer::new(secs(10)), Timeouts::default()).await;
    for _ in 0..4 {
        sender.send_data("abc".into()).await.unwrap();
    }
    assert!(body.frame().await.unwrap().is_ok());
    advance(secs(6)).await;
    assert!(
        body.frame().await.unwrap().is_ok(),
        "ready when the clock runs out"
    );
    advance(Duration::from_millis(1)).await;
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_body_is_never_held_back() {
    let (mut body, sender) = stream(DeadlineLayer::new(secs(10)), Timeouts::default()).await;
    drop(sender);
    advance(secs(60)).await;
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn size_trailers_and_errors_pass() {
    let layer = AttemptTimeoutLayer::new(secs(10));
    let mut body = answer(layer, Timeouts::default(), Full::new(Bytes::from("abc"))).await;
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(!body.is_end_stream());
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.is_end_stream());

    let (mut body, mut sender) = stream(layer, Timeouts::default()).await;
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    sender
        .send(Frame::trailers(trailers.clone()))
        .await
        .unwrap();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap(), trailers);
    sender.abort("reset".into());
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "reset");
}

#[test]
fn a_body_is_as_thread_safe_as_what_it_holds() {
    fn assert<T: Send + Sync>() {}
    assert::<TimeoutBody<Full<Bytes>>>();
}
