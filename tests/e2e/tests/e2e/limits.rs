//! Limits that are kept, as the provider tells of them and the client is told.

use crate::{CHAT, chat};
use headworks_e2e::{Headworks, config};
use headworks_upstream::{Upstream, openai};

#[tokio::test]
async fn the_provider_is_believed_when_it_says_that_less_is_left() {
    let upstream = Upstream::start().await;
    let deployment = config::with("gpt-4o", "a", &upstream.base_url(), "rpm: 100");
    let rest = "headworks: { limits: enforce }";
    let headworks = Headworks::start(&config::of(&[deployment], rest)).await;
    let client = headworks.client();
    upstream.answer_with(|_| {
        openai::chat("m")
            .header("x-ratelimit-limit-requests", "60")
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", "20s")
    });
    assert_eq!(client.post(CHAT, &chat("gpt-4o")).await.status, 200);
    // By our own count there is room for 99 more.
    let refused = client.post(CHAT, &chat("gpt-4o")).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.error()["code"], "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((19..=21).contains(&wait), "{wait}");
    assert_eq!(upstream.seen().requests, 1);
}
