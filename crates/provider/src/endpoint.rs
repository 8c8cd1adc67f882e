use std::fmt;

/// What a client can ask of a provider: one row for each POST endpoint.
///
/// The name of an endpoint is its canonical path, the one `OpenAI` (or, for messages, Anthropic) documents.
/// [`SignIn`](crate::SignIn) maps it onto the URL of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `OpenAI` chat completions.
    ChatCompletions,
    /// `OpenAI` completions, the legacy text form.
    Completions,
    /// `OpenAI` embeddings.
    Embeddings,
    /// `OpenAI` responses.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Anthropic token counting.
    CountTokens,
    /// `OpenAI` moderations.
    Moderations,
    /// Rerank, as Cohere and Jina shaped it.
    Rerank,
    /// `OpenAI` image generation.
    ImagesGenerations,
    /// `OpenAI` text to speech.
    AudioSpeech,
    /// `OpenAI` speech to text; its body is a multipart form.
    AudioTranscriptions,
}

/// One row: the endpoint, its canonical path, its word for labels.
type Row = (Endpoint, &'static str, &'static str);

const TABLE: [Row; 11] = [
    (
        Endpoint::ChatCompletions,
        "/v1/chat/completions",
        "chat_completions",
    ),
    (Endpoint::Completions, "/v1/completions", "completions"),
    (Endpoint::Embeddings, "/v1/embeddings", "embeddings"),
    (Endpoint::Responses, "/v1/responses", "responses"),
    (Endpoint::Messages, "/v1/messages", "messages"),
    (
        Endpoint::CountTokens,
        "/v1/messages/count_tokens",
        "count_tokens",
    ),
    (Endpoint::Moderations, "/v1/moderations", "moderations"),
    (Endpoint::Rerank, "/v1/rerank", "rerank"),
    (
        Endpoint::ImagesGenerations,
        "/v1/images/generations",
        "images_generations",
    ),
    (Endpoint::AudioSpeech, "/v1/audio/speech", "audio_speech"),
    (
        Endpoint::AudioTranscriptions,
        "/v1/audio/transcriptions",
        "audio_transcriptions",
    ),
];

/// What every canonical path begins with.
const VERSION: &str = "/v1";

// ===== impl Endpoint =====

impl Endpoint {
    /// Every endpoint, in the order of the table.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::ChatCompletions; TABLE.len()];
        let mut row = 0;
        while row < TABLE.len() {
            all[row] = TABLE[row].0;
            assert!(all[row] as usize == row, "the table is in the enum's order");
            row += 1;
        }
        all
    };

    /// The endpoint a path names, with or without its leading `/v1`. Exact: no trailing slash, no query.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let wanted = path.strip_prefix(VERSION).unwrap_or(path);
        let mut all = Self::ALL.into_iter();
        all.find(|endpoint| endpoint.unversioned() == wanted)
    }

    /// The endpoint whose unversioned path ends `path`, whatever stands before it, and what does.
    ///
    /// The longest wins: `/chat/completions` is not `/completions` below `/chat`.
    pub(crate) fn at_end_of(path: &str) -> Option<(&str, Self)> {
        Self::ALL
            .into_iter()
            .filter_map(|endpoint| Some((path.strip_suffix(endpoint.unversioned())?, endpoint)))
            .min_by_key(|(before, _)| before.len())
    }

    /// The canonical path, `/v1/…`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The canonical path without its `/v1`.
    #[must_use]
    pub fn unversioned(self) -> &'static str {
        &self.path()[VERSION.len()..]
    }

    /// The word for it in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// True for the endpoints that speak Anthropic's protocol: its errors, its events, its headers.
    #[must_use]
    pub const fn is_anthropic(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }

    /// Its row, for tables with a value for each endpoint.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_endpoint_with_and_without_version() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::from_path(endpoint.path()), Some(endpoint));
            assert_eq!(Endpoint::from_path(endpoint.unversioned()), Some(endpoint));
        }
        for path in [
            "",
            "/",
            "/v1",
            "/v1/",
            "/v2/embeddings",
            "/v1/embeddings/",
            "/v1/v1/embeddings",
        ] {
            assert_eq!(Endpoint::from_path(path), None, "{path}");
        }
    }

    #[test]
    fn the_longest_ending_names_the_endpoint() {
        for (path, before, endpoint) in [
            ("/v1/chat/completions", "/v1", Endpoint::ChatCompletions),
            ("/x/completions", "/x", Endpoint::Completions),
            ("/messages/count_tokens", "", Endpoint::CountTokens),
        ] {
            assert_eq!(Endpoint::at_end_of(path), Some((before, endpoint)));
        }
        assert_eq!(Endpoint::at_end_of("/v1"), None);
    }
}
