//! Which instance is called, and when.

use headworks_core::Attempts;
use headworks_retry::{Retry, RetryLayer, RetryPolicy};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower_test::mock::{self, Handle, Mock, SendResponse, Spawn};

type Call = Request<&'static str>;
type Answer = Response<Full<&'static [u8]>>;

type Mocked = Spawn<Retry<Mock<Call, Answer>>>;

fn spawn(further: u32) -> (Mocked, Handle<Call, Answer>) {
    mock::spawn_layer(RetryLayer::new(RetryPolicy::new(further)))
}

fn answer(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::new(&b"why"[..]));
    *answer.status_mut() = status;
    answer
}

/// Answers with a 500 after having told the ledger that others are free.
fn fail((request, send): (Call, SendResponse<Answer>)) {
    let ledger: &Attempts = request.extensions().get().unwrap();
    let _running = ledger.begin(
        &"g".into(),
        &"d".into(),
        headworks_core::Why::new("test"),
        1,
    );
    send.send_response(answer(StatusCode::INTERNAL_SERVER_ERROR));
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_the_service_within_is() {
    let (mut retry, mut handle) = spawn(2);
    handle.allow(0);
    assert_pending!(retry.poll_ready());
    handle.allow(1);
    assert_ready_ok!(retry.poll_ready());
}

#[tokio::test(start_paused = true)]
async fn the_ready_instance_is_called_and_a_further_attempt_waits_until_it_is_ready_again() {
    let (mut retry, mut handle) = spawn(2);
    // One call is allowed: a clone that was not polled ready could not make it.
    handle.allow(1);
    assert_ready_ok!(retry.poll_ready());
    let mut response = task::spawn(retry.call(Request::new("hi")));
    assert_pending!(response.poll());
    fail(handle.next_request().await.unwrap());
    assert_pending!(response.poll());
    assert_pending!(task::spawn(handle.next_request()).poll());

    handle.allow(1);
    assert!(response.is_woken());
    assert_pending!(response.poll());
    let (request, send) = handle.next_request().await.unwrap();
    assert_eq!(*request.body(), "hi");
    send.send_response(answer(StatusCode::OK));
    assert_eq!(assert_ready_ok!(response.poll()).status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_gone_by_then_does_not_lose_the_answer() {
    let (mut retry, mut handle) = spawn(2);
    assert_ready_ok!(retry.poll_ready());
    let mut response = task::spawn(retry.call(Request::new("hi")));
    assert_pending!(response.poll());
    fail(handle.next_request().await.unwrap());
    handle.send_error("gone");
    let response = assert_ready_ok!(response.poll());
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "why"
    );
}

#[tokio::test(start_paused = true)]
async fn errors_pass_when_there_is_no_plan() {
    let (mut retry, mut handle) = spawn(0);
    assert_ready_ok!(retry.poll_ready());
    let mut response = task::spawn(retry.call(Request::new("hi")));
    let (_, send) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    send.send_error("refused");
    assert_eq!(assert_ready_err!(response.poll()).to_string(), "refused");
}
