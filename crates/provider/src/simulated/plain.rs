//! Whole answers, in the shape each endpoint documents.

use super::{reply::Telling, request::Asked};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

/// The smallest picture there is: one transparent pixel, PNG.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// What a moderation judges: platform.openai.com, "Moderation".
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub(super) fn chat(telling: &Telling<'_>) -> Value {
    json!({
        "id": telling.id("chatcmpl-"),
        "object": "chat.completion",
        "created": telling.created,
        "model": telling.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": telling.text(), "refusal": null },
            "logprobs": null,
            "finish_reason": telling.finish_reason(),
        }],
        "usage": telling.usage(),
    })
}

pub(super) fn text(telling: &Telling<'_>) -> Value {
    json!({
        "id": telling.id("cmpl-"),
        "object": "text_completion",
        "created": telling.created,
        "model": telling.model,
        "choices": [{
            "index": 0,
            "text": telling.text(),
            "logprobs": null,
            "finish_reason": telling.finish_reason(),
        }],
        "usage": telling.usage(),
    })
}

pub(super) fn response(telling: &Telling<'_>) -> Value {
    telling.response("completed", &[telling.item("completed", &telling.text())])
}

pub(super) fn message(telling: &Telling<'_>) -> Value {
    json!({
        "id": telling.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": telling.model,
        "content": [{ "type": "text", "text": telling.text() }],
        "stop_reason": telling.stop_reason(),
        "stop_sequence": null,
        "usage": {
            "input_tokens": telling.prompt_tokens,
            "output_tokens": telling.tokens.len(),
        },
    })
}

pub(super) fn count(prompt_tokens: usize) -> Value {
    json!({ "input_tokens": prompt_tokens })
}

pub(super) fn embeddings(asked: &Asked, prompt_tokens: usize) -> Value {
    let embed = |(index, input): (usize, String)| {
        let vector = vector(&asked.model, &input, asked.dimensions());
        let embedding = if asked.wants_base64() {
            let bytes: Vec<u8> = vector
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            BASE64_STANDARD.encode(bytes).into()
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<Value> = asked.inputs().into_iter().enumerate().map(embed).collect();
    json!({
        "object": "list",
        "data": data,
        "model": asked.model,
        "usage": { "prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens },
    })
}

/// A vector of length one that follows from the model and the text alone.
fn vector(model: &str, input: &str, dimensions: usize) -> Vec<f32> {
    let mut rng = Rng::with_seed(fnv1a(model.bytes().chain([0]).chain(input.bytes())));
    let mut vector: Vec<f32> = (0..dimensions).map(|_| rng.f32() - 0.5).collect();
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

/// FNV-1a, 64 bits: the same on every machine and in every version, which std's hasher does not promise.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) fn moderations(asked: &Asked, number: u64) -> Value {
    let all = |value: Value| -> Value {
        let pairs = CATEGORIES
            .iter()
            .map(|name| ((*name).to_owned(), value.clone()));
        Value::Object(pairs.collect())
    };
    let result = json!({
        "flagged": false,
        "categories": all(false.into()),
        "category_scores": all(json!(0.001)),
    });
    json!({
        "id": format!("modr-simulated-{number}"),
        "model": asked.model,
        "results": vec![result; asked.inputs().len()],
    })
}

/// The documents in the order they came, each a little less relevant than the one before.
pub(super) fn rerank(asked: &Asked, number: u64) -> Value {
    let (documents, top) = asked.documents();
    let total = documents.len().max(1);
    let ranked = documents.iter().take(top).enumerate();
    let results: Vec<Value> = ranked
        .map(|(index, _)| {
            // At most a few thousand documents fit a request: exact in an f32.
            #[expect(clippy::cast_precision_loss, reason = "counts of documents")]
            let score = 1.0 - index as f32 / total as f32;
            json!({ "index": index, "relevance_score": score })
        })
        .collect();
    json!({
        "id": format!("rerank-simulated-{number}"),
        "results": results,
        "meta": { "billed_units": { "search_units": 1 } },
    })
}

pub(super) fn images(asked: &Asked, created: u64) -> Value {
    let data = vec![json!({ "b64_json": PIXEL }); asked.images()];
    json!({ "created": created, "data": data })
}

pub(super) fn transcription(telling: &Telling<'_>) -> Value {
    json!({ "text": telling.text() })
}

/// A tenth of a second of silence: 8 kHz, 16 bit, one channel.
pub(super) fn wav() -> Bytes {
    const RATE: u32 = 8_000;
    const SAMPLE: u16 = 2;
    const DATA: u32 = RATE / 10 * SAMPLE as u32;
    const HEADER: u32 = 44;
    let mut wav = Vec::with_capacity((HEADER + DATA) as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(HEADER - 8 + DATA).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    for word in [1_u16, 1] {
        wav.extend_from_slice(&word.to_le_bytes());
    }
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * u32::from(SAMPLE)).to_le_bytes());
    for word in [SAMPLE, SAMPLE * 8] {
        wav.extend_from_slice(&word.to_le_bytes());
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&DATA.to_le_bytes());
    wav.resize((HEADER + DATA) as usize, 0);
    wav.into()
}

// ===== impl Telling =====

impl Telling<'_> {
    pub(super) fn finish_reason(&self) -> &'static str {
        if self.cut_short { "length" } else { "stop" }
    }

    pub(super) fn stop_reason(&self) -> &'static str {
        if self.cut_short {
            "max_tokens"
        } else {
            "end_turn"
        }
    }

    pub(super) fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens.len(),
            "total_tokens": self.prompt_tokens + self.tokens.len(),
        })
    }

    /// The response object of the Responses endpoint, with the output so far.
    pub(super) fn response(&self, status: &str, output: &[Value]) -> Value {
        let done = status == "completed";
        let usage = done.then(|| {
            json!({
                "input_tokens": self.prompt_tokens,
                "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": self.tokens.len(),
                "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": self.prompt_tokens + self.tokens.len(),
            })
        });
        let cut_short = done && self.cut_short;
        json!({
            "id": self.id("resp_"),
            "object": "response",
            "created_at": self.created,
            "status": if cut_short { "incomplete" } else { status },
            "error": null,
            "incomplete_details": cut_short.then(|| json!({ "reason": "max_output_tokens" })),
            "instructions": null,
            "metadata": {},
            "model": self.model,
            "output": output,
            "parallel_tool_calls": true,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": usage,
        })
    }

    /// The one item of its output: a message of the assistant.
    pub(super) fn item(&self, status: &str, text: &str) -> Value {
        let content = (status == "completed").then(|| part(text));
        json!({
            "id": self.id("msg_"),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content.into_iter().collect::<Vec<_>>(),
        })
    }
}

/// A part of an output item: text.
pub(super) fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_follows_from_model_and_text_and_has_length_one() {
        let one = vector("m", "a", 64);
        assert_eq!(one, vector("m", "a", 64));
        assert_ne!(one, vector("m", "b", 64));
        assert_ne!(one, vector("n", "a", 64));
        let length: f32 = one.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4);
    }

    #[test]
    fn the_sound_is_as_long_as_its_header_says() {
        let wav = wav();
        let size = u32::from_le_bytes(wav[4..8].try_into().unwrap());
        assert_eq!(size as usize + 8, wav.len());
        assert_eq!(&wav[8..16], b"WAVEfmt ");
        assert_eq!(&wav[36..40], b"data");
    }
}
