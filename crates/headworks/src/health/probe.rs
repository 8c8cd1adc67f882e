use crate::provider::Endpoint;
use bytes::Bytes;
use headworks_core::WithModel;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a check asks of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probe {
    /// Which models there are: costs no tokens.
    Models,
    /// A small completion: costs tokens, and shows all that a client would ask for.
    Completion(Completion),
    /// Nothing: it is inside this process and always well. To ask a simulated deployment would take of its
    /// rate limit, and of the chances that its seed fixes.
    Nothing,
}

/// The small request that `LiteLLM` checks with, of the kind the deployment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    endpoint: Endpoint,
    /// `None` leaves it out.
    max_tokens: Option<u32>,
    voice: Arc<str>,
}

/// A body that names no model yet.
pub(super) struct Prompt(Map<String, Value>);

/// `LiteLLM`'s words.
const WORDS: &str = "test from litellm";

/// `LiteLLM`'s number: some models refuse to answer within less.
const MAX_TOKENS: u32 = 16;

/// `LiteLLM`'s voice.
const VOICE: &str = "alloy";

// ===== impl Completion =====

impl Completion {
    /// The request for a deployment whose `model_info.mode` is this:
    ///
    /// | mode | asked |
    /// |---|---|
    /// | `chat`, none | a chat completion of at most 16 tokens |
    /// | `completion`, `responses` | the same at those endpoints |
    /// | `embedding` | one embedding |
    /// | `rerank` | two documents |
    /// | `audio_speech` | three words |
    ///
    /// `None` for any other. `LiteLLM` makes an image, sends a recording, and lists batches: an image every few
    /// minutes costs more than the outage it would find, and the list of models says as much as the others.
    #[must_use]
    pub fn of_mode(mode: Option<&str>) -> Option<Self> {
        let endpoint = match mode.unwrap_or("chat") {
            "chat" => Endpoint::ChatCompletions,
            "completion" => Endpoint::Completions,
            "embedding" => Endpoint::Embeddings,
            "responses" => Endpoint::Responses,
            "rerank" => Endpoint::Rerank,
            "audio_speech" => Endpoint::AudioSpeech,
            _ => return None,
        };
        Some(Self {
            endpoint,
            max_tokens: Some(MAX_TOKENS),
            voice: VOICE.into(),
        })
    }

    /// The most tokens of the answer: `health_check_max_tokens`. `None` says nothing of it, for a model that
    /// takes no such bound. Default: 16.
    #[must_use]
    pub fn max_tokens(mut self, tokens: impl Into<Option<u32>>) -> Self {
        self.max_tokens = tokens.into();
        self
    }

    /// The voice of speech: `health_check_voice`. Default: `alloy`.
    #[must_use]
    pub fn voice(mut self, voice: impl Into<Arc<str>>) -> Self {
        self.voice = voice.into();
        self
    }

    pub(super) fn request(&self) -> Request<Prompt> {
        let mut body = match self.endpoint {
            Endpoint::Completions => json!({ "prompt": WORDS }),
            Endpoint::Embeddings => json!({ "input": [WORDS] }),
            Endpoint::Responses => json!({ "input": WORDS }),
            Endpoint::Rerank => json!({ "query": WORDS, "documents": ["test", WORDS] }),
            Endpoint::AudioSpeech => json!({ "input": WORDS, "voice": &*self.voice }),
            _ => json!({ "messages": [{ "role": "user", "content": WORDS }] }),
        };
        let bound = match self.endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions => Some("max_tokens"),
            Endpoint::Responses => Some("max_output_tokens"),
            _ => None,
        };
        if let (Some(bound), Some(tokens)) = (bound, self.max_tokens) {
            body[bound] = tokens.into();
        }
        let Value::Object(body) = body else {
            unreachable!("each of them is an object")
        };
        let mut request = Request::new(Prompt(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(self.endpoint.path());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        request
    }
}

impl WithModel for Prompt {
    type Body = Full<Bytes>;

    fn with_model(mut self, model: &str) -> Full<Bytes> {
        self.0.insert("model".to_owned(), model.into());
        Full::new(Value::Object(self.0).to_string().into())
    }
}
