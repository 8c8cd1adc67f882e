use http::HeaderMap;
use serde_json::{Map, Value};

/// A provider's error, as JSON: the body, and the body of the provider behind it if it is quoted.
pub(super) struct Parsed<'a> {
    body: &'a [u8],
    values: [Option<Value>; 2],
}

/// What a provider's error says: the words it holds for machines, the messages it holds for people.
///
/// Shapes: `{"error": {…}}` (`OpenAI`, and Anthropic with a `type` beside it), the same in an array (Gemini), in
/// `response` (the responses API's `response.failed`) or in `choices[0]` (`OpenRouter`); the members of the error
/// at the top (Mistral, vLLM, Bedrock, an `error` event of the responses API); `{"error": "…"}` (Ollama,
/// xAI), `{"detail": "…"}` (`FastAPI`); and below the error `innererror` (Azure), `details` (Google,
/// Anthropic), `metadata` with the headers and, as text, the body of whoever answered (`OpenRouter`).
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) words: Vec<&'a str>,
    /// In small letters, none longer than is looked at.
    pub(super) messages: Vec<String>,
    /// A code that is a number and an HTTP status, as `OpenRouter` and Gemini write it.
    pub(super) status: Option<u16>,
    /// The members of `google.rpc.Status.details`.
    pub(super) details: Vec<&'a Map<String, Value>>,
    /// `error.metadata.headers` of `OpenRouter`.
    pub(super) headers: Option<&'a Map<String, Value>>,
}

/// How much of one message is looked at. What it means is said in the first lines, if at all.
const LONGEST_MESSAGE: usize = 4096;

/// How many members of a list, and how many messages, are looked at.
const MOST: usize = 16;

// ===== impl Parsed =====

impl<'a> Parsed<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        let outer: Option<Value> = serde_json::from_slice(body).ok();
        let inner = outer.as_ref().and_then(|value| {
            let raw = first(value).pointer("/error/metadata/raw")?;
            serde_json::from_str(raw.as_str()?).ok()
        });
        Self {
            body,
            values: [outer, inner],
        }
    }

    pub(super) fn said<'s>(&'s self, headers: &'s HeaderMap) -> Said<'s> {
        let mut said = Said::default();
        // Bedrock: "ThrottlingException:http://…"
        let kind = headers.get("x-amzn-errortype");
        if let Some(kind) = kind.and_then(|kind| kind.to_str().ok()) {
            said.words.extend(kind.split(':').next());
        }
        let mut objects = self
            .values
            .iter()
            .flatten()
            .filter_map(|value| first(value).as_object());
        match objects.next() {
            Some(object) => {
                said.read(object);
                objects.for_each(|object| said.read(object));
            }
            None => said.message(self.body),
        }
        said
    }
}

/// The error of Gemini's array of one.
fn first(value: &Value) -> &Value {
    value.get(0).unwrap_or(value)
}

// ===== impl Said =====

impl<'a> Said<'a> {
    /// True if there is nothing in it but that nothing is there: a path nobody serves.
    pub(super) fn is_no_such_path(&self) -> bool {
        const NOTHING: [&str; 6] = [
            "",
            "not found",
            "404 page not found",
            "resource not found",
            "method not allowed",
            "405 method not allowed",
        ];
        let html = |message: &str| message.starts_with("<!doctype") || message.starts_with("<html");
        let mut messages = self.messages.iter().map(|message| message.trim());
        self.words.is_empty() && messages.all(|message| NOTHING.contains(&message) || html(message))
    }

    fn read(&mut self, root: &'a Map<String, Value>) {
        self.object(root);
        let response = root
            .get("response")
            .and_then(|response| response.get("error"));
        let choice = root
            .get("choices")
            .and_then(|choices| choices.get(0)?.get("error"));
        for error in [root.get("error"), response, choice].into_iter().flatten() {
            match error {
                Value::String(message) => self.message(message.as_bytes()),
                Value::Object(error) => self.error(error),
                _ => {}
            }
        }
    }

    fn error(&mut self, error: &'a Map<String, Value>) {
        self.object(error);
        for below in ["innererror", "inner_error", "details"] {
            match error.get(below) {
                Some(Value::Object(inner)) => self.object(inner),
                Some(Value::Array(inner)) => {
                    for inner in inner.iter().take(MOST).filter_map(Value::as_object) {
                        self.object(inner);
                        self.details.push(inner);
                    }
                }
                _ => {}
            }
        }
        if let Some(Value::Object(metadata)) = error.get("metadata") {
            self.object(metadata);
            if let Some((flagged, _)) = metadata.get_key_value("flagged_input") {
                self.words.push(flagged);
            }
            self.headers = metadata
                .get("headers")
                .and_then(Value::as_object)
                .or(self.headers);
        }
    }

    /// The words and messages among the members of one object.
    fn object(&mut self, object: &'a Map<String, Value>) {
        const WORDS: [&str; 7] = [
            "code",
            "type",
            "status",
            "error_code",
            "error_type",
            "reason",
            "__type",
        ];
        const MESSAGES: [&str; 3] = ["message", "Message", "detail"];

        for name in WORDS {
            match object.get(name) {
                Some(Value::String(word)) => self.word(word),
                Some(Value::Number(number)) => self.code(number.as_u64()),
                _ => {}
            }
        }
        for message in MESSAGES.iter().filter_map(|name| object.get(*name)) {
            if let Value::String(message) = message {
                self.message(message.as_bytes());
            }
        }
    }

    fn word(&mut self, word: &'a str) {
        if let Ok(number) = word.parse() {
            self.code(Some(number));
        } else {
            // Smithy: "com.amazonaws.bedrock#ThrottlingException"
            self.words.extend(word.rsplit('#').next());
        }
    }

    fn code(&mut self, number: Option<u64>) {
        let status = number.and_then(|number| u16::try_from(number).ok());
        self.status = self
            .status
            .or(status.filter(|status| (400..=599).contains(status)));
    }

    fn message(&mut self, message: &[u8]) {
        if self.messages.len() < MOST {
            let start = &message[..message.len().min(LONGEST_MESSAGE)];
            let start = String::from_utf8_lossy(start);
            self.messages.push(start.to_ascii_lowercase());
        }
    }
}
