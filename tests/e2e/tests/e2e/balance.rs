//! Requests are spread over the deployments of their group.

use crate::{CHAT, chat, chat_stream, group_at};
use futures_util::future::join_all;
use headworks_e2e::{BOUND, Headworks, read_until};
use headworks_upstream::{Gate, Upstream, openai};
use std::collections::HashMap;

#[tokio::test]
async fn every_deployment_gets_its_part_and_the_answer_names_it() {
    let upstreams = Upstream::start_many(3).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();

    let mut answered: HashMap<String, usize> = HashMap::new();
    for _ in 0..150 {
        let answer = client.post(CHAT, &chat("gpt-4o")).await;
        assert_eq!(answer.status, 200);
        let id = answer.header("x-litellm-model-id").to_owned();
        *answered.entry(id).or_default() += 1;
    }
    // Of 150 by thirds, fewer than 20 is less likely than one in a million.
    for (id, upstream) in ["a", "b", "c"].iter().zip(&upstreams) {
        assert_eq!(upstream.seen().answered, answered[*id]);
        assert!(answered[*id] >= 20, "{answered:?}");
    }
}

#[tokio::test]
async fn round_robin_goes_round() {
    let upstreams = Upstream::start_many(3).await;
    let strategy = "router_settings: { routing_strategy: round-robin }";
    let headworks = Headworks::start(&group_at(&upstreams, strategy)).await;
    let client = headworks.client();
    for _ in 0..30 {
        assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    }
    let seen: Vec<_> = upstreams.iter().map(|u| u.seen().requests).collect();
    assert_eq!(seen, [10, 10, 10]);
}

#[tokio::test]
async fn least_busy_counts_a_stream_until_it_has_ended() {
    // Two, so that the two that are compared are all there are.
    let upstreams = Upstream::start_many(2).await;
    let end = Gate::new();
    for upstream in &upstreams {
        let end = end.clone();
        upstream.answer_with(move |_| openai::chat_stream("m", false).hold_before(2, &end));
    }
    let strategy = "router_settings: { routing_strategy: least-busy }";
    let headworks = Headworks::start(&group_at(&upstreams, strategy)).await;
    let client = headworks.client();

    // Ten streams, each with its head and first events, none ended: five at each.
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = client.open(CHAT, chat_stream("gpt-4o").to_string()).await;
        read_until(stream.body_mut(), "Hello").await;
        streams.push(stream);
    }
    let in_flight: Vec<_> = upstreams.iter().map(|u| u.seen().in_flight).collect();
    assert_eq!(in_flight, [5, 5]);

    end.open();
    join_all(
        streams
            .iter_mut()
            .map(|s| read_until(s.body_mut(), "[DONE]")),
    )
    .await;
    for upstream in &upstreams {
        let ended = upstream.wait_for(BOUND, |seen| seen.in_flight == 0).await;
        assert_eq!(ended.unwrap().answered, 5);
    }
}

#[tokio::test]
async fn an_idle_connection_is_used_again() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    for _ in 0..10 {
        assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    }
    let seen = upstreams[0].seen();
    assert_eq!((seen.requests, seen.connections), (10, 1));
}
