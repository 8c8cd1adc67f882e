use super::{Params, events, params::Answer, plain, request::Asked};
use crate::Endpoint;
use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is answered, before it is known when.
#[derive(Debug)]
pub(super) enum Reply {
    /// A whole answer.
    Whole {
        content_type: &'static str,
        /// How many tokens had to be thought of; `None` where tokens are not what takes time.
        tokens: Option<usize>,
        data: Bytes,
    },
    /// A stream: each event with the token it waits for, or none if it comes with the head.
    Events(Vec<(Option<usize>, Bytes)>),
}

/// An answer in words, as every text endpoint needs it.
#[derive(Debug)]
pub(super) struct Telling<'a> {
    pub(super) model: &'a str,
    /// Distinguishes this answer's ids from those of others.
    pub(super) number: u64,
    /// Unix time in seconds.
    pub(super) created: u64,
    /// A token each, with the space that follows it.
    pub(super) tokens: Vec<String>,
    /// Whether the request allowed for less than there was to say.
    pub(super) cut_short: bool,
    pub(super) prompt_tokens: usize,
}

/// What follows the greeting, over and over, as far as it is needed.
const FILLER: &str =
    "No model thought of these words: they are here to be counted, delayed and retried. ";

/// The usual estimate for English: four bytes to a token.
const BYTES_PER_TOKEN: usize = 4;

/// The longest simulated answer, in tokens, whatever was asked for: everything is bounded.
const MOST_TOKENS: usize = 100_000;

pub(super) const JSON: &str = "application/json";

// ===== impl Reply =====

impl Reply {
    pub(super) fn new(
        endpoint: Endpoint,
        asked: &Asked,
        length: usize,
        params: &Params,
        number: u64,
    ) -> Self {
        let prompt = length.div_ceil(BYTES_PER_TOKEN);
        let telling = || Telling::new(asked, params, prompt, number);
        match endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions => {
                let telling = telling();
                let chat = endpoint == Endpoint::ChatCompletions;
                match (asked.stream(), chat) {
                    (true, true) => Self::Events(events::chat(&telling, asked.include_usage())),
                    (true, false) => Self::Events(events::text(&telling, asked.include_usage())),
                    (false, true) => Self::told(&telling, &plain::chat(&telling)),
                    (false, false) => Self::told(&telling, &plain::text(&telling)),
                }
            }
            Endpoint::Responses if asked.stream() => Self::Events(events::responses(&telling())),
            Endpoint::Responses => {
                let telling = telling();
                Self::told(&telling, &plain::response(&telling))
            }
            Endpoint::Messages if asked.stream() => Self::Events(events::messages(&telling())),
            Endpoint::Messages => {
                let telling = telling();
                Self::told(&telling, &plain::message(&telling))
            }
            Endpoint::CountTokens => Self::at_once(&plain::count(prompt)),
            Endpoint::Embeddings => Self::at_once(&plain::embeddings(asked, prompt)),
            Endpoint::Moderations => Self::at_once(&plain::moderations(asked, number)),
            Endpoint::Rerank => Self::at_once(&plain::rerank(asked, number)),
            Endpoint::ImagesGenerations => Self::at_once(&plain::images(asked, now())),
            Endpoint::AudioSpeech => Self::Whole {
                content_type: "audio/wav",
                tokens: None,
                data: plain::wav(),
            },
            Endpoint::AudioTranscriptions => Self::at_once(&plain::transcription(&telling())),
        }
    }

    fn told(telling: &Telling<'_>, json: &serde_json::Value) -> Self {
        Self::Whole {
            content_type: JSON,
            tokens: Some(telling.tokens.len()),
            data: json.to_string().into(),
        }
    }

    fn at_once(json: &serde_json::Value) -> Self {
        Self::Whole {
            content_type: JSON,
            tokens: None,
            data: json.to_string().into(),
        }
    }
}

// ===== impl Telling =====

impl<'a> Telling<'a> {
    fn new(asked: &'a Asked, params: &Params, prompt_tokens: usize, number: u64) -> Self {
        let length = params.answer_tokens.min(MOST_TOKENS);
        let allowed = asked.limit().unwrap_or(usize::MAX);
        let greeting;
        let mut words: Box<dyn Iterator<Item = &str>> = match &params.answer {
            Answer::Text(text) => Box::new(text.split_inclusive(char::is_whitespace)),
            Answer::Greeting | Answer::Fails(_) => {
                greeting = format!("Hello from {}, a simulated deployment. ", asked.model);
                let filler = std::iter::repeat(FILLER);
                let texts = std::iter::once(greeting.as_str()).chain(filler);
                Box::new(texts.flat_map(|text| text.split_inclusive(char::is_whitespace)))
            }
        };
        let words = words.by_ref().take(length);
        let mut tokens: Vec<String> = words
            .take(allowed.saturating_add(1))
            .map(str::to_owned)
            .collect();
        let cut_short = tokens.len() > allowed;
        tokens.truncate(allowed);
        if let Some(last) = tokens.last_mut() {
            last.truncate(last.trim_end().len());
        }
        Self {
            model: &asked.model,
            number,
            created: now(),
            tokens,
            cut_short,
            prompt_tokens,
        }
    }

    pub(super) fn text(&self) -> String {
        self.tokens.concat()
    }

    /// An id in the manner of the endpoint: `chatcmpl-simulated-7`.
    pub(super) fn id(&self, kind: &str) -> String {
        format!("{kind}simulated-{}", self.number)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
