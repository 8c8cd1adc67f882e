//! A client that leaves ends the call upstream, within 100 ms.

use crate::{CHAT, chat, chat_stream, group_at};
use headworks_e2e::{BOUND, Headworks, read_until};
use headworks_upstream::{Answer, Ending, Upstream, openai};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// What was promised. Each test measures several times and takes the best: a machine that is busy with
/// other things delays some, a gateway that does not end the call at once delays all.
const PROMISED: Duration = Duration::from_millis(100);
const TRIES: usize = 5;

/// Sends `body`, waits until the upstream has `answer` under way and the client has read `until`, leaves,
/// and tells how long the upstream's call went on after that.
async fn goes_on_for(answer: &Answer, body: &Value, until: Option<&str>) -> Duration {
    let upstreams = Upstream::start_many(1).await;
    let upstream = &upstreams[0];
    upstream.answer(answer.clone());
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let mut shortest = Duration::MAX;
    for tries in 1..=TRIES {
        // A client of its own each time, so that leaving is closing the connection.
        let client = headworks.client();
        let body = body.to_string();
        let left = match until {
            Some(until) => {
                let mut response = client.open(CHAT, body).await;
                read_until(response.body_mut(), until).await;
                let left = Instant::now();
                drop(response);
                left
            }
            None => {
                let call = tokio::spawn(async move { client.open(CHAT, body).await });
                upstream
                    .wait_for(BOUND, |seen| seen.in_flight == 1)
                    .await
                    .unwrap();
                let left = Instant::now();
                call.abort();
                left
            }
        };
        let gone = upstream
            .wait_for(BOUND, |seen| seen.clients_left == tries)
            .await;
        assert_eq!(gone.unwrap().in_flight, 0);
        let (ending, at) = upstream.last().ending.unwrap();
        assert_eq!(ending, Ending::ClientLeft);
        shortest = shortest.min(at.saturating_duration_since(left));
    }
    // Nobody retried for a client that is gone.
    assert_eq!(upstream.seen().requests, TRIES);
    shortest
}

#[tokio::test]
async fn before_the_head() {
    let took = goes_on_for(&Answer::silence(), &chat("gpt-4o"), None).await;
    assert!(took < PROMISED, "{took:?}");
}

#[tokio::test]
async fn before_the_head_of_a_stream() {
    let took = goes_on_for(&Answer::silence(), &chat_stream("gpt-4o"), None).await;
    assert!(took < PROMISED, "{took:?}");
}

#[tokio::test]
async fn in_mid_stream_while_the_upstream_is_silent() {
    let answer = openai::chat_stream("a-model", false).stall_after(2);
    let took = goes_on_for(&answer, &chat_stream("gpt-4o"), Some("Hello")).await;
    assert!(took < PROMISED, "{took:?}");
}

#[tokio::test]
async fn in_the_middle_of_a_plain_body() {
    let answer = openai::chat("a-model").in_chunks(40).stall_after(1);
    let took = goes_on_for(&answer, &chat("gpt-4o"), Some("{")).await;
    assert!(took < PROMISED, "{took:?}");
}
