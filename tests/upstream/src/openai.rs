//! Good answers, of the shape that an `OpenAI`-compatible provider gives, for every endpoint a gateway
//! forwards.
//!
//! [`good`] picks one by path, streamed if the request asks for it, and is what an upstream answers unless it
//! is told otherwise. The rest are the pieces: take one and spoil it.

use crate::{Answer, Received};
use bytes::Bytes;
use serde_json::{Value, json};

/// The words every good answer says.
pub const WORDS: [&str; 3] = ["Hello", " from", " upstream"];

/// A second, fixed, so that answers are the same on every run.
const CREATED: u64 = 1_700_000_000;

/// A good answer to `request`, by the end of its path; 404 with an error object for a path of no endpoint.
///
/// The model it names is the one the request names: in the JSON body, or in a multipart form, or as the
/// deployment in Azure's path.
#[must_use]
pub fn good(request: &Received) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let model = body["model"]
        .as_str()
        .or_else(|| deployment(request.path()));
    let model = model.unwrap_or("unnamed");
    let streamed = body["stream"] == true;
    let usage = body["stream_options"]["include_usage"] == true;
    let path = request.path();
    let ends = |end: &str| path.ends_with(end);

    match () {
        () if ends("/chat/completions") && streamed => chat_stream(model, usage),
        () if ends("/chat/completions") => chat(model),
        () if ends("/completions") && streamed => completion_stream(model, usage),
        () if ends("/completions") => completion(model),
        () if ends("/embeddings") => embeddings(model),
        () if ends("/responses") && streamed => response_stream(model),
        () if ends("/responses") => response(model),
        () if ends("/messages/count_tokens") => Answer::json(json!({"input_tokens": 5})),
        () if ends("/messages") && streamed => message_stream(model),
        () if ends("/messages") => message(model),
        () if ends("/moderations") => moderation(model),
        () if ends("/rerank") => rerank(),
        () if ends("/images/generations") && streamed => image_stream(),
        () if ends("/images/generations") => image(),
        () if ends("/audio/speech") && body["stream_format"] == "sse" => speech_stream(),
        () if ends("/audio/speech") => speech(),
        () if ends("/audio/transcriptions") && form_streams(&request.body) => {
            transcription_stream()
        }
        () if ends("/audio/transcriptions") => transcription(),
        () => error(404, "invalid_request_error", "no such endpoint"),
    }
}

/// Answers with what was received: method, URI, headers and body as JSON.
#[must_use]
pub fn echo(request: &Received) -> Answer {
    let headers: serde_json::Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), Value::from(value))
        })
        .collect();
    Answer::json(json!({
        "method": request.method.as_str(),
        "uri": request.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
    }))
}

/// One event of a stream: `data: …` and a blank line.
#[must_use]
pub fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// One event with a name, as the responses and messages endpoints send them; the name is the data's `type`.
#[must_use]
pub fn named_event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// The last event of an `OpenAI` stream.
pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// An error object, as a plain answer.
#[must_use]
pub fn error(status: u16, kind: &str, message: &str) -> Answer {
    Answer::json(error_object(kind, message)).with_status(status)
}

/// An error object, as an event in a stream that began well.
#[must_use]
pub fn error_event(kind: &str, message: &str) -> Bytes {
    event(&error_object(kind, message))
}

fn error_object(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

/// `/chat/completions`.
#[must_use]
pub fn chat(model: &str) -> Answer {
    Answer::json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": model,
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": WORDS.concat(), "refusal": null},
        }],
        "usage": usage(),
    }))
}

/// `/chat/completions`, streamed: one event with the role, one a word, one with the finish reason, one with
/// the usage if it is wanted, `[DONE]`.
#[must_use]
pub fn chat_stream(model: &str, with_usage: bool) -> Answer {
    let chunk = |choices: Value, usage: Value| {
        event(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model,
            "choices": choices, "usage": usage,
        }))
    };
    let delta = |delta: Value, finish: Value| {
        let choice = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        chunk(choice, Value::Null)
    };
    let mut events = vec![delta(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    events.extend(WORDS.map(|word| delta(json!({"content": word}), Value::Null)));
    events.push(delta(json!({}), "stop".into()));
    if with_usage {
        events.push(chunk(json!([]), usage()));
    }
    events.push(DONE);
    Answer::sse(events)
}

/// `/completions`.
#[must_use]
pub fn completion(model: &str) -> Answer {
    Answer::json(json!({
        "id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": model,
        "choices": [{"index": 0, "text": WORDS.concat(), "logprobs": null, "finish_reason": "stop"}],
        "usage": usage(),
    }))
}

/// `/completions`, streamed.
#[must_use]
pub fn completion_stream(model: &str, with_usage: bool) -> Answer {
    let chunk = |choices: Value, usage: Value| {
        event(&json!({
            "id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": model,
            "choices": choices, "usage": usage,
        }))
    };
    let text = |text: &str, finish: Value| {
        let choice = json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": finish}]);
        chunk(choice, Value::Null)
    };
    let mut events = WORDS.map(|word| text(word, Value::Null)).to_vec();
    events.push(text("", "stop".into()));
    if with_usage {
        events.push(chunk(json!([]), usage()));
    }
    events.push(DONE);
    Answer::sse(events)
}

/// `/embeddings`: one vector of three.
#[must_use]
pub fn embeddings(model: &str) -> Answer {
    Answer::json(json!({
        "object": "list", "model": model,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.75]}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }))
}

