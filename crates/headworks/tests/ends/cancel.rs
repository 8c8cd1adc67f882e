//! A request that is dropped at any moment leaves nothing behind: no count, no slot, no probe.

use crate::{ask, header, hello, rig::run};
use futures_util::{FutureExt, future::poll_fn};
use headworks::{Gateway, breaker::Phase, config::Config};
use headworks_upstream::{Answer, Received, Upstream, openai};
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

/// Each deployment has one slot, so that a slot that is not given back is missed; all other limits are kept too, and
/// too high for these few requests.
const CONFIG: &str = r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, order: 1, LIMITS, simulated: { latency_ms: 30, first_token_ms: 20, answer_tokens: 3, errors: { ERRORS } } }, model_info: { id: first } }
  - { model_name: m, litellm_params: { model: simulated/x, order: 2, LIMITS, simulated: { latency_ms: 30, first_token_ms: 20, answer_tokens: 3 SECOND } }, model_info: { id: second } }
  - { model_name: next, litellm_params: { model: simulated/x, LIMITS, simulated: { latency_ms: 30, first_token_ms: 20, answer_tokens: 3 } }, model_info: { id: next } }
router_settings: { num_retries: 2, fallbacks: [{ m: [next] }], SETTINGS }
headworks: { limits: enforce, HEADWORKS }
"#;

const LIMITS: &str =
    "rpm: 100000, tpm: 100000000, itpm: 100000000, otpm: 100000000, max_parallel_requests: 1";

const IDS: [&str; 3] = ["first", "second", "next"];

fn config(errors: &str, second: &str, settings: &str, own: &str) -> String {
    CONFIG
        .replace("LIMITS", LIMITS)
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

/// Drops what `what` has become after `polls` polls, and looks around just before; true if it was ready by then.
async fn poll_and_drop(what: impl Future, polls: &mut usize, mut look: impl FnMut()) -> bool {
    let mut what = pin!(what);
    poll_fn(|cx: &mut Context<'_>| {
        if *polls == 0 {
            look();
            return Poll::Ready(false);
        }
        *polls -= 1;
        what.as_mut().poll(cx).map(|_| true)
    })
    .await
}

/// What became of a request that was dropped.
#[derive(Clone, Copy, Default)]
struct Dropped {
    /// It was over before.
    over: bool,
    /// It had a reservation somewhere, and was in flight there.
    held: bool,
}

/// Asks, reads the answer, and drops it all after so many polls.
async fn cancelled(gateway: &Gateway, ids: &[&str], more: &str, polls: usize) -> Dropped {
    let mut left = polls;
    let mut held = false;
    let over = poll_and_drop(
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
        || {
            let mut all = ids.iter().map(|id| gateway.standing(id).unwrap());
            held = all.any(|standing| standing.reserved > 0 && standing.in_flight > 0);
        },
    )
    .await;
    Dropped { over, held }
}

/// Nobody has anything in flight, a reservation, or a probe.
fn nothing_is_left(gateway: &Gateway, ids: &[&str], polls: usize) {
    for id in ids {
        let standing = gateway.standing(id).unwrap();
        assert_eq!(
            (standing.in_flight, standing.reserved),
            (0, 0),
            "in flight and reserved at {id} after {polls} polls"
        );
        assert_ne!(
            standing.phase,
            Phase::HalfOpen { probing: true },
            "{id} after {polls} polls"
        );
    }
}

/// Cancels at every moment there is, each time in a gateway of its own, and looks for what is left.
fn leaves_nothing(config: &str, more: &str, prepare: usize) -> usize {
    let mut held = false;
    for polls in 0..2000 {
        let dropped = run(config, async |gateway, mut rig| {
            // Attempts that make for the state in which the one that is cancelled begins.
            for _ in 0..prepare {
                let response = ask(&gateway, hello(more)).await;
                drop(response.into_body().collect().await);
            }
            if prepare > 0 {
                sleep(Duration::from_secs(70)).await;
            }
            let dropped = cancelled(&gateway, &IDS, more, polls).await;
            rig.read();
            assert_eq!(rig.in_flight, 0.0, "in flight after {polls} polls");
            nothing_is_left(&gateway, &IDS, polls);
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
            nothing_is_left(&gateway, &IDS, polls);
            dropped
        });
        held |= dropped.held;
        if dropped.over {
            assert!(held, "nothing was reserved at any moment");
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
fn with_a_line_to_wait_in() {
    on_path(r#""429": 1.0"#, "", "", "queue: { wait: 1 }", 0);
}

/// An answer that is withheld for its content, in pieces that come one after the other.
fn withheld(request: &Received) -> Answer {
    let good = openai::good(request);
    let said = String::from_utf8(good.chunks().concat()).unwrap();
    let said = said.replace(r#"_reason":"stop""#, r#"_reason":"content_filter""#);
    let answer = match request.json()["stream"] == true {
        true => Answer::sse([said]),
        false => Answer::bytes(said).header("content-type", "application/json"),
    };
    answer.in_chunks(100).pace(Duration::from_millis(1))
}

/// The simulated provider withholds nothing: `a` and its content fallback `b` are behind sockets, on a clock that goes.
async fn a_withheld_answer_leaves_nothing(fallback: fn(&Received) -> Answer, answered_by: &str) {
    for (own, more) in [("", ""), ("commit: complete", "\"stream\":true,")] {
        let (a, b) = (Upstream::start().await, Upstream::start().await);
        a.answer_with(withheld);
        b.answer_with(fallback);
        let entry = |group: &str, id: &str, upstream: &Upstream| {
            let url = upstream.base_url();
            format!(
                "- {{ model_name: {group}, litellm_params: {{ model: openai/{id}, api_base: '{url}/v1', api_key: none, {LIMITS} }}, model_info: {{ id: {id} }} }}\n"
            )
        };
        let config = format!(
            "model_list:\n{}{}router_settings: {{ num_retries: 0, disable_cooldowns: true, content_policy_fallbacks: [{{ m: [f] }}] }}\nheadworks: {{ limits: enforce, {own} }}\n",
            entry("m", "a", &a),
            entry("f", "b", &b)
        );
        let config = Config::parse(&config, "config.yaml").unwrap().config;
        let gateway = Gateway::builder(&config).build().unwrap();
        let mut held = false;
        for polls in 0.. {
            assert!(polls < 2000, "it never ends");
            let dropped = cancelled(&gateway, &["a", "b"], more, polls).await;
            nothing_is_left(&gateway, &["a", "b"], polls);
            held |= dropped.held;
            if dropped.over {
                break;
            }
        }
        assert!(held, "nothing was reserved at any moment");
        // Each has its one slot after all that, and the path is the one that is meant.
        let response = ask(&gateway, hello(more)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-litellm-model-id"), answered_by);
        assert_eq!(header(&response, "x-litellm-attempted-fallbacks"), "1");
    }
}

#[tokio::test]
async fn a_withheld_answer_that_goes_to_the_content_fallbacks() {
    a_withheld_answer_leaves_nothing(openai::good, "b").await;
}

#[tokio::test]
async fn a_withheld_answer_that_is_given_after_all_once_its_fallback_has_failed() {
    let busy = |_: &Received| openai::error(503, "server_error", "no room");
    a_withheld_answer_leaves_nothing(busy, "a").await;
}
