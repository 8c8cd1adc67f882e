//! A request that is dropped at any moment leaves nothing behind: no count, no slot, no probe.

use crate::{ask, hello, rig::run};
use futures_util::{FutureExt, future::poll_fn};
use headworks::Gateway;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::sleep;
use tokio_stream::StreamExt;
use tower::ServiceExt;

/// Each group has one slot a deployment, so that a slot that is not given back is missed.
const CONFIG: &str = r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, order: 1, rpm: 100, tpm: 100000, max_parallel_requests: 1, simulated: { latency_ms: 30, first_token_ms: 20, answer_tokens: 3, errors: { ERRORS } } }, model_info: { id: first } }
  - { model_name: m, litellm_params: { model: simulated/x, order: 2, rpm: 100, tpm: 100000, max_parallel_requests: 1, simulated: { latency_ms: 30, first_token_ms: 20, answer_tokens: 3 SECOND } }, model_info: { id: second } }
  - { model_name: next, litellm_params: { model: simulated/x, max_parallel_requests: 1, simulated: { latency_ms: 30, first_token_ms: 20, answer_tokens: 3 } }, model_info: { id: next } }
router_settings: { num_retries: 2, fallbacks: [{ m: [next] }], SETTINGS }
headworks: { HEADWORKS }
"#;

fn config(errors: &str, second: &str, settings: &str, own: &str) -> String {
    CONFIG
        .replace("ERRORS", errors)
        .replace("SECOND", second)
        .replace("SETTINGS", settings)
        .replace("HEADWORKS", own)
}

/// A request whose body comes in pieces, with a pause between them.
fn in_pieces(
    request: Request<http_body_util::Full<bytes::Bytes>>,
) -> Request<impl Body<Data = bytes::Bytes, Error = Infallible>> {
    let (head, body) = request.into_parts();
    let whole = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    let pieces: Vec<_> = whole
        .chunks(30)
        .map(|piece| Ok(Frame::data(whole.slice_ref(piece))))
        .collect();
    let pieces = tokio_stream::iter(pieces).then(|piece| async {
        sleep(Duration::from_millis(5)).await;
        piece
    });
    Request::from_parts(head, StreamBody::new(pieces))
}

/// Drops what `what` has become after `polls` polls; true if it was ready before.
async fn poll_and_drop(what: impl Future, polls: &mut usize) -> bool {
    let mut what = pin!(what);
    poll_fn(|cx: &mut Context<'_>| {
        if *polls == 0 {
            return Poll::Ready(false);
        }
        *polls -= 1;
        what.as_mut().poll(cx).map(|_| true)
    })
    .await
}

/// Asks, reads the answer, and drops it all after so many polls; true if it was over before.
async fn cancelled(gateway: &Gateway, more: &str, polls: usize) -> bool {
    let mut left = polls;
    poll_and_drop(
        async {
            let Ok(response): Result<Response<_>, _> =
                gateway.clone().oneshot(in_pieces(hello(more))).await;
            let mut body = pin!(response.into_body());
            while let Some(Ok(_)) = body.frame().await {
                // A moment to be dropped at between any two frames.
                tokio::task::yield_now().await;
            }
        },
        &mut left,
    )
    .await
}

/// Cancels at every moment there is, each time in a gateway of its own, and looks for what is left.
fn leaves_nothing(config: &str, more: &str, prepare: usize) -> usize {
    for polls in 0..2000 {
        let over = run(config, async |gateway, mut rig| {
            // Attempts that make for the state in which the one that is cancelled begins.
            for _ in 0..prepare {
                let response = ask(&gateway, hello(more)).await;
                drop(response.into_body().collect().await);
            }
            if prepare > 0 {
                sleep(Duration::from_secs(70)).await;
            }
            let over = cancelled(&gateway, more, polls).await;
            rig.read();
            assert_eq!(rig.in_flight, 0.0, "in flight after {polls} polls");
            for id in ["first", "second", "next"] {
                let standing = gateway.standing(id).unwrap();
                assert_eq!(standing.in_flight, 0, "{id} after {polls} polls");
            }
            // Whatever rested is let back, and its probe, if one was lost, with it: each deployment is asked
            // for itself, and has its slot and its reservation.
            sleep(Duration::from_secs(70)).await;
            rig.read();
            let before = rig.attempts.clone();
            let here = "\"num_retries\":0,\"mock_response\":\"here\",\"disable_fallbacks\":true,";
            // The first keeps its one slot until its answer is dropped, so the next is the second's.
            let mut held = Vec::new();
            for id in ["first", "second"] {
                let response = ask(&gateway, hello(here)).await;
                assert_eq!(response.status(), 200, "{id} after {polls} polls");
                assert_eq!(
                    response.headers()["x-litellm-model-id"],
                    id,
                    "after {polls} polls"
                );
                held.push(response);
            }
            drop(held);
            let response = ask(&gateway, crate::chat("next", "")).await;
            assert_eq!(response.status(), 200, "next, after {polls} polls");
            drop(response);
            rig.read();
            assert_eq!(rig.in_flight, 0.0);
            let sent: u64 = rig.attempts.values().sum::<u64>() - before.values().sum::<u64>();
            assert_eq!(sent, 3, "after {polls} polls");
            over
        });
        if over {
            return polls;
        }
    }
    panic!("it never ends");
}

/// A test for each path, for an answer as a whole and for a stream.
fn on_path(errors: &str, second: &str, settings: &str, own: &str, prepare: usize) {
    let config = config(errors, second, settings, own);
    for more in ["", "\"stream\":true,"] {
        let polls = leaves_nothing(&config, more, prepare);
        assert!(polls >= 5, "{polls} polls are no path");
    }
}

#[test]
fn an_answer_at_once() {
    on_path("", "", "", "", 0);
}

#[test]
fn a_retry_elsewhere() {
    on_path(r#""503": 1.0"#, "", "", "", 0);
}

#[test]
fn a_fallback_after_retries() {
    on_path(
        r#""500": 1.0"#,
        r#", errors: { "500": 1.0 }"#,
        "disable_cooldowns: true",
        "",
        0,
    );
}

#[test]
fn a_wait_before_the_same_deployment_is_asked_again() {
    // Without fallbacks both are worth a wait, and a total time is there to be set and dropped.
    let config = config(
        r#""500": 1.0"#,
        r#", errors: { "503": 0.9 }"#,
        "disable_cooldowns: true",
        "total_timeout: 30",
    );
    let more = "\"disable_fallbacks\":true,";
    assert!(leaves_nothing(&config, more, 0) > 5);
}

#[test]
fn a_probe_of_one_that_rested() {
    on_path(r#""429": 1.0"#, "", "cooldown_time: 5", "", 1);
}

#[test]
fn a_stream_that_is_held_to_its_end() {
    on_path(r#""503": 1.0"#, "", "", "commit: complete", 0);
}

#[test]
fn a_stream_whose_client_is_sent_comments() {
    on_path(r#""503": 1.0"#, "", "", "stream_keepalive: 0.01", 0);
}

#[test]
fn with_limits_that_are_kept_and_a_line_to_wait_in() {
    let own = "limits: enforce, queue: { wait: 1 }";
    on_path(r#""429": 1.0"#, "", "", own, 0);
}
