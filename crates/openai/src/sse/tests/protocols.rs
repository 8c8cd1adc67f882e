//! Whole streams, one of each protocol, shaped after the examples in the providers' references.

use super::*;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        total: input + output,
        cached_input: 0,
    }
}

fn events(data: &[&str]) -> Vec<u8> {
    data.iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect::<String>()
        .into_bytes()
}

#[test]
fn a_chat_completion() {
    let stream = events(&[
        r#"{"id":"c","object":"chat.completion.chunk","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#,
        "[DONE]",
    ]);
    let (_, scanner) = feed(&stream, &[]);
    assert_eq!(
        signals(&stream),
        [
            Signal::Content,
            Signal::Finish,
            Signal::Usage(usage(9, 1)),
            Signal::Done
        ]
    );
    assert!(scanner.is_finished() && scanner.saw_done() && scanner.saw_content());
    assert!(!scanner.saw_error());
    assert_eq!(scanner.usage(), Some(usage(9, 1)));
}

#[test]
fn a_delta_carries_content_under_any_name_but_role() {
    for (delta, content) in [
        (r#"{"role":"assistant"}"#, false),
        (
            r#"{"role":"assistant","content":null,"tool_calls":null}"#,
            false,
        ),
        (
            r#"{"content":"","provider_specific_fields":{"refusal":null}}"#,
            false,
        ),
        (
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
            true,
        ),
        (r#"{"reasoning_content":"hm"}"#, true),
        (r#"{"refusal":"no"}"#, true),
        (r#"{"function_call":{"name":"f"}}"#, true),
        (r#"{"content":[]}"#, false),
        ("null", false),
    ] {
        let stream = events(&[&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)]);
        assert_eq!(feed(&stream, &[]).1.saw_content(), content, "{delta}");
    }
}

#[test]
fn two_choices_are_finished_when_both_are() {
    let mut scanner = Scanner::new();
    for (event, finished) in [
        (
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#,
            false,
        ),
        (
            r#"{"choices":[{"delta":{"content":"b"},"index":1}]}"#,
            false,
        ),
        (
            r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#,
            false,
        ),
        (
            r#"{"choices":[{"finish_reason":"length","index":0,"delta":{}}]}"#,
            true,
        ),
    ] {
        scanner.feed(&events(&[event]), |_, _| {});
        assert_eq!(scanner.is_finished(), finished, "after {event}");
    }
}

#[test]
fn a_cut_stream_is_not_finished_though_done_came() {
    let stream = events(&[
        r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#,
        "[DONE]",
    ]);
    let (_, scanner) = feed(&stream, &[]);
    assert!(scanner.saw_done() && !scanner.is_finished());
}

#[test]
fn a_completion() {
    let stream = events(&[
        r#"{"object":"text_completion","choices":[{"text":"","index":0,"finish_reason":null}]}"#,
        r#"{"object":"text_completion","choices":[{"text":"a","index":0,"finish_reason":"length"}]}"#,
        "[DONE]",
    ]);
    assert_eq!(
        signals(&stream),
        [Signal::Content, Signal::Finish, Signal::Done]
    );
}

#[test]
fn a_response() {
    let stream = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null,\"usage\":null}}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"item\":{\"content\":[]}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":1,\"total_tokens\":10}}}\n\n",
    );
    let wanted = [Signal::Content, Signal::Finish, Signal::Usage(usage(9, 1))];
    assert_eq!(signals(stream.as_bytes()), wanted);
    assert!(feed(stream.as_bytes(), &[]).1.is_finished());
}

#[test]
fn a_response_that_failed_is_finished_and_an_error() {
    let stream = events(&[
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}"#,
    ]);
    assert_eq!(signals(&stream), [Signal::Finish, Signal::Error]);
    let (_, scanner) = feed(&stream, &[]);
    assert!(scanner.is_finished() && scanner.saw_error() && !scanner.saw_content());
}

#[test]
fn a_message_of_anthropic() {
    let stream = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let wanted = [
        Signal::Usage(usage(9, 1)),
        Signal::Content,
        Signal::Finish,
        Signal::Usage(usage(9, 5)),
        Signal::Finish,
    ];
    assert_eq!(signals(stream.as_bytes()), wanted);
    let (_, scanner) = feed(stream.as_bytes(), &[]);
    assert!(scanner.is_finished());
    assert_eq!(scanner.usage(), Some(usage(9, 5)));
}

#[test]
fn pictures_and_sound() {
    for (event, wanted) in [
        (
            r#"{"type":"image_generation.partial_image","b64_json":"A"}"#,
            vec![Signal::Content],
        ),
        (
            r#"{"type":"image_generation.completed","usage":{"input_tokens":9,"output_tokens":1}}"#,
            vec![Signal::Content, Signal::Finish, Signal::Usage(usage(9, 1))],
        ),
        (
            r#"{"type":"transcript.text.delta","delta":"A"}"#,
            vec![Signal::Content],
        ),
        (
            r#"{"type":"transcript.text.done","text":"A"}"#,
            vec![Signal::Content, Signal::Finish],
        ),
        (
            r#"{"type":"speech.audio.delta","audio":"A"}"#,
            vec![Signal::Content],
        ),
    ] {
        assert_eq!(signals(&events(&[event])), wanted, "{event}");
    }
}

#[test]
fn errors_in_the_stream() {
    for stream in [
        "data: {\"error\":{\"message\":\"x\",\"code\":502}}\n\n",
        "data: {\"error\":\"overloaded\"}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
        "event: error\ndata: it broke\n\n",
        "data: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"x\"}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
    ] {
        assert_eq!(signals(stream.as_bytes()), [Signal::Error], "{stream}");
        assert!(!feed(stream.as_bytes(), &[]).1.is_finished());
    }
    let fine = events(&[r#"{"error":null,"choices":[{"delta":{"content":"x"}}]}"#]);
    assert_eq!(signals(&fine), [Signal::Content]);
}
