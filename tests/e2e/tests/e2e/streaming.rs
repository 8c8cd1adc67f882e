//! Streams: the first byte when it leaves the upstream, and a cut one never a success.

use crate::{CHAT, chat_stream, group_at};
use headworks_e2e::{Headworks, bounded, read_until};
use headworks_upstream::{Gate, Upstream, openai};
use http_body_util::BodyExt;

#[tokio::test]
async fn each_event_passes_before_the_next_exists() {
    let upstreams = Upstream::start_many(1).await;
    // The head waits for the first word, which is the second event.
    let gates: Vec<_> = (2..7).map(|_| Gate::new()).collect();
    let mut answer = openai::chat_stream("a-model", false);
    for (event, gate) in (2..).zip(&gates) {
        answer = answer.hold_before(event, gate);
    }
    upstreams[0].answer(answer);
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let body = chat_stream("gpt-4o").to_string();
    let mut response = headworks.client().open(CHAT, body).await;
    assert_eq!(response.status(), 200);

    // Whatever the client has read, the upstream has not sent more than that.
    let events = ["Hello", " from", " upstream", "\"stop\"", "[DONE]"];
    for (at, event) in events.into_iter().enumerate() {
        read_until(response.body_mut(), event).await;
        if let Some(gate) = gates.get(at) {
            gate.open();
        }
    }
    assert!(bounded(response.frame()).await.is_none());
}

#[tokio::test]
async fn the_head_waits_for_the_first_word_and_no_longer() {
    let upstreams = Upstream::start_many(1).await;
    let (word, rest) = (Gate::new(), Gate::new());
    let answer = openai::chat_stream("a-model", false);
    upstreams[0].answer(answer.hold_before(1, &word).hold_before(2, &rest));
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    let mut head = Box::pin(client.open(CHAT, chat_stream("gpt-4o").to_string()));
    tokio::select! {
        biased;
        _ = &mut head => panic!("the head came before the first word"),
        () = word.reached() => word.open(),
    }
    let mut response = bounded(head).await;
    assert_eq!(response.headers()["x-litellm-model-id"], "a");
    read_until(response.body_mut(), "Hello").await;
    rest.open();
    read_until(response.body_mut(), "[DONE]").await;
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_word_is_tried_elsewhere() {
    let upstreams = Upstream::start_many(2).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    for answer in [
        openai::chat_stream("a-model", false).cut_after(1),
        openai::chat_stream("a-model", false).reset_after(1),
        openai::chat_stream("a-model", false).only(0),
    ] {
        // Wherever the first attempt goes, it fails so.
        for upstream in &upstreams {
            upstream.answer_next(answer.clone());
        }
        let before: usize = upstreams
            .iter()
            .map(|upstream| upstream.seen().requests)
            .sum();
        let mut response = client.open(CHAT, chat_stream("gpt-4o").to_string()).await;
        assert_eq!(response.status(), 200);
        assert_ne!(response.headers()["x-litellm-attempted-retries"], "0");
        read_until(response.body_mut(), "[DONE]").await;
        let after: usize = upstreams
            .iter()
            .map(|upstream| upstream.seen().requests)
            .sum();
        assert_eq!(
            after - before,
            3,
            "each is asked once, and one of them again"
        );
    }
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
