//! Streams that end too soon.

use crate::*;
use headworks::breaker::Phase;

#[tokio::test(start_paused = true)]
async fn a_cut_stream_ends_with_an_error_and_never_as_if_it_were_whole() {
    let gateway = gateway(
        "model_list: [{model_name: m, litellm_params: {model: simulated/x, simulated: {cut_rate: 1.0}}}]",
    );
    let response = ask(&gateway, chat(STREAM)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = Box::pin(response.into_body());
    let mut text = String::new();
    let ended = loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap();
                text.push_str(std::str::from_utf8(&data).unwrap());
            }
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(ended.is_some(), "the connection is not ended in peace");
    assert!(text.contains("\"content\""), "{text}");
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["code"], "stream_cut");
    assert!(!text.contains("[DONE]"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_when_it_reads_that_a_stream_was_cut_leaves_a_failure() {
    let gateway = gateway(
        r#"
model_list:
  - { model_name: m, litellm_params: { model: simulated/x, simulated: { cut_rate: 1.0 } }, model_info: { id: cut } }
  - { model_name: other, litellm_params: { model: simulated/y } }
router_settings: { fallbacks: [{ m: [other] }] }
"#,
    );
    let phase = || gateway.standing("cut").unwrap().phase;
    for _ in 0..5 {
        assert_eq!(phase(), Phase::Closed);
        let response = ask(&gateway, chat(STREAM)).await;
        assert_eq!(response.headers()["x-litellm-model-id"], "cut");
        let mut body = Box::pin(response.into_body());
        loop {
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            if std::str::from_utf8(&data).unwrap().contains("stream_cut") {
                break;
            }
        }
    }
    assert!(matches!(phase(), Phase::Open { .. }));
    assert_eq!(gateway.standing("cut").unwrap().in_flight, 0);
}
