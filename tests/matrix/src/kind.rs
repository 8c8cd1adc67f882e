use bytes::Bytes;
use headworks::provider::Endpoint;
use headworks_upstream::openai;
use serde_json::{Value, json};
use std::fmt;

/// What is asked for: an endpoint, and its answer at once or as a stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Whether the answer is to be streamed.
    pub streamed: bool,
}

/// Which kinds a fault can befall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All of them.
    Any,
    /// Answers in one piece.
    Plain,
    /// Event streams.
    Streams,
    /// Event streams that end in `[DONE]`.
    DoneStreams,
    /// Answers in one piece that tell by what they were finished: chat completions, completions, responses and
    /// messages.
    PlainFinished,
    /// Answers in one piece that do not.
    PlainOther,
    /// Event streams of what tells by what it was finished.
    FinishedStreams,
}

/// The form of an endpoint's events and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Chunks, ended by `[DONE]`.
    Completions,
    Responses,
    Messages,
    /// Events with a `type`: images and audio.
    Media,
    /// No events at all.
    None,
}

/// What a deployment says of an error, in the words of the endpoint's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// A quota is used up.
    RateLimited,
    /// The provider failed.
    Failed,
    /// The provider has no room.
    Overloaded,
    /// The key is none; the message repeats what it was sent, as `OpenAI`'s does.
    WrongKey,
    /// The account has no money.
    NoMoney,
    /// The key may not do this.
    Forbidden,
    /// There is no such model.
    NoSuchModel,
    /// There is no such thing as the request names, whoever is asked.
    NoSuchFile,
    /// The provider ran out of time.
    Timeout,
    /// The prompt is one that nobody takes.
    WrongPrompt,
    /// The prompt is longer than the context window.
    TooLong,
    /// The content policy turned the request down.
    Refused,
}

/// The name of the group that is asked for.
pub(crate) const GROUP: &str = "m";

/// Parts of a form, for the endpoint that takes one.
const BOUNDARY: &str = "matrix";

// ===== impl Kind =====

impl Kind {
    /// Every endpoint plain, and streamed where it can be.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let plain = Endpoint::ALL.map(|endpoint| Self {
            endpoint,
            streamed: false,
        });
        let streamed = plain.map(|kind| Self {
            streamed: true,
            ..kind
        });
        let streamed = streamed.into_iter();
        plain
            .into_iter()
            .chain(streamed.filter(|kind| kind.protocol() != Protocol::None))
            .collect()
    }

    /// The protocol of its streams.
    pub(crate) const fn protocol(self) -> Protocol {
        match self.endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions => Protocol::Completions,
            Endpoint::Responses => Protocol::Responses,
            Endpoint::Messages => Protocol::Messages,
            Endpoint::ImagesGenerations | Endpoint::AudioSpeech | Endpoint::AudioTranscriptions => {
                Protocol::Media
            }
            _ => Protocol::None,
        }
    }

    /// True if a fault that happens `on` these can happen here.
    #[must_use]
    pub fn is(self, on: On) -> bool {
        let Self { streamed, .. } = self;
        match on {
            On::Any => true,
            On::Plain => !streamed,
            On::Streams => streamed,
            On::DoneStreams => streamed && self.protocol() == Protocol::Completions,
            On::PlainFinished => !streamed && self.tells_its_finish(),
            On::PlainOther => !streamed && !self.tells_its_finish(),
            On::FinishedStreams => streamed && self.tells_its_finish(),
        }
    }

    const fn tells_its_finish(self) -> bool {
        !matches!(self.protocol(), Protocol::Media | Protocol::None)
    }

    /// The event that tells of a failure in mid-stream, for the reader of the table; `None` where nothing is
    /// streamed.
    pub(crate) const fn failure_event(self) -> Option<&'static str> {
        match self.protocol() {
            Protocol::Completions | Protocol::Media => Some("`data: {\"error\": …}`"),
            Protocol::Responses => Some("`event: response.failed`"),
            Protocol::Messages => Some("`event: error`"),
            Protocol::None => None,
        }
    }

    /// How many events of a good stream there are until two of them have said something.
    pub(crate) const fn begun(self) -> usize {
        match self.endpoint {
            Endpoint::ChatCompletions | Endpoint::Responses => 3,
            Endpoint::Messages => 4,
            _ => 2,
        }
    }

    /// The `litellm_params.model` and the API base of a deployment at `url` that knows this endpoint.
    pub(crate) fn deployment(self, id: &str, url: &str) -> String {
        if self.endpoint.is_anthropic() {
            format!("model: anthropic/{id}-model, api_base: \"{url}\"")
        } else {
            format!("model: openai/{id}-model, api_base: \"{url}/v1\"")
        }
    }

    /// The content type and the body of a good request.
    #[must_use]
    pub fn request(self) -> (String, Bytes) {
        if self.endpoint == Endpoint::AudioTranscriptions {
            return (
                format!("multipart/form-data; boundary={BOUNDARY}"),
                self.form().into(),
            );
        }
        let mut body = json!({"model": GROUP});
        let more = match self.endpoint {
            Endpoint::Completions | Endpoint::ImagesGenerations => json!({"prompt": "Hello"}),
            Endpoint::Embeddings | Endpoint::Responses | Endpoint::Moderations => {
                json!({"input": "Hello"})
            }
            Endpoint::Rerank => json!({"query": "Hello", "documents": ["Hello", "Goodbye"]}),
            Endpoint::AudioSpeech => json!({"input": "Hello", "voice": "alloy"}),
            Endpoint::Messages => {
                json!({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16})
            }
            _ => json!({"messages": [{"role": "user", "content": "Hello"}]}),
        };
        let members = body.as_object_mut().zip(more.as_object().cloned());
        if let Some((body, more)) = members {
            body.extend(more);
        }
        if self.streamed {
            if self.endpoint == Endpoint::AudioSpeech {
                body["stream_format"] = "sse".into();
            } else {
                body["stream"] = true.into();
            }
        }
        ("application/json".into(), body.to_string().into())
    }

    fn form(self) -> String {
        let field = |name: &str, value: &str| {
            format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
        };
        let stream = if self.streamed {
            field("stream", "true")
        } else {
            String::new()
        };
        let model = field("model", GROUP);
        format!(
            "{model}{stream}--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; \
             filename=\"a.wav\"\r\n\r\nRIFF\r\n--{BOUNDARY}--\r\n"
        )
    }

    /// An error as this endpoint's protocol writes it; `key` is what the deployment was sent.
    pub(crate) fn error(self, words: Words, key: &str) -> Value {
        let (openai, anthropic) = words.types();
        let message = words.message(key);
        if self.endpoint.is_anthropic() {
            return json!({"type": "error", "error": {"type": anthropic, "message": message}});
        }
        let (kind, code) = openai;
        json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
    }

    /// The same as an event of a stream.
    pub(crate) fn error_event(self, words: Words) -> Bytes {
        let error = self.error(words, "");
        let message = words.message("");
        let ((_, code), _) = words.types();
        match self.protocol() {
            Protocol::Completions | Protocol::None => openai::event(&error),
            Protocol::Messages => openai::named_event(&error),
            Protocol::Responses => openai::named_event(&json!({
                "type": "response.failed", "sequence_number": 1,
                "response": {
                    "id": "resp_1", "object": "response", "status": "failed", "output": [],
                    "error": {"code": code, "message": message},
                },
            })),
            Protocol::Media => {
                let mut event = error;
                event["type"] = "error".into();
                openai::named_event(&event)
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, streamed } = self;
        let how = if *streamed { "streamed" } else { "plain" };
        write!(f, "{endpoint}, {how}")
    }
}

