//! Which instance is called, and when.

use headworks_core::{Attempts, Group};
use headworks_fallback::{Fallback, FallbackLayer, Fallbacks};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower_test::mock::{self, Handle, Mock, Spawn};

type Call = Request<&'static str>;
type Answer = Response<Full<&'static [u8]>>;

type Mocked = Spawn<Fallback<Mock<Call, Answer>>>;

fn spawn() -> (Mocked, Handle<Call, Answer>) {
    let fallbacks = Fallbacks::builder().general("a", ["b"]);
    let fallbacks = fallbacks.build(|name| Some(name.into())).unwrap();
    mock::spawn_layer(FallbackLayer::new(fallbacks))
}

fn request() -> Call {
    let mut request = Request::new("hi");
    request.extensions_mut().insert(Group::from("a"));
    request
}

fn answer(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::new(&b"why"[..]));
    *answer.status_mut() = status;
    answer
}

#[tokio::test(start_paused = true)]
async fn the_ready_instance_is_called_and_the_next_group_waits_until_it_is_ready_again() {
    let (mut fallback, mut handle) = spawn();
    handle.allow(0);
    assert_pending!(fallback.poll_ready());
    // One call is allowed: a clone that was not polled ready could not make it.
    handle.allow(1);
    assert_ready_ok!(fallback.poll_ready());
    let mut response = task::spawn(fallback.call(request()));
    assert_pending!(response.poll());
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(answer(StatusCode::INTERNAL_SERVER_ERROR));
    assert_pending!(response.poll());
    assert_pending!(task::spawn(handle.next_request()).poll());

    handle.allow(1);
    assert!(response.is_woken());
    assert_pending!(response.poll());
    let (request, send) = handle.next_request().await.unwrap();
    assert_eq!(*request.body(), "hi");
    assert_eq!(request.extensions().get(), Some(&Group::from("b")));
    let ledger: &Attempts = request.extensions().get().unwrap();
    assert_eq!((ledger.fallbacks(), ledger.left()), (1, 2), "made for it");
    send.send_response(answer(StatusCode::OK));
    assert_eq!(assert_ready_ok!(response.poll()).status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_gone_by_then_does_not_lose_the_answer() {
    let (mut fallback, mut handle) = spawn();
    assert_ready_ok!(fallback.poll_ready());
    let mut response = task::spawn(fallback.call(request()));
    assert_pending!(response.poll());
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(answer(StatusCode::INTERNAL_SERVER_ERROR));
    handle.send_error("gone");
    let response = assert_ready_ok!(response.poll());
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "why");
}

#[tokio::test(start_paused = true)]
async fn errors_pass_when_there_is_no_other_group() {
    let (mut fallback, mut handle) = spawn();
    assert_ready_ok!(fallback.poll_ready());
    let mut response = task::spawn(fallback.call(Request::new("without a group")));
    assert_pending!(response.poll());
    let (request, send) = handle.next_request().await.unwrap();
    assert!(request.extensions().get::<Attempts>().is_none());
    send.send_error("refused");
    assert_eq!(assert_ready_err!(response.poll()).to_string(), "refused");
}
