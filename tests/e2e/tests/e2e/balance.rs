//! Requests are spread over the deployments of their group.

use crate::{CHAT, chat, chat_stream, group_at};
use futures_util::future::{join_all, select_all};
use headworks_e2e::{BOUND, Headworks, config, read_until};
use headworks_upstream::{Answer, Gate, Upstream, openai};
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
async fn a_request_waits_for_room_where_it_may_and_no_more_than_may_do() {
    let upstreams = Upstream::start_many(1).await;
    let end = Gate::new();
    let held = end.clone();
    upstreams[0].answer_with(move |_| openai::chat_stream("m", false).hold_before(2, &held));
    let room = "max_parallel_requests: 1";
    let deployment = config::with("gpt-4o", "a", &upstreams[0].base_url(), room);
    let queue = "headworks: { queue: { wait: 60, max: 1 } }\nrouter_settings: { num_retries: 0 }";
    let headworks = Headworks::start(&config::of(&[deployment], queue)).await;
    let client = headworks.client();

    let mut first = client.open(CHAT, chat_stream("gpt-4o").to_string()).await;
    read_until(first.body_mut(), "Hello").await;
    // Of two more one waits, and the other is told that it may not.
    let stream = chat_stream("gpt-4o");
    let more = [client.post(CHAT, &stream), client.post(CHAT, &stream)];
    let (refused, _, waits) = select_all(more.map(Box::pin)).await;
    assert_eq!(refused.status, 429);
    let message = refused.error()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("too many requests wait already"),
        "{message}"
    );
    assert_eq!(upstreams[0].seen().requests, 1);

    end.open();
    read_until(first.body_mut(), "[DONE]").await;
    drop(first);
    for waits in waits {
        assert_eq!(waits.await.status, 200);
    }
    assert_eq!(upstreams[0].seen().requests, 2);
}

#[tokio::test]
async fn when_all_rest_the_least_bad_is_asked_if_the_operator_says_so() {
    for (own, status, asked) in [("refuse", 429, 0), ("least_bad", 200, 1)] {
        let upstreams = Upstream::start_many(2).await;
        for (upstream, wait) in upstreams.iter().zip(["60", "30"]) {
            upstream.answer(Answer::status(429).header("retry-after", wait));
        }
        let rest =
            format!("headworks: {{ when_all_rest: {own} }}\nrouter_settings: {{ num_retries: 1 }}");
        let headworks = Headworks::start(&group_at(&upstreams, &rest)).await;
        let client = headworks.client();
        // Each is asked once, and rests for as long as it says.
        assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 429);
        assert!(
            upstreams
                .iter()
                .all(|upstream| upstream.seen().requests == 1)
        );
        for upstream in &upstreams {
            upstream.answer(openai::chat("m"));
        }
        let answer = client.post(CHAT, &chat("gpt-4o")).await;
        assert_eq!(answer.status, status, "{own}");
        if status == 200 {
            assert_eq!(answer.header("x-litellm-model-id"), "b", "it is back first");
        } else {
            assert_eq!(answer.header("x-headworks-error"), "all_resting");
        }
        assert_eq!(upstreams[0].seen().requests, 1);
        assert_eq!(upstreams[1].seen().requests, 1 + asked);
        if status == 200 {
            // It has answered, so it rests no more.
            let answer = client.post(CHAT, &chat("gpt-4o")).await;
            assert_eq!(answer.header("x-litellm-model-id"), "b");
        }
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
