//! The layer in front of a mock service, poll by poll.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_alias::{Alias, AliasLayer, Aliases};
use headworks_core::{Group, RequestedModel};
use http::{Request, Response};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower_test::mock::{self, Handle, Spawn};

type Call = Request<&'static str>;
type Mock = mock::Mock<Call, Response<()>>;

fn spawn() -> (Spawn<Alias<Mock>>, Handle<Call, Response<()>>) {
    let aliases = Aliases::new([("gpt-4", "gpt-4o")], |_| true).unwrap();
    mock::spawn_layer(AliasLayer::new(aliases))
}

fn request(model: &str) -> Call {
    let mut request = Request::new("body");
    request.extensions_mut().insert(RequestedModel::from(model));
    request
}

#[tokio::test]
async fn an_alias_becomes_its_group_and_what_was_asked_for_stays() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let mut answer = tokio_test::task::spawn(service.call(request("gpt-4")));
    let (seen, send) = handle.next_request().await.unwrap();
    assert_eq!(seen.extensions().get(), Some(&Group::from("gpt-4o")));
    assert_eq!(
        seen.extensions().get(),
        Some(&RequestedModel::from("gpt-4"))
    );
    assert_eq!(*seen.body(), "body");
    assert_pending!(answer.poll());
    send.send_response(Response::new(()));
    assert_ready_ok!(answer.poll());
}

#[tokio::test]
async fn another_name_is_its_own_group() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let _answer = service.call(request("claude"));
    let (seen, _) = handle.next_request().await.unwrap();
    assert_eq!(seen.extensions().get(), Some(&Group::from("claude")));
}

#[tokio::test]
async fn a_request_that_names_no_model_passes_untouched() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let mut request = Request::new("body");
    request
        .extensions_mut()
        .insert(Group::from("set by the edge"));
    let _answer = service.call(request);
    let (seen, _) = handle.next_request().await.unwrap();
    assert_eq!(
        seen.extensions().get(),
        Some(&Group::from("set by the edge"))
    );
}

#[tokio::test]
async fn readiness_and_errors_are_those_of_the_service_within() {
    let (mut service, mut handle) = spawn();
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut answer = tokio_test::task::spawn(service.call(request("gpt-4")));
    let (_, send) = handle.next_request().await.unwrap();
    send.send_error("refused");
    assert_eq!(assert_ready_err!(answer.poll()).to_string(), "refused");
}

#[test]
fn it_is_as_thread_safe_as_what_it_holds() {
    fn assert<T: Clone + Send + Sync>() {}
    assert::<Alias<()>>();
    assert::<AliasLayer>();
}
