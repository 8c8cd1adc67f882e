//! What passes, passes to the byte.

use crate::{CHAT, group_at};
use bytes::Bytes;
use headworks_e2e::{Headworks, config};
use headworks_upstream::{Answer, Upstream};
use http::{Method, header};
use http_body_util::Full;

/// Odd but valid, with nothing a serializer would write like this.
const BODY: &str = concat!(
    "{ \"temperature\":1e0 ,\n\t\"messages\" : [{\"role\":\"user\",\"content\":\"\\u0048\\/i \u{1f600}\"}],",
    " \"model\"  :\t\"gpt-4o\"  , \"unknown\": {\"model\":\"not this\", \"n\":1.50}, \"seed\":9007199254740993 }\n",
);

#[tokio::test]
async fn a_request_arrives_as_it_was_but_for_its_model() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    assert_eq!(headworks.client().post_bytes(CHAT, BODY).await.status, 200);
    let expected = BODY.replace("\"gpt-4o\"", "\"a-model\"");
    assert_eq!(upstreams[0].last().body, expected);
}

#[tokio::test]
async fn an_answer_arrives_as_it_was_whatever_it_says() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    let odd = "{ \"choices\":[ ] ,\n \"model\":\"a-model\" , \"x\":1e0}";
    for (status, body) in [
        (200, odd),
        (400, "{\"error\":{\"message\":\"no\",\"x\":1}}"),
        (422, "plain"),
    ] {
        let answer = Answer::bytes(body).with_status(status);
        upstreams[0].answer(
            answer
                .header("x-request-id", "req-1")
                .header("x-two", "1")
                .header("x-two", "2"),
        );
        let answer = client.post_bytes(CHAT, BODY).await;
        assert_eq!((answer.status, &answer.body[..]), (status, body.as_bytes()));
        assert_eq!(answer.header("x-request-id"), "req-1");
        assert_eq!(answer.header("llm_provider-x-request-id"), "req-1");
        assert_eq!(answer.header("content-length"), body.len().to_string());
        assert_eq!(answer.headers.get_all("x-two").iter().count(), 2);
    }
}

#[tokio::test]
async fn an_event_stream_arrives_as_it_was_comments_and_line_ends_included() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let events = [
        ": hi\r\n\r\n",
        "data:{\"a\":1}\r\n\r\n",
        "event: x\ndata: {\"choices\":[{\"index\":0,\r\ndata:\"delta\":{\"content\":\"Hi\"}}]}\n\n",
        "data:{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
        "data: [DONE]\n\n",
    ];
    upstreams[0].answer(Answer::sse(events));
    let answer = headworks
        .client()
        .post_bytes(CHAT, BODY.replacen('{', "{\"stream\":true,", 1))
        .await;
    assert_eq!(answer.body, events.concat());
    assert_eq!(answer.header("content-type"), "text/event-stream");
}

#[tokio::test]
async fn the_callers_credentials_and_connection_stay_here() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client().with_key("sk-the-callers-own");
    let request = client
        .request(Method::POST, &format!("{CHAT}?api-version=1&keep=this"))
        .header("cookie", "session=caller")
        .header("x-api-key", "sk-the-callers-own")
        .header("openai-organization", "the-callers")
        .header("x-litellm-call-id", "mine")
        .header("te", "trailers")
        .header("x-custom", "passes")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(BODY)));
    let response = client.send(request.unwrap()).await;
    assert_eq!(response.headers()["x-litellm-call-id"], "mine");

    let received = upstreams[0].last();
    assert_eq!(received.header("authorization"), Some("Bearer sk-a"));
    assert_eq!(received.header("x-custom"), Some("passes"));
    assert_eq!(received.uri, "/v1/chat/completions?keep=this");
    let said = format!("{:?}", received.headers);
    for gone in ["caller", "cookie", "te\"", "litellm"] {
        assert!(!said.contains(gone), "{gone} in {said}");
    }
}

#[tokio::test]
async fn both_sides_may_speak_http2() {
    let upstreams = Upstream::start_many(1).await;
    let config = config::openai("gpt-4o", "a", &upstreams[0].base_url());
    let headworks =
        Headworks::start(&config::of(&[config], "headworks: { upstream_http: 2 }")).await;
    let client = headworks.client().http2();
    assert_eq!(client.post_bytes(CHAT, BODY).await.status, 200);
    assert_eq!(upstreams[0].last().version, http::Version::HTTP_2);
}
