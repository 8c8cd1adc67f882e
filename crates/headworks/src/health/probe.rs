use crate::provider::Endpoint;
use bytes::Bytes;
use headworks_core::WithModel;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

/// What a check asks of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The small completion that `LiteLLM` checks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    endpoint: Endpoint,
    max_tokens: u32,
}

/// A body that names no model yet.
pub(super) struct Prompt(Map<String, Value>);

/// `LiteLLM`'s words.
const WORDS: &str = "test from litellm";

/// `LiteLLM`'s number: some models refuse to answer within less.
const MAX_TOKENS: u32 = 16;

// ===== impl Completion =====

impl Completion {
    /// The completion for a deployment whose `model_info.mode` is this: `chat` (also for none), `completion`,
    /// `embedding`, `responses`. `None` for any other: an image or a minute of speech is nothing to check with.
    #[must_use]
    pub fn of_mode(mode: Option<&str>) -> Option<Self> {
        let endpoint = match mode.unwrap_or("chat") {
            "chat" => Endpoint::ChatCompletions,
            "completion" => Endpoint::Completions,
            "embedding" => Endpoint::Embeddings,
            "responses" => Endpoint::Responses,
            _ => return None,
        };
        Some(Self {
            endpoint,
            max_tokens: MAX_TOKENS,
        })
    }

    /// The most tokens of the answer: `health_check_max_tokens`. Default: 16.
    #[must_use]
    pub const fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    pub(super) fn request(self) -> Request<Prompt> {
        let body = match self.endpoint {
            Endpoint::Completions => json!({ "prompt": WORDS, "max_tokens": self.max_tokens }),
            Endpoint::Embeddings => json!({ "input": [WORDS] }),
            Endpoint::Responses => json!({ "input": WORDS, "max_output_tokens": self.max_tokens }),
            _ => json!({
                "messages": [{ "role": "user", "content": WORDS }],
                "max_tokens": self.max_tokens,
            }),
        };
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
