//! A large body passes with less than one and a half times its size in memory.

use crate::{CHAT, chat, group_at};
use headworks_e2e::{Headworks, bounded};
use headworks_upstream::Upstream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SIZE: usize = 20 * 1024 * 1024;

/// A chat completion of a little more than [`SIZE`], its model last, so that all of it must be read to find
/// it.
fn large() -> String {
    format!(
        "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}],\"model\":\"gpt-4o\"}}",
        "x".repeat(SIZE)
    )
}

/// Starts a gateway, has it answer a small request, so that what is made once is not charged to the body,
/// lets `send` send the large one, and tells by how much the process has grown meanwhile.
async fn growth(send: impl AsyncFnOnce(&Headworks, String)) -> u64 {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let small = headworks.client().post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(small.status, 200);
    let before = headworks.memory();
    send(&headworks, large()).await;

    let received = upstreams[0].last();
    let expected = large().len() - "gpt-4o".len() + "a-model".len();
    assert_eq!(received.body.len(), expected);
    assert!(received.body.ends_with(b"\"model\":\"a-model\"}"));
    headworks.memory().peak - before.resident
}

#[tokio::test]
async fn twenty_megabytes_pass_with_less_than_thirty() {
    let grown = growth(async |headworks, body| {
        let answer = headworks.client().post_bytes(CHAT, body).await;
        assert_eq!(answer.status, 200);
    });
    let grown = grown.await;
    assert!(grown < 3 * SIZE as u64 / 2, "{grown} bytes for {SIZE}");
}

#[tokio::test]
async fn so_they_do_when_nobody_says_how_many_they_are() {
    let grown = growth(async |headworks, body| {
        let mut stream = TcpStream::connect(headworks.addr()).await.unwrap();
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for chunk in body.as_bytes().chunks(16 * 1024) {
            let size = format!("{:x}\r\n", chunk.len());
            stream.write_all(size.as_bytes()).await.unwrap();
            stream.write_all(chunk).await.unwrap();
            stream.write_all(b"\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut status = [0; 12];
        bounded(stream.read_exact(&mut status)).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    });
    let grown = grown.await;
    assert!(grown < 3 * SIZE as u64 / 2, "{grown} bytes for {SIZE}");
}
