use super::*;
use bytes::Bytes;
use headworks_core::Answer as Judged;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use std::{convert::Infallible, time::Duration};
use tokio::time::{advance, sleep};
use tokio_test::{assert_ready_ok, task};
use tower_test::mock::{self, Handle, Spawn};

type Answer = UnsyncBoxBody<Bytes, &'static str>;
type Service = Spawn<Latency<mock::Mock<(), Response<Answer>>>>;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn service() -> (Service, Handle<(), Response<Answer>>) {
    let (mock, mut handle) = mock::pair();
    handle.allow(1_000);
    (Spawn::new(Latency::new(mock)), handle)
}

fn whole(status: u16, text: &'static str) -> Response<Answer> {
    let body = Full::from(text).map_err(|never: Infallible| match never {});
    let status = StatusCode::from_u16(status).unwrap();
    Response::builder()
        .status(status)
        .body(body.boxed_unsync())
        .unwrap()
}

/// One frame each `every`, and then, perhaps, an error.
fn stream(frames: u32, every: Duration, ends: Option<&'static str>) -> Response<Answer> {
    let frames = (0..frames)
        .map(|_| Ok(Frame::data(Bytes::from("x"))))
        .chain(ends.map(Err));
    let frames = futures_util::stream::iter(frames);
    let frames = futures_util::StreamExt::then(frames, move |frame| async move {
        sleep(every).await;
        frame
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// Sends a request, whose answer's head comes after `after`.
async fn send(
    service: &mut Service,
    handle: &mut Handle<(), Response<Answer>>,
    after: Duration,
    answer: Result<Response<Answer>, &'static str>,
) -> Result<Response<LatencyBody<Answer>>, BoxError> {
    assert_ready_ok!(service.poll_ready());
    let future = task::spawn(service.call(()));
    let ((), send) = handle.next_request().await.unwrap();
    advance(after).await;
    match answer {
        Ok(answer) => send.send_response(answer),
        Err(error) => send.send_error(error),
    }
    future.into_inner().await
}

fn load(service: &Service) -> f64 {
    service.get_ref().load()
}

#[track_caller]
fn near(left: f64, right: f64) {
    assert!((left / right - 1.0).abs() < 0.01, "{left} is not {right}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_known_by_its_first_data_and_by_its_pace() {
    let (mut service, mut handle) = service();
    let answer = Ok(stream(100, ms(10), None));
    let response = send(&mut service, &mut handle, ms(390), answer).await;
    let mut body = response.unwrap().into_body();
    assert!(body.frame().await.is_some());
    near(load(&service), 0.4 * 2.0);
    while body.frame().await.is_some() {}
    let fast = load(&service);
    assert!(fast < 0.4);

    // As soon as that one, and ten times slower afterwards: 10.3 s for a hundred units.
    let answer = Ok(stream(100, ms(100), None));
    let response = send(&mut service, &mut handle, ms(300), answer).await;
    response.unwrap().into_body().collect().await.unwrap();
    let slow = load(&service);
    assert!(slow > 2.0 * fast && slow < 10.3 / 6.0, "{slow}");
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_not_a_slow_one() {
    let (mut service, mut handle) = service();
    let long: &'static str = "word".repeat(180).leak();
    for (text, took) in [("hi", ms(525)), (long, ms(5_000))] {
        let response = send(&mut service, &mut handle, took, Ok(whole(200, text))).await;
        assert_eq!(
            response
                .unwrap()
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes(),
            text
        );
        near(load(&service), 0.5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_dawdles_hides_the_pace_and_harms_nobody() {
    let (mut service, mut handle) = service();
    let answer = Ok(stream(3, ms(100), None));
    let response = send(&mut service, &mut handle, ms(100), answer).await;
    let mut body = response.unwrap().into_body();
    while body.frame().await.is_some() {
        sleep(Duration::from_secs(20)).await;
    }
    assert!(load(&service) < 0.2);
}

#[tokio::test(start_paused = true)]
async fn a_fast_failure_is_worse_than_a_slow_success() {
    let slow = {
        let (mut service, mut handle) = service();
        drop(send(&mut service, &mut handle, ms(9_000), Ok(whole(200, ""))).await);
        load(&service)
    };
    for (status, hint) in [
        (429, None),
        (429, Some(30_u64)),
        (500, None),
        (503, Some(9)),
        (401, None),
    ] {
        let (mut service, mut handle) = service();
        drop(send(&mut service, &mut handle, ms(100), Ok(whole(200, ""))).await);
        let before = load(&service);
        for _ in 0..4 {
            let mut answer = whole(status, "no");
            if let Some(secs) = hint {
                answer.headers_mut().insert("retry-after", secs.into());
            }
            let answer = send(&mut service, &mut handle, ms(2), Ok(answer)).await;
            assert!(load(&service) > before, "while its body is unread");
            drop(answer);
        }
        assert!(load(&service) > slow, "{status}");
        if let Some(secs) = hint {
            advance(Duration::from_secs(secs - 1)).await;
            assert!(load(&service) > slow * 1e6);
            advance(Duration::from_secs(2)).await;
            assert!(load(&service) < slow);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_error_and_a_cut_stream_are_failures() {
    let (mut service, mut handle) = service();
    for _ in 0..20 {
        drop(send(&mut service, &mut handle, ms(100), Ok(whole(200, ""))).await);
    }
    let before = load(&service);
    let refused = send(&mut service, &mut handle, ms(1), Err("refused")).await;
    assert_eq!(refused.unwrap_err().to_string(), "refused");
    near(load(&service), before * 4.0);

    let cut = Ok(stream(2, ms(1), Some("reset")));
    let response = send(&mut service, &mut handle, ms(1), cut).await;
    assert!(response.unwrap().into_body().collect().await.is_err());
    assert!(load(&service) > before * 10.0);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_and_whoever_asks_wrongly_says_nothing() {
    let (mut service, mut handle) = service();
    drop(send(&mut service, &mut handle, ms(100), Ok(whole(200, ""))).await);
    let before = load(&service);
    for status in [400, 404, 422] {
        drop(send(&mut service, &mut handle, ms(1), Ok(whole(status, "no"))).await);
        near(load(&service), before);
    }
    assert_ready_ok!(service.poll_ready());
    let future = task::spawn(service.call(()));
    near(load(&service), before * 2.0);
    assert!(handle.next_request().await.is_some());
    drop(future);
    near(load(&service), before);
    let answer = Ok(stream(3, ms(100), None));
    let response = send(&mut service, &mut handle, ms(1), answer).await;
    drop(response);
    near(load(&service), before);
}

#[test]
fn an_answer_is_streamed_unless_its_length_or_its_kind_says_otherwise() {
    let streamed = || stream(1, ms(1), None);
    assert_eq!(Form::of(&streamed()), Form::Streamed);
    assert_eq!(Form::of(&whole(200, "abc")), Form::Whole);
    for (kind, form) in [
        ("text/event-stream", Form::Streamed),
        ("application/json", Form::Whole),
        ("Application/JSON; charset=utf-8", Form::Whole),
        ("application/jso", Form::Streamed),
    ] {
        let mut response = streamed();
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, kind.parse().unwrap());
        assert_eq!(Form::of(&response), form, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn units_and_verdicts_are_the_users_to_define() {
    let (mock, mut handle) = mock::pair::<(), Response<Answer>>();
    handle.allow(10);
    let layer = LatencyLayer::new()
        .classifier(|_: Judged<'_>| Outcome::Success.into())
        .units(|data: &Bytes| data.len() as u64);
    let mut service = Spawn::new(layer.layer(mock));
    assert_ready_ok!(service.poll_ready());
    let future = task::spawn(service.call(()));
    let ((), send) = handle.next_request().await.unwrap();
    advance(ms(1_000)).await;
    send.send_response(whole(500, "twenty bytes of text"));
    let response = future.into_inner().await.unwrap();
    response.into_body().collect().await.unwrap();
    near(layer.layer(()).load(), 0.5);
}
