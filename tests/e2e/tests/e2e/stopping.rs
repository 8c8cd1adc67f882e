//! SIGTERM ends the program in order.

use crate::{CHAT, chat_stream, group_at};
use headworks_e2e::{Headworks, bounded, read_until};
use headworks_upstream::{Gate, Upstream, openai};
use http_body_util::BodyExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_begun() {
    let upstreams = Upstream::start_many(1).await;
    let end = Gate::new();
    upstreams[0].answer(openai::chat_stream("m", false).hold_before(2, &end));
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let body = chat_stream("gpt-4o").to_string();
    let mut response = headworks.client().open(CHAT, body).await;
    read_until(response.body_mut(), "Hello").await;

    headworks.terminate().await;
    headworks.logs("stopping").await;
    let refused = bounded(TcpStream::connect(headworks.addr())).await;
    assert!(refused.is_err(), "a new connection was accepted");

    end.open();
    read_until(response.body_mut(), "[DONE]").await;
    assert!(bounded(response.frame()).await.is_none());
    assert!(headworks.ended().await.success());
}

#[tokio::test]
async fn idle_it_ends_at_once() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    // An idle connection that is kept open does not hold it up.
    let client = headworks.client();
    assert_eq!(client.get("/health/readiness").await.status, 200);
    headworks.terminate().await;
    assert!(headworks.ended().await.success());
}
