use crate::{
    Provider,
    verdict::{JudgeLayer, JudgedBody, MAX_ERROR_BODY, Statuses},
};
use bytes::Bytes;
use headworks_core::{Answer, Classify, Hint, Outcome, StatusClassifier, Verdict};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_service::Service;

/// A body whose frames come when the test says so. It counts how often it was dropped.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Frames>>);

#[derive(Default)]
struct Frames {
    frames: VecDeque<Option<Result<Frame<Bytes>, &'static str>>>,
    announced: Option<u64>,
    dropped: usize,
}

struct Scripted(Script);

impl Script {
    fn data(&self, data: impl Into<Bytes>) -> &Self {
        self.push(Some(Ok(Frame::data(data.into()))))
    }

    fn end(&self) -> &Self {
        self.push(None)
    }

    fn push(&self, frame: Option<Result<Frame<Bytes>, &'static str>>) -> &Self {
        self.0.lock().frames.push_back(frame);
        self
    }

    fn response(&self, status: u16) -> Response<Scripted> {
        let body = Scripted(self.clone());
        Response::builder().status(status).body(body).unwrap()
    }

    fn dropped(&self) -> usize {
        self.0.lock().dropped
    }
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.0.0.lock().frames.pop_front() {
            Some(frame) => Poll::Ready(frame),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let announced = self.0.0.lock().announced;
        announced.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.0.0.lock().dropped += 1;
    }
}

fn openai() -> JudgeLayer {
    JudgeLayer::new(Provider::find("openai").unwrap())
}

/// The answer that becomes of `response`, as soon as it is polled.
fn judge<B: Body<Data = Bytes>>(
    layer: &JudgeLayer,
    response: Response<B>,
) -> task::Spawn<impl Future<Output = Result<Response<JudgedBody<B>>, Infallible>> + use<B>> {
    let mut response = Some(response);
    let inner = service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
    });
    task::spawn(layer.layer(inner).call(Request::new(())))
}

fn verdict<B>(response: &Response<B>) -> Verdict {
    StatusClassifier::default().classify(Answer::from(response))
}

const TOO_LONG: &str = r#"{"error":{"code":"context_length_exceeded","message":"…"}}"#;

#[tokio::test]
async fn an_error_carries_its_verdict_and_says_the_same_bytes() {
    let script = Script::default();
    let (one, two) = TOO_LONG.split_at(20);
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    script.data(one).data("").data(two);
    script
        .push(Some(Ok(Frame::trailers(trailers.clone()))))
        .end();

    let answer = assert_ready_ok!(judge(&openai(), script.response(400)).poll());
    assert_eq!(verdict(&answer), Outcome::ContextTooLong.into());
    assert_eq!(
        script.dropped(),
        1,
        "a body that is over holds no connection"
    );
    assert_eq!(
        answer.body().size_hint().exact(),
        Some(TOO_LONG.len() as u64)
    );
    assert!(!answer.body().is_end_stream());

    let mut body = answer.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        one
    );
    assert_eq!(body.size_hint().exact(), Some(two.len() as u64));
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        two
    );
    assert_eq!(
        body.frame()
            .await
            .unwrap()
            .unwrap()
            .into_trailers()
            .unwrap(),
        trailers
    );
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[test]
fn an_answer_that_is_no_error_is_not_read() {
    for status in [200, 204, 302] {
        let script = Script::default();
        script.data(TOO_LONG);
        let answer = assert_ready_ok!(judge(&openai(), script.response(status)).poll());
        assert_eq!(answer.extensions().get::<Verdict>(), None);
        assert_eq!(script.0.lock().frames.len(), 1);
        assert!(answer.extensions().is_empty());
    }
}

#[test]
fn a_verdict_from_further_in_is_left_alone() {
    let script = Script::default();
    let mut response = script.response(400);
    response
        .extensions_mut()
        .insert(Verdict::from(Outcome::Timeout));
    let answer = assert_ready_ok!(judge(&openai(), response).poll());
    assert_eq!(verdict(&answer).outcome, Outcome::Timeout);
}

#[test]
fn the_head_waits_for_the_body_and_leaving_drops_it() {
    let script = Script::default();
    let mut future = judge(&openai(), script.response(429));
    assert_pending!(future.poll());
    script.data("{");
    assert_pending!(future.poll());
    assert_eq!(script.dropped(), 0);
    drop(future);
    assert_eq!(script.dropped(), 1);
}

