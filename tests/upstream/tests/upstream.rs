//! The upstream does on the wire what its script says, and sees what its clients do.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use bytes::Bytes;
use headworks_upstream::{Answer, DeadPort, Ending, Gate, Upstream, openai};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use std::{error::Error as _, io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BOUND: Duration = Duration::from_secs(10);

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn post(upstream: &Upstream, path: &str, body: &Value) -> Result<Response<Incoming>, Error> {
    let request = Request::post(format!("{}{path}", upstream.base_url()))
        .body(Full::from(body.to_string()))
        .unwrap();
    client().request(request).await
}

async fn get(upstream: &Upstream) -> Result<Response<Incoming>, Error> {
    post(upstream, "/", &Value::Null).await
}

fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

#[tokio::test]
async fn every_endpoint_has_a_good_answer_streamed_or_not() {
    let upstream = Upstream::start().await;
    for (path, streams) in [
        ("/v1/chat/completions", true),
        ("/v1/completions", true),
        ("/v1/embeddings", false),
        ("/v1/responses", true),
        ("/v1/messages", true),
        ("/v1/messages/count_tokens", false),
        ("/v1/moderations", false),
        ("/v1/rerank", false),
        ("/v1/images/generations", true),
        ("/v1/audio/speech", true),
        ("/v1/audio/transcriptions", false),
    ] {
        for stream in [false, true] {
            let format = if stream { "sse" } else { "audio" };
            let body = json!({"model": "m", "stream": stream, "stream_format": format});
            let response = post(&upstream, path, &body).await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            let content_type = &response.headers()["content-type"];
            assert_eq!(
                content_type == "text/event-stream",
                stream && streams,
                "{path}"
            );
            assert!(!response.collect().await.unwrap().to_bytes().is_empty());
        }
    }
    assert_eq!(get(&upstream).await.unwrap().status(), 404);
    // A transcription asks in a form.
    for (value, streamed) in [("true", true), ("false", false)] {
        let form = format!(
            "--b\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\n{value}\r\n--b--\r\n"
        );
        let request = Request::post(format!("{}/v1/audio/transcriptions", upstream.base_url()));
        let request = request.body(Full::from(form)).unwrap();
        let response = client().request(request).await.unwrap();
        let content_type = &response.headers()["content-type"];
        assert_eq!(content_type == "text/event-stream", streamed);
    }
}

#[tokio::test]
async fn the_queue_is_answered_first_and_every_request_is_recorded() {
    let upstream = Upstream::start().await;
    upstream.answer_with(openai::echo);
    upstream.answer_next(Answer::status(429).header("retry-after", "7"));
    let first = post(&upstream, "/a?b=c", &json!({"x": 1})).await.unwrap();
    assert_eq!(first.status(), 429);
    assert_eq!(first.headers()["retry-after"], "7");
    let second = post(&upstream, "/d", &json!({})).await.unwrap();
    let echo: Value = serde_json::from_slice(&second.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(
        (&echo["method"], &echo["uri"]),
        (&json!("POST"), &json!("/d"))
    );

    let received = upstream.received();
    assert_eq!(received[0].uri, "/a?b=c");
    assert_eq!(received[0].json(), json!({"x": 1}));
    assert_eq!(received[0].header("content-length"), Some("7"));
    let seen = upstream.wait_for(BOUND, |seen| seen.answered == 2).await;
    assert_eq!(seen.unwrap().requests, 2);
    assert_eq!(upstream.received()[1].ending.unwrap().0, Ending::Answered);
}

#[tokio::test]
async fn both_versions_are_spoken_on_one_port() {
    let upstream = Upstream::start().await;
    let http2 = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<Full<Bytes>>();
    let request = Request::get(upstream.base_url()).body(Full::default());
    http2.request(request.unwrap()).await.unwrap();
    get(&upstream).await.unwrap();
    let versions: Vec<_> = upstream.received().iter().map(|r| r.version).collect();
    assert_eq!(versions, [Version::HTTP_2, Version::HTTP_11]);
}

#[tokio::test]
async fn an_event_is_held_until_its_gate_opens() {
    let upstream = Upstream::start().await;
    let gate = Gate::new();
    upstream.answer(Answer::sse(["data: 1\n\n", "data: 2\n\n"]).hold_before(1, &gate));
    let mut response = get(&upstream).await.unwrap();
    let first = response.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 1\n\n");
    gate.reached().await;
    assert_eq!(upstream.seen().in_flight, 1);
    gate.open();
    assert_eq!(response.collect().await.unwrap().to_bytes(), "data: 2\n\n");
}

#[tokio::test]
async fn a_body_can_be_cut_reset_or_left_without_its_last_chunk() {
    let upstream = Upstream::start().await;
    let two = || Answer::sse(["data: 1\n\n", "data: 2\n\n"]);

    upstream.answer_next(two().only(1));
    let whole = get(&upstream).await.unwrap().collect().await.unwrap();
    assert_eq!(whole.to_bytes(), "data: 1\n\n");

    for (answer, kind) in [
        (two().cut_after(1), None),
        (two().reset_after(1), Some(io::ErrorKind::ConnectionReset)),
    ] {
        upstream.answer_next(answer);
        let mut response = get(&upstream).await.unwrap();
        let first = response.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "data: 1\n\n");
        let error = response.frame().await.unwrap().unwrap_err();
        if kind.is_some() {
            assert_eq!(io_kind(&error), kind);
        }
    }

    upstream.answer_next(Answer::bytes("0123456789").in_chunks(4).cut_after(2));
    let mut response = get(&upstream).await.unwrap();
    assert_eq!(response.headers()["content-length"], "10");
    let mut read = 0;
    let error = loop {
        match response.frame().await.unwrap() {
            Ok(frame) => read += frame.into_data().unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(error.source().is_some() || error.is_incomplete_message());
    assert_eq!(read, 8);
    assert_eq!(upstream.seen().broken_off, 3);
}

#[tokio::test]
async fn a_connection_can_be_hung_up_or_reset_before_the_head() {
    let upstream = Upstream::start().await;
    upstream.answer_next(Answer::hang_up());
    assert_eq!(io_kind(&get(&upstream).await.unwrap_err()), None);
    upstream.answer_next(Answer::reset());
    let error = get(&upstream).await.unwrap_err();
    assert_eq!(io_kind(&error), Some(io::ErrorKind::ConnectionReset));
    assert_eq!(upstream.seen().broken_off, 2);
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_before_the_head_in_mid_stream_and_in_mid_upload() {
    let upstream = Upstream::start().await;

    upstream.answer_next(Answer::silence());
    let waiting = tokio::spawn({
        let url = upstream.base_url();
        async move { client().get(url.parse().unwrap()).await }
    });
    let arrived = upstream.wait_for(BOUND, |seen| seen.in_flight == 1).await;
    arrived.unwrap();
    waiting.abort();
    let left = upstream.wait_for(BOUND, |seen| seen.clients_left == 1);
    assert_eq!(left.await.unwrap().in_flight, 0);

    upstream.answer_next(Answer::sse(["data: 1\n\n"]).stall_after(1));
    let mut response = get(&upstream).await.unwrap();
    response.frame().await.unwrap().unwrap();
    drop(response);
    let left = upstream.wait_for(BOUND, |seen| seen.clients_left == 2);
    assert_eq!(left.await.unwrap().in_flight, 0);
    assert_eq!(upstream.last().ending.unwrap().0, Ending::ClientLeft);

    let mut stream = tokio::net::TcpStream::connect(upstream.addr())
        .await
        .unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
        .await
        .unwrap();
    drop(stream);
    let left = upstream.wait_for(BOUND, |seen| seen.clients_left == 3);
    assert_eq!(left.await.unwrap().requests, 2);
}

#[tokio::test]
async fn a_wait_ends_with_its_bound_and_says_what_was_seen() {
    let upstream = Upstream::start().await;
    let wait = upstream.wait_for(Duration::from_millis(5), |seen| seen.requests == 1);
    let error = wait.await.unwrap_err().to_string();
    assert!(error.contains("requests: 0"), "{error}");
}

#[tokio::test]
async fn nobody_answers_at_a_dead_port_and_at_a_dropped_upstream() {
    let dead = DeadPort::new();
    let error = client().get(dead.base_url().parse().unwrap()).await;
    let refused = Some(io::ErrorKind::ConnectionRefused);
    assert_eq!(io_kind(&error.unwrap_err()), refused);

    let upstream = Upstream::start().await;
    let mut stream = tokio::net::TcpStream::connect(upstream.addr())
        .await
        .unwrap();
    upstream
        .wait_for(BOUND, |seen| seen.open == 1)
        .await
        .unwrap();
    drop(upstream);
    // The connection ends with it: the read sees the end of the stream, or a reset.
    assert!(stream.read_u8().await.is_err());
}