/// `/responses`.
#[must_use]
pub fn response(model: &str) -> Answer {
    Answer::json(response_object(model, "completed"))
}

/// `/responses`, streamed: created, one delta a word, completed; no `[DONE]`.
#[must_use]
pub fn response_stream(model: &str) -> Answer {
    let created = json!({
        "type": "response.created", "sequence_number": 0,
        "response": response_object(model, "in_progress"),
    });
    let mut events = vec![named_event(&created)];
    for (number, word) in (1..).zip(WORDS) {
        events.push(named_event(&json!({
            "type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_1",
            "output_index": 0, "content_index": 0, "delta": word, "logprobs": [],
        })));
    }
    events.push(named_event(&json!({
        "type": "response.completed", "sequence_number": WORDS.len() + 1,
        "response": response_object(model, "completed"),
    })));
    Answer::sse(events)
}

/// `/messages`, Anthropic's.
#[must_use]
pub fn message(model: &str) -> Answer {
    Answer::json(json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": model,
        "content": [{"type": "text", "text": WORDS.concat()}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }))
}

/// `/messages`, streamed, from `message_start` to `message_stop`.
#[must_use]
pub fn message_stream(model: &str) -> Answer {
    let mut events = vec![
        json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 5, "output_tokens": 1},
        }}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ];
    events.extend(WORDS.map(|word| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}})
    }));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 3},
        }),
        json!({"type": "message_stop"}),
    ]);
    Answer::sse(events.iter().map(named_event))
}

/// `/moderations`.
#[must_use]
pub fn moderation(model: &str) -> Answer {
    Answer::json(json!({
        "id": "modr-1", "model": model,
        "results": [{
            "flagged": false, "categories": {"violence": false}, "category_scores": {"violence": 0.01},
        }],
    }))
}

/// `/rerank`, in Cohere's shape.
#[must_use]
pub fn rerank() -> Answer {
    Answer::json(json!({
        "id": "rerank-1",
        "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
        "meta": {"billed_units": {"search_units": 1}},
    }))
}

/// `/images/generations`: four bytes, base64.
#[must_use]
pub fn image() -> Answer {
    Answer::json(json!({"created": CREATED, "data": [{"b64_json": "iVBORw=="}]}))
}

/// `/images/generations`, streamed: two partial images, then the whole one.
#[must_use]
pub fn image_stream() -> Answer {
    let image = |kind: &str, index: usize| {
        named_event(&json!({
            "type": kind, "created_at": CREATED, "b64_json": "iVBORw==", "partial_image_index": index,
        }))
    };
    let completed = json!({
        "type": "image_generation.completed", "created_at": CREATED, "b64_json": "iVBORw==",
        "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8},
    });
    Answer::sse([
        image("image_generation.partial_image", 0),
        image("image_generation.partial_image", 1),
        named_event(&completed),
    ])
}

/// `/audio/speech`: a few bytes that are no text.
#[must_use]
pub fn speech() -> Answer {
    let audio: &[u8] = b"ID3\x04\x00\xff\xfb\x90\x00\x80";
    Answer::bytes(audio).header("content-type", "audio/mpeg")
}

/// `/audio/speech`, streamed as events: three pieces of audio, then the end.
#[must_use]
pub fn speech_stream() -> Answer {
    let piece = |audio: &str| named_event(&json!({"type": "speech.audio.delta", "audio": audio}));
    let done = json!({
        "type": "speech.audio.done",
        "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8},
    });
    let pieces = ["SUQzBA==", "AP/7kA==", "AIA="].map(piece);
    Answer::sse(pieces).chunk(named_event(&done))
}

/// `/audio/transcriptions`, streamed: one delta a word, then the whole text.
#[must_use]
pub fn transcription_stream() -> Answer {
    let words =
        WORDS.map(|word| named_event(&json!({"type": "transcript.text.delta", "delta": word})));
    let done = json!({"type": "transcript.text.done", "text": WORDS.concat()});
    Answer::sse(words).chunk(named_event(&done))
}

/// `/audio/transcriptions`.
#[must_use]
pub fn transcription() -> Answer {
    Answer::json(json!({"text": WORDS.concat()}))
}

fn response_object(model: &str, status: &str) -> Value {
    let output = json!([{
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": WORDS.concat(), "annotations": []}],
    }]);
    let completed = status == "completed";
    json!({
        "id": "resp_1", "object": "response", "created_at": CREATED, "status": status, "model": model,
        "output": if completed { output } else { json!([]) },
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": if completed {
            json!({
                "input_tokens": 5, "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 8,
            })
        } else {
            Value::Null
        },
    })
}

fn usage() -> Value {
    json!({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8})
}

/// `DEPLOYMENT` in `…/deployments/DEPLOYMENT/…`.
fn deployment(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/deployments/")?;
    rest.split('/').next()
}

/// True of a form whose `stream` is `true`.
fn form_streams(form: &[u8]) -> bool {
    let form = String::from_utf8_lossy(form);
    let mut fields = form.split("name=\"stream\"").skip(1);
    fields.any(|field| field.trim_start().starts_with("true"))
}