#[tokio::test]
async fn no_more_is_read_than_the_bound_and_the_rest_comes_live() {
    let script = Script::default();
    script.0.lock().announced = Some(7);
    let half = Bytes::from(vec![b' '; MAX_ERROR_BODY / 2]);
    script.data(half.clone()).data(half.clone());
    let answer = assert_ready_ok!(judge(&openai(), script.response(503)).poll());
    assert_eq!(verdict(&answer).outcome, Outcome::Capacity);
    assert_eq!(
        answer.body().size_hint().exact(),
        Some(MAX_ERROR_BODY as u64 + 7)
    );

    let mut body = answer.into_body();
    for _ in 0..2 {
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            half
        );
    }
    assert!(!body.is_end_stream());
    let mut frame = task::spawn(body.frame());
    assert_pending!(frame.poll());
    script.data("the end").end();
    let data = assert_ready!(frame.poll())
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!(data, "the end");
    drop(frame);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn an_error_that_breaks_off_is_judged_by_what_came_and_breaks_off_again() {
    let script = Script::default();
    script.data(TOO_LONG).push(Some(Err("reset")));
    let answer = assert_ready_ok!(judge(&openai(), script.response(400)).poll());
    assert_eq!(verdict(&answer).outcome, Outcome::ContextTooLong);

    let mut body = answer.into_body();
    assert_eq!(body.size_hint().upper(), None);
    assert_eq!(body.size_hint().lower(), TOO_LONG.len() as u64);
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        TOO_LONG
    );
    assert!(!body.is_end_stream());
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "reset");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn the_user_has_the_last_word() {
    let inner = service_fn(async |request: Request<u16>| {
        let response = Response::builder()
            .status(*request.body())
            .header("retry-after", "3");
        Ok::<_, Infallible>(response.body(Full::<Bytes>::from(TOO_LONG)).unwrap())
    });
    let teapot = StatusCode::IM_A_TEAPOT;
    let statuses = Statuses::from_iter([(teapot, Outcome::Timeout), (teapot, Outcome::Capacity)]);
    let judged = openai().overrule(statuses).layer(inner);
    let of = async |status| verdict(&judged.clone().oneshot(Request::new(status)).await.unwrap());
    assert_eq!(of(418).await.outcome, Outcome::Capacity);
    assert_eq!(of(400).await.outcome, Outcome::ContextTooLong);

    let judged = openai()
        .overrule(|case: &crate::verdict::Case<'_>| {
            assert_eq!(case.provider.name(), "openai");
            assert_eq!(case.headers["retry-after"], "3");
            assert_eq!(case.body, TOO_LONG.as_bytes());
            assert_eq!(case.verdict.outcome, Outcome::ContextTooLong);
            let hint = Some(Hint::after(Duration::from_secs(9)));
            Some(Verdict {
                outcome: Outcome::RateLimited,
                hint,
            })
        })
        .layer(inner);
    let answer = judged.oneshot(Request::new(400)).await.unwrap();
    assert_eq!(
        verdict(&answer).hint.unwrap().wait(),
        Duration::from_secs(9)
    );
}

#[test]
fn it_is_as_thread_safe_as_what_it_holds_and_prints_nothing_of_it() {
    fn assert<T: Send + Sync + Unpin>(_: &T) {}
    let response = Response::builder()
        .status(400)
        .body(Full::<Bytes>::from("sk-secret"));
    let mut future = judge(&openai(), response.unwrap());
    let answer = assert_ready_ok!(future.poll());
    assert(answer.body());
    assert_eq!(format!("{:?}", answer.body()), r#"JudgedBody("Judged")"#);
}

proptest! {
    #[test]
    fn however_a_body_is_cut_it_says_the_same(sizes in prop::collection::vec(0_usize..40_000, 0..6)) {
        let whole: Vec<u8> = (0..=u8::MAX).cycle().take(sizes.iter().sum()).collect();
        let script = Script::default();
        let mut rest = &*whole;
        for size in sizes {
            let (chunk, after) = rest.split_at(size);
            script.data(chunk.to_vec());
            rest = after;
        }
        script.end();
        // A body longer than the bound is read on as it comes.
        let answer = assert_ready_ok!(judge(&openai(), script.response(500)).poll());
        let mut collected = task::spawn(answer.into_body().collect());
        prop_assert_eq!(assert_ready_ok!(collected.poll()).to_bytes(), whole);
    }
}
