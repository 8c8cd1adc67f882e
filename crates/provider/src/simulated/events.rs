//! Streamed answers, as server-sent events, in the order each endpoint documents.

use super::{plain, reply::Telling};
use bytes::Bytes;
use serde_json::{Value, json};

/// An event, and the token it waits for; `None` comes with the head.
type Event = (Option<usize>, Bytes);

const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// `OpenAI` chat completions: the role, a chunk a token, the reason it ended, usage if asked for, `[DONE]`.
pub(super) fn chat(telling: &Telling<'_>, include_usage: bool) -> Vec<Event> {
    let chunk = |choices: Value, usage: Option<Value>| {
        unnamed(&with_usage(
            json!({
                "id": telling.id("chatcmpl-"),
                "object": "chat.completion.chunk",
                "created": telling.created,
                "model": telling.model,
                "choices": choices,
            }),
            include_usage,
            usage,
        ))
    };
    let delta = |delta: Value, finish_reason: Option<&str>| {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
        chunk(json!([choice]), None)
    };
    let mut events = vec![(
        None,
        delta(json!({ "role": "assistant", "content": "" }), None),
    )];
    for (index, token) in telling.tokens.iter().enumerate() {
        events.push((Some(index), delta(json!({ "content": token }), None)));
    }
    let last = telling.last();
    events.push((last, delta(json!({}), Some(telling.finish_reason()))));
    if include_usage {
        events.push((last, chunk(json!([]), Some(telling.usage()))));
    }
    events.push((last, DONE));
    events
}

/// `OpenAI` completions: a chunk a token, the last with the reason it ended, usage if asked for, `[DONE]`.
pub(super) fn text(telling: &Telling<'_>, include_usage: bool) -> Vec<Event> {
    let chunk = |choices: Value, usage: Option<Value>| {
        unnamed(&with_usage(
            json!({
                "id": telling.id("cmpl-"),
                "object": "text_completion",
                "created": telling.created,
                "model": telling.model,
                "choices": choices,
            }),
            include_usage,
            usage,
        ))
    };
    let text = |text: &str, finish_reason: Option<&str>| {
        let choice =
            json!({ "index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason });
        chunk(json!([choice]), None)
    };
    let mut events: Vec<Event> = Vec::new();
    for (index, token) in telling.tokens.iter().enumerate() {
        events.push((Some(index), text(token, None)));
    }
    let last = telling.last();
    events.push((last, text("", Some(telling.finish_reason()))));
    if include_usage {
        events.push((last, chunk(json!([]), Some(telling.usage()))));
    }
    events.push((last, DONE));
    events
}

/// With `include_usage` every chunk has the key, and one chunk the numbers.
fn with_usage(mut chunk: Value, include_usage: bool, usage: Option<Value>) -> Value {
    if include_usage {
        chunk["usage"] = usage.into();
    }
    chunk
}

/// `OpenAI` responses: platform.openai.com, "Streaming events".
pub(super) fn responses(telling: &Telling<'_>) -> Vec<Event> {
    let mut sequence = 0;
    let mut event = |due: Option<usize>, name: &str, mut fields: Value| {
        fields["type"] = name.into();
        fields["sequence_number"] = sequence.into();
        sequence += 1;
        (due, named(name, &fields))
    };
    let id = telling.id("msg_");
    let text = telling.text();
    let at = |mut fields: Value| {
        fields["item_id"] = id.as_str().into();
        fields["output_index"] = 0.into();
        fields["content_index"] = 0.into();
        fields
    };

    let begun = telling.response("in_progress", &[]);
    let mut events = vec![
        event(None, "response.created", json!({ "response": begun })),
        event(None, "response.in_progress", json!({ "response": begun })),
        event(
            None,
            "response.output_item.added",
            json!({ "output_index": 0, "item": telling.item("in_progress", "") }),
        ),
        event(
            None,
            "response.content_part.added",
            at(json!({ "part": plain::part("") })),
        ),
    ];
    for (index, token) in telling.tokens.iter().enumerate() {
        events.push(event(
            Some(index),
            "response.output_text.delta",
            at(json!({ "delta": token, "logprobs": [] })),
        ));
    }
    let last = telling.last();
    let item = telling.item("completed", &text);
    let end = if telling.cut_short {
        "response.incomplete"
    } else {
        "response.completed"
    };
    events.extend([
        event(
            last,
            "response.output_text.done",
            at(json!({ "text": text, "logprobs": [] })),
        ),
        event(
            last,
            "response.content_part.done",
            at(json!({ "part": plain::part(&text) })),
        ),
        event(
            last,
            "response.output_item.done",
            json!({ "output_index": 0, "item": item }),
        ),
        event(
            last,
            end,
            json!({ "response": telling.response("completed", &[item]) }),
        ),
    ]);
    events
}

/// Anthropic messages: docs.anthropic.com, "Streaming Messages".
pub(super) fn messages(telling: &Telling<'_>) -> Vec<Event> {
    let event = |due: Option<usize>, name: &str, mut fields: Value| {
        fields["type"] = name.into();
        (due, named(name, &fields))
    };
    let mut message = plain::message(telling);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["usage"]["output_tokens"] = 1.into();

    let mut events = vec![
        event(None, "message_start", json!({ "message": message })),
        event(
            None,
            "content_block_start",
            json!({ "index": 0, "content_block": { "type": "text", "text": "" } }),
        ),
        event(None, "ping", json!({})),
    ];
    for (index, token) in telling.tokens.iter().enumerate() {
        events.push(event(
            Some(index),
            "content_block_delta",
            json!({ "index": 0, "delta": { "type": "text_delta", "text": token } }),
        ));
    }
    let last = telling.last();
    let delta = json!({
        "delta": { "stop_reason": telling.stop_reason(), "stop_sequence": null },
        "usage": { "output_tokens": telling.tokens.len() },
    });
    events.extend([
        event(last, "content_block_stop", json!({ "index": 0 })),
        event(last, "message_delta", delta),
        event(last, "message_stop", json!({})),
    ]);
    events
}

fn unnamed(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

fn named(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

// ===== impl Telling =====

impl Telling<'_> {
    /// The last token, which the end of the answer waits for.
    fn last(&self) -> Option<usize> {
        self.tokens.len().checked_sub(1)
    }
}
