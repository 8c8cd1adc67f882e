//! What the gateway decides itself: keys, sizes, wrong requests, its own headers.

use crate::{CHAT, chat, group_at};
use headworks_e2e::{Headworks, bounded};
use headworks_upstream::Upstream;
use http::Method;
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const KEY: &str = "general_settings: { master_key: sk-master, max_request_size_mb: 1 }";

/// Sends the head of a request, and not a byte of the body it announces; tells the answer.
async fn head_only(headworks: &Headworks, headers: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(headworks.addr()).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    bounded(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn a_key_is_asked_for_before_the_body_is_read() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, KEY)).await;
    for headers in [
        "",
        "authorization: Bearer sk-mastes\r\n",
        "authorization: Basic c2s=\r\n",
    ] {
        let answer = head_only(&headworks, headers, 500_000).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{headers:?}: {answer}");
        assert!(
            answer.contains("\"type\":\"authentication_error\""),
            "{answer}"
        );
        assert!(!answer.contains("sk-mast"), "{answer}");
    }
    assert_eq!(upstreams[0].seen().connections, 0);
}

#[tokio::test]
async fn the_key_opens_and_health_needs_none() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, KEY)).await;
    let anyone = headworks.client();
    let holder = anyone.clone().with_key("sk-master");
    assert_eq!(holder.post(CHAT, &chat("gpt-4o")).await.status, 200);
    for name in ["x-api-key", "api-key"] {
        let request = anyone
            .request(Method::GET, "/v1/models")
            .header(name, "sk-master");
        let response = anyone.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), 200, "{name}");
    }
    for path in ["/v1/models", "/model/info", "/model_group/info"] {
        assert_eq!(anyone.get(path).await.status, 401, "{path}");
        assert_eq!(holder.get(path).await.status, 200, "{path}");
    }
    for path in ["/health/liveliness", "/health/readiness", "/metrics"] {
        assert_eq!(anyone.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_unread_or_in_passing() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, KEY)).await;
    let key = "authorization: Bearer sk-master\r\n";
    let answer = head_only(&headworks, key, 2 * 1024 * 1024).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains("\"code\":\"request_too_large\""),
        "{answer}"
    );

    // One that does not say how long it is.
    let mut stream = TcpStream::connect(headworks.addr()).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\n{key}content-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    let (mut read, mut write) = stream.split();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let sending = async {
        write.write_all(head.as_bytes()).await?;
        for _ in 0..17 {
            write.write_all(chunk.as_bytes()).await?;
        }
        // The answer may have come, and the connection been closed, before all was written.
        std::io::Result::Ok(())
    };
    let mut answer = [0; 12];
    let (_, read) = bounded(async { tokio::join!(sending, read.read_exact(&mut answer)) }).await;
    read.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(upstreams[0].seen().connections, 0);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, KEY)).await;
    let padding = format!("x-padding: {}\r\n", "x".repeat(8 * 1024));
    let answer = head_only(&headworks, &padding.repeat(9), 0).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    for (body, status, param) in [
        ("{\"model\":\"gpt-5\",\"messages\":[]}", 404, Some("model")),
        ("{\"messages\":[]}", 400, Some("model")),
        (
            "{\"model\":\"gpt-4o\",\"model\":\"gpt-4o\"}",
            400,
            Some("model"),
        ),
        ("{\"model\":7}", 400, Some("model")),
        (
            "{\"model\":\"gpt-4o\",\"stream\":\"yes\"}",
            400,
            Some("stream"),
        ),
        ("[1]", 400, None),
        ("{\"model\":\"gpt-4o\"", 400, None),
        ("", 400, None),
    ] {
        let answer = client.post_bytes(CHAT, body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        let error = answer.error();
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert_eq!(error["param"].as_str(), param, "{body}: {error}");
        assert_eq!(
            answer.header("x-headworks-error"),
            error["code"].as_str().unwrap()
        );
    }
    assert_eq!(upstreams[0].seen().connections, 0);
}

#[tokio::test]
async fn anthropics_endpoint_answers_errors_in_anthropics_form() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let answer = headworks
        .client()
        .post("/v1/messages", &chat("gpt-5"))
        .await;
    assert_eq!(answer.status, 404);
    let body = answer.json();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&"error".into(), &"not_found_error".into())
    );
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_told_apart() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    assert_eq!(client.get("/v2/models").await.status, 404);
    let answer = client.get(CHAT).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(client.post("/v1/models", &chat("gpt-4o")).await.status, 405);
}

#[tokio::test]
async fn an_answer_says_who_gave_it() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let answer = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    let base = format!("{}/v1", upstreams[0].base_url());
    for (name, value) in [
        ("x-litellm-model-id", "a"),
        ("x-litellm-model-name", "openai/a-model"),
        ("x-litellm-model-group", "gpt-4o"),
        ("x-litellm-model-api-base", &base),
        ("x-litellm-attempted-retries", "0"),
        ("x-litellm-attempted-fallbacks", "0"),
        ("llm_provider-content-type", "application/json"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    for name in [
        "x-litellm-response-duration-ms",
        "x-litellm-overhead-duration-ms",
    ] {
        assert!(answer.header(name).parse::<f64>().unwrap() >= 0.0, "{name}");
    }
    assert_eq!(answer.header("x-litellm-call-id").len(), 36);
    assert!(!answer.header("x-litellm-version").is_empty());
}

#[tokio::test]
async fn metrics_count_what_each_deployment_did() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    for _ in 0..3 {
        assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    }
    let metrics = client.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let counted = text.lines().any(|line| {
        line.contains("deployment=\"a\"")
            && line.contains("outcome=\"success\"")
            && line.ends_with(" 3")
    });
    assert!(counted, "{text}");
}
