//! A client that leaves ends the call upstream, within 100 ms.

use crate::{CHAT, chat, chat_stream, group_at};
use bytes::Bytes;
use headworks_e2e::{BOUND, Headworks, bounded, config, read_until};
use headworks_upstream::{Answer, Ending, Upstream, openai};
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::time::Duration;
use tokio::{net::TcpStream, task::JoinHandle, time::Instant};

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

/// How a client leaves that speaks HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    /// It resets the one stream; the connection stays.
    Stream,
    /// Its connection is gone, without a word.
    Connection,
}

/// A client of one HTTP/2 connection, and the task that drives it.
async fn connect(headworks: &Headworks) -> (SendRequest<Full<Bytes>>, JoinHandle<()>) {
    let socket = TcpStream::connect(headworks.addr()).await.unwrap();
    let executor = TokioExecutor::new();
    let (sender, connection) = bounded(http2::handshake(executor, TokioIo::new(socket)))
        .await
        .unwrap();
    let driven = tokio::spawn(async move {
        let _gone = connection.await;
    });
    (sender, driven)
}

/// Leaves again and again, in one way, before the upstream's head or, where there is an `until`, once that was
/// read. Nobody holds that against the deployments, and their one slot each is free again.
async fn leaves_nothing_behind(leaves: Leaves, answer: Answer, body: Value, until: Option<&str>) {
    let upstreams = Upstream::start_many(1).await;
    let upstream = &upstreams[0];
    upstream.answer(answer);
    // Two, so that either may be rested, with a slot each, which is kept, and is taken out of turn by nobody.
    let deployments = ["a", "b"].map(|id| {
        let params = "max_parallel_requests: 1, rpm: 1000, tpm: 1000000";
        config::with("gpt-4o", id, &upstream.base_url(), params)
    });
    let limits = "headworks: { limits: enforce }\nrouter_settings: { num_retries: 0 }";
    let headworks = Headworks::start(&config::of(&deployments, limits)).await;
    let request = || {
        let uri = format!("http://{}{CHAT}", headworks.addr());
        let request = Request::post(uri).header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    };
    let (mut sender, mut driven) = connect(&headworks).await;
    // More often than failures are allowed in a row, and than there are slots.
    for tries in 1..=12 {
        let mut asking = Box::pin(sender.send_request(request()));
        let mut response = None;
        tokio::select! {
            came = &mut asking => response = Some(came.unwrap()),
            begun = upstream.wait_for(BOUND, |seen| seen.in_flight == 1), if until.is_none() => {
                begun.unwrap();
            }
        }
        if let (Some(response), Some(until)) = (&mut response, until) {
            read_until(response.body_mut(), until).await;
        }
        if leaves == Leaves::Connection {
            driven.abort();
            (sender, driven) = connect(&headworks).await;
        }
        drop((asking, response));
        let gone = upstream
            .wait_for(BOUND, |seen| seen.clients_left == tries)
            .await;
        assert_eq!(gone.unwrap().in_flight, 0, "{leaves:?}");
    }
    assert_eq!(upstream.seen().requests, 12, "nobody is asked again");

    upstream.answer(openai::chat("a-model"));
    let client = headworks.client();
    for _ in 0..4 {
        let answer = client.post(CHAT, &chat("gpt-4o")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let metrics = client.get("/metrics").await;
    let metrics = std::str::from_utf8(&metrics.body).unwrap();
    let mut in_flight = metrics
        .lines()
        .filter(|line| line.starts_with("headworks_deployment_in_flight{"));
    assert!(in_flight.clone().count() == 2, "{metrics}");
    assert!(in_flight.all(|line| line.ends_with(" 0")), "{metrics}");
    let cancelled = metrics
        .lines()
        .filter(|line| line.contains("outcome=\"cancelled\""));
    let cancelled = cancelled.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    assert_eq!(cancelled.sum::<usize>(), 12, "{metrics}");
}

#[tokio::test]
async fn over_http2_before_the_head() {
    for leaves in [Leaves::Stream, Leaves::Connection] {
        for body in [chat("gpt-4o"), chat_stream("gpt-4o")] {
            leaves_nothing_behind(leaves, Answer::silence(), body, None).await;
        }
    }
}

#[tokio::test]
async fn over_http2_in_mid_answer() {
    for leaves in [Leaves::Stream, Leaves::Connection] {
        let stream = openai::chat_stream("a-model", false).stall_after(2);
        leaves_nothing_behind(leaves, stream, chat_stream("gpt-4o"), Some("Hello")).await;
        let plain = openai::chat("a-model").in_chunks(40).stall_after(1);
        leaves_nothing_behind(leaves, plain, chat("gpt-4o"), Some("{")).await;
    }
}
