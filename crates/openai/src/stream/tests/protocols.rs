//! How each endpoint tells of a failure, and what an error event of each amounts to.

use super::*;
use crate::stream::in_band::InBand;
use headworks_core::{Clock, Elapsed};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn an_endpoint_is_known_by_the_end_of_its_path() {
    for (path, protocol) in [
        ("/v1/chat/completions", Some(Protocol::Completions)),
        ("/v1/completions", Some(Protocol::Completions)),
        ("/openai/v1/responses", Some(Protocol::Responses)),
        ("/v1/messages", Some(Protocol::Messages)),
        ("/v1/images/generations", Some(Protocol::Media)),
        ("/v1/audio/speech", Some(Protocol::Media)),
        ("/v1/embeddings", None),
        ("/v1/messages/count_tokens", None),
        ("/", None),
    ] {
        assert_eq!(Protocol::of_path(path), protocol, "{path}");
    }
}

#[test]
fn a_response_that_is_cut_fails_as_the_response_it_was() {
    let created = json!({
        "type": "response.created",
        "sequence_number": 0,
        "response": {"id": "resp_1", "object": "response", "model": "gpt-4o", "status": "in_progress",
            "error": null, "output": []},
    });
    let delta = json!({"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hi"});
    let stream = format!(
        "event: response.created\ndata: {created}\n\nevent: response.output_text.delta\ndata: {delta}\n\n"
    );
    let point = CommitPoint::FirstToken;
    let fate = play(Protocol::Responses, point, &[stream.as_bytes()], End::Eof);
    let Fate::Told(told, Err(StreamErrorKind::Cut)) = fate else {
        panic!("{fate:?}");
    };
    let failed = told.strip_prefix(&stream).unwrap();
    let data = failed.strip_prefix("\n\nevent: response.failed\ndata: ");
    let data: Value = serde_json::from_str(data.unwrap().trim_end()).unwrap();
    assert_eq!(
        data,
        json!({
            "type": "response.failed",
            "sequence_number": 2,
            "response": {"id": "resp_1", "object": "response", "model": "gpt-4o", "status": "failed",
                "error": {"code": "server_error", "message": "the answer was cut off before it was finished"},
                "output": []},
        })
    );
}

#[test]
fn a_response_without_an_opening_fails_all_the_same() {
    let error = StreamError::new(StreamErrorKind::Cut);
    for opening in [None, Some(&b"[]"[..]), Some(b"{\"response\":1}")] {
        let event = Protocol::Responses.failure(&error, opening, 7);
        let event = String::from_utf8(event.to_vec()).unwrap();
        assert!(event.starts_with("\n\nevent: response.failed\ndata: {"));
        assert!(event.contains("\"status\":\"failed\"") && event.contains("\"sequence_number\":7"));
    }
}

#[test]
fn a_message_of_anthropic_fails_in_its_own_form() {
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
    let point = CommitPoint::FirstToken;
    let fate = play(Protocol::Messages, point, &[delta.as_bytes()], End::Broken);
    let event = "\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"the answer was cut off before it was finished\",\"code\":\"stream_cut\"}}\n\n";
    assert_eq!(fate, told(&[delta, event], Err(StreamErrorKind::Cut)));
}

#[test]
fn only_completions_end_in_done() {
    let point = CommitPoint::FirstToken;
    for (protocol, stream) in [
        (
            Protocol::Messages,
            "data: {\"type\":\"content_block_delta\"}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            Protocol::Responses,
            "data: {\"type\":\"response.output_text.delta\"}\n\ndata: {\"type\":\"response.completed\"}\n\n",
        ),
        (
            Protocol::Media,
            "data: {\"type\":\"image_generation.completed\"}\n\n",
        ),
    ] {
        let fate = play(protocol, point, &[stream.as_bytes()], End::Eof);
        assert_eq!(fate, told(&[stream], Ok(())), "{protocol:?}");
    }
}

#[test]
fn a_stall_is_told_as_one() {
    let elapsed = Elapsed::new(Clock::Connect, Duration::from_secs(3));
    let error = StreamError::broken(StreamErrorKind::Cut, elapsed);
    let (status, object) = error.to_object();
    assert_eq!(status, 408);
    assert_eq!(object.code(), Some("stream_stalled"));
    assert_eq!(object.kind(), "timeout_error");
    let event = Protocol::Messages.failure(&error, None, 0);
    let event = String::from_utf8(event.to_vec()).unwrap();
    assert!(event.contains("\"type\":\"timeout_error\""), "{event}");
}

#[test]
fn an_error_event_has_the_status_it_names() {
    for (status, data) in [
        (
            429,
            r#"{"error":{"message":"x","type":"tokens","code":"rate_limit_exceeded"}}"#,
        ),
        (
            429,
            r#"{"error":{"message":"x","type":"x","param":null,"code":"429"}}"#,
        ),
        (
            429,
            r#"{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}"#,
        ),
        (
            429,
            r#"{"error":{"message":"x","status":"RESOURCE_EXHAUSTED"}}"#,
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ),
        (529, r#"{"error":"overloaded"}"#),
        (503, r#"{"error":{"code":"service_unavailable"}}"#),
        (
            502,
            r#"{"error":{"code":502,"message":"x"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
        ),
        (408, r#"{"error":{"type":"timeout_error"}}"#),
        (
            401,
            r#"{"error":{"type":"invalid_request_error","code":"invalid_api_key"}}"#,
        ),
        (404, r#"{"error":{"type":"not_found_error"}}"#),
        (
            400,
            r#"{"error":{"type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        ),
        (
            400,
            r#"{"error":{"type":"invalid_request_error","code":null}}"#,
        ),
        (500, r#"{"error":{"type":"api_error"}}"#),
        (500, r#"{"error":{"type":"never heard of it","code":200}}"#),
        (
            500,
            r#"{"type":"error","code":"server_error","message":"x","param":null}"#,
        ),
        (
            429,
            r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"x"}}}"#,
        ),
        (
            400,
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"x"}}}"#,
        ),
        (
            500,
            r#"{"type":"response.failed","response":{"error":null}}"#,
        ),
        (500, r#"{"choices":[{"index":0,"finish_reason":"error"}]}"#),
        (500, "it broke"),
        (500, ""),
    ] {
        let error = InBand::of(data.as_bytes(), Protocol::Completions);
        assert_eq!(error.status(), status, "{data}");
        let json: Value = serde_json::from_slice(&error.json).unwrap();
        assert!(json["error"].is_object(), "{data}: {json}");
    }
}

#[test]
fn an_error_event_is_the_body_as_it_came_where_it_can_be() {
    let of = |data: &str, protocol| {
        let error = InBand::of(data.as_bytes(), protocol);
        String::from_utf8(error.json.to_vec()).unwrap()
    };
    let openai = r#"{"error": {"message":"x", "code":429, "metadata":{"a":1}}}"#;
    assert_eq!(of(openai, Protocol::Completions), openai);
    let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#;
    assert_eq!(of(anthropic, Protocol::Messages), anthropic);

    let chunk = r#"{"choices":[{"finish_reason":"error"}],"error":{"code":502}}"#;
    assert_eq!(
        of(chunk, Protocol::Completions),
        r#"{"error":{"code":502}}"#
    );
    let response = r#"{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null}"#;
    assert_eq!(
        of(response, Protocol::Responses),
        r#"{"error":{"message":"slow","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#
    );
    assert_eq!(
        of("it broke\n", Protocol::Messages),
        r#"{"type":"error","error":{"type":"api_error","message":"it broke"}}"#
    );
}
