//! Streams: the first byte when it leaves the upstream, and a cut one never a success.

use crate::{CHAT, chat_stream, group_at};
use headworks_e2e::{Headworks, bounded, read_until};
use headworks_upstream::{Gate, Upstream, openai};
use http_body_util::BodyExt;

#[tokio::test]
async fn each_event_passes_before_the_next_exists() {
    let upstreams = Upstream::start_many(1).await;
    let gates: Vec<_> = (1..7).map(|_| Gate::new()).collect();
    let mut answer = openai::chat_stream("a-model", false);
    for (event, gate) in (1..).zip(&gates) {
        answer = answer.hold_before(event, gate);
    }
    upstreams[0].answer(answer);
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let body = chat_stream("gpt-4o").to_string();
    let mut response = headworks.client().open(CHAT, body).await;
    assert_eq!(response.status(), 200);

    // Whatever the client has read, the upstream has not sent more than that.
    let events = [
        "\"role\"",
        "Hello",
        " from",
        " upstream",
        "\"stop\"",
        "[DONE]",
    ];
    for (at, event) in events.into_iter().enumerate() {
        read_until(response.body_mut(), event).await;
        if let Some(gate) = gates.get(at) {
            gate.open();
        }
    }
    assert!(bounded(response.frame()).await.is_none());
}

#[tokio::test]
async fn the_head_passes_before_the_first_event_exists() {
    let upstreams = Upstream::start_many(1).await;
    let first = Gate::new();
    upstreams[0].answer(openai::chat_stream("a-model", false).hold_before(0, &first));
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let body = chat_stream("gpt-4o").to_string();
    let mut response = headworks.client().open(CHAT, body).await;
    assert_eq!(response.headers()["x-litellm-model-id"], "a");
    first.open();
    read_until(response.body_mut(), "[DONE]").await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_does_not_end_as_if_it_were_whole() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    for answer in [
        openai::chat_stream("a-model", false).cut_after(3),
        openai::chat_stream("a-model", false).reset_after(3),
    ] {
        upstreams[0].answer_next(answer);
        let mut response = client.open(CHAT, chat_stream("gpt-4o").to_string()).await;
        read_until(response.body_mut(), " from").await;
        let rest = bounded(response.into_body().collect()).await;
        assert!(rest.is_err(), "it ended in order: {rest:?}");
    }
    // No second answer is made of it.
    assert_eq!(upstreams[0].seen().requests, 2);
}
