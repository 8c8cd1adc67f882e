//! The demo needs no key, no server and no configuration.

use crate::{CHAT, chat, chat_stream};
use headworks_e2e::Headworks;

#[tokio::test]
async fn it_answers_and_says_what_to_try() {
    let headworks = Headworks::demo().await;
    let client = headworks.client();
    let answer = client.post(CHAT, &chat("demo")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["object"], "chat.completion");
    let id = answer.header("x-litellm-model-id");
    assert!(["slow", "flaky", "limited"].contains(&id), "{id}");

    let stream = client.post(CHAT, &chat_stream("demo")).await;
    assert!(stream.body.ends_with(b"data: [DONE]\n\n"), "{stream:?}");

    let url = headworks.base_url();
    let out = headworks.out();
    let tries = out
        .lines()
        .filter(|line| line.contains("curl") && line.contains(&url));
    assert_eq!(tries.count(), 3, "{out}");
}