// ===== impl On =====

impl On {
    /// The words for it in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "all",
            Self::Plain => "plain",
            Self::Streams => "streams",
            Self::DoneStreams => "streams with `[DONE]`",
            Self::PlainFinished => "plain, with a finish reason",
            Self::PlainOther => "plain, without a finish reason",
            Self::FinishedStreams => "streams with a finish reason",
        }
    }
}

// ===== impl Words =====

impl Words {
    /// `OpenAI`'s `type` and `code`, and Anthropic's `type`.
    const fn types(self) -> ((&'static str, Option<&'static str>), &'static str) {
        let invalid = "invalid_request_error";
        match self {
            Self::RateLimited => (
                ("rate_limit_error", Some("rate_limit_exceeded")),
                "rate_limit_error",
            ),
            Self::Failed => (("server_error", None), "api_error"),
            Self::Overloaded => (("server_error", Some("overloaded")), "overloaded_error"),
            Self::WrongKey => ((invalid, Some("invalid_api_key")), "authentication_error"),
            Self::NoMoney => (("billing_error", None), "billing_error"),
            Self::Forbidden => (("permission_error", None), "permission_error"),
            Self::NoSuchModel => ((invalid, Some("model_not_found")), "not_found_error"),
            Self::NoSuchFile => ((invalid, None), "not_found_error"),
            Self::Timeout => (("timeout_error", None), "timeout_error"),
            Self::WrongPrompt => ((invalid, Some("invalid_prompt")), invalid),
            Self::TooLong => ((invalid, Some("context_length_exceeded")), invalid),
            Self::Refused => ((invalid, Some("content_policy_violation")), invalid),
        }
    }

    fn message(self, key: &str) -> String {
        match self {
            Self::RateLimited => "slow down".into(),
            Self::Failed => "something broke".into(),
            Self::Overloaded => "Overloaded".into(),
            Self::WrongKey => format!("Incorrect API key provided: {key}."),
            Self::NoMoney => "Insufficient Balance".into(),
            Self::Forbidden => "this key may not do that".into(),
            Self::NoSuchModel => "The model `sick-model` does not exist".into(),
            Self::NoSuchFile => "No such file object: file-1".into(),
            Self::Timeout => "the request took too long".into(),
            Self::WrongPrompt => "Invalid prompt: it cannot be answered".into(),
            // Anthropic's words for the first; for the second those of its streams.
            Self::TooLong => {
                "prompt is too long: 9000 tokens is more than the maximum context length".into()
            }
            Self::Refused => "Output blocked by content filtering policy".into(),
        }
    }
}
