//! A large body passes with less than one and a half times its size in memory.

use crate::{CHAT, chat, group_at};
use headworks_e2e::Headworks;
use headworks_upstream::Upstream;

const SIZE: usize = 20 * 1024 * 1024;

#[tokio::test]
async fn twenty_megabytes_pass_with_less_than_thirty() {
    let upstreams = Upstream::start_many(1).await;
    let headworks = Headworks::start(&group_at(&upstreams, "")).await;
    let client = headworks.client();
    // What is made once is not charged to the body.
    assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    let before = headworks.memory();

    // The model last, so that the whole body must be read to find it.
    let body = format!(
        "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}],\"model\":\"gpt-4o\"}}",
        "x".repeat(SIZE)
    );
    let sent = body.len();
    assert_eq!(client.post_bytes(CHAT, body).await.status, 200);

    let received = upstreams[0].last();
    assert_eq!(received.body.len(), sent - "gpt-4o".len() + "a-model".len());
    assert!(received.body.ends_with(b"\"model\":\"a-model\"}"));
    let grown = headworks.memory().peak - before.resident;
    assert!(grown < 3 * SIZE as u64 / 2, "{grown} bytes for {SIZE}");
}
