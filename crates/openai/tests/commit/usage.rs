//! What is read along, and what is hidden of it.

use crate::*;
use headworks_core::HideUsage;
use headworks_openai::stream::Reading;

const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";

async fn answered(hide: bool, path: &str) -> (Option<Reading>, String) {
    let service = commit(CommitLayer::default(), move || {
        let mut answer = stream([ROLE, HELLO, STOP, USAGE, DONE].map(data));
        if hide {
            answer.extensions_mut().insert(HideUsage);
        }
        answer
    });
    let response = service.oneshot(request(path)).await.unwrap();
    let reading = response.extensions().get::<Reading>().cloned();
    if let Some(reading) = &reading {
        assert_eq!(reading.usage(), None, "it is still to come");
    }
    let (told, error) = read(response.into_body()).await;
    assert!(error.is_none());
    (reading, told)
}

#[tokio::test(start_paused = true)]
async fn usage_that_was_asked_for_by_us_is_read_and_not_passed_on() {
    for (hide, expected) in [
        (false, [ROLE, HELLO, STOP, USAGE, DONE].concat()),
        (true, [ROLE, HELLO, STOP, DONE].concat()),
    ] {
        for path in ["/v1/chat/completions", "/v1/completions"] {
            let (reading, told) = answered(hide, path).await;
            assert_eq!(told, expected);
            let reading = reading.expect("it was followed");
            assert_eq!(reading.usage().map(|usage| usage.input), Some(9));
            assert_eq!(reading.pieces(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_followed_is_not_read() {
    let (reading, told) = answered(true, "/v1/of-an-unknown-kind").await;
    assert!(reading.is_none());
    assert!(told.contains("prompt_tokens"));
}
