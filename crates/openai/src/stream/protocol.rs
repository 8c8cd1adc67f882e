use super::StreamError;
use crate::Dialect;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// Whose events a stream is made of: what ends it, and how it tells of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Chat completions and completions: chunks with `choices`, ended by `[DONE]`.
    Completions,
    /// `OpenAI`'s Responses: named events around one `response`.
    Responses,
    /// Anthropic's messages: named events.
    Messages,
    /// Images, speech and transcriptions: events with a `type`.
    Media,
}

// ===== impl Protocol =====

impl Protocol {
    /// The protocol of the endpoint a path ends in.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        const ENDINGS: [(&str, Protocol); 8] = [
            ("/completions", Protocol::Completions),
            ("/responses", Protocol::Responses),
            ("/messages", Protocol::Messages),
            ("/images/generations", Protocol::Media),
            ("/images/edits", Protocol::Media),
            ("/audio/speech", Protocol::Media),
            ("/audio/transcriptions", Protocol::Media),
            ("/audio/translations", Protocol::Media),
        ];
        let mut endings = ENDINGS.iter();
        endings
            .find(|(ending, _)| path.ends_with(ending))
            .map(|(_, protocol)| *protocol)
    }

    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Messages => Dialect::Anthropic,
            Self::Completions | Self::Responses | Self::Media => Dialect::OpenAi,
        }
    }

    /// True if a whole stream ends in `[DONE]`.
    pub(super) const fn ends_in_done(self) -> bool {
        matches!(self, Self::Completions)
    }

    /// True if an answer says by what it was finished, and so perhaps that it was withheld.
    pub(super) const fn tells_its_finish(self) -> bool {
        !matches!(self, Self::Media)
    }

    /// True if an event of failure repeats what the stream began with.
    pub(super) const fn repeats_its_opening(self) -> bool {
        matches!(self, Self::Responses)
    }

    /// The event that tells of `error`, in a stream that began with the data `opening` and has passed on
    /// `events` events. It begins with a blank line, as [`ErrorObject::to_event`](crate::ErrorObject::to_event)
    /// does.
    pub(super) fn failure(self, error: &StreamError, opening: Option<&[u8]>, events: u64) -> Bytes {
        let (status, object) = error.to_object();
        if self != Self::Responses {
            return object.to_event(status, self.dialect());
        }
        // Reference of Responses, "response.failed": the response as it stood, with the status and the error.
        // The code is one of a short list; of these, `server_error` says what is the matter.
        let mut response = opening.and_then(response_of).unwrap_or_default();
        response
            .entry("object")
            .or_insert_with(|| "response".into());
        response
            .entry("output")
            .or_insert_with(|| Value::Array(Vec::new()));
        response.insert("status".into(), "failed".into());
        let error = json!({"code": "server_error", "message": object.message()});
        response.insert("error".into(), error);
        let data = json!({
            "type": "response.failed",
            "sequence_number": events,
            "response": response,
        });
        format!("\n\nevent: response.failed\ndata: {data}\n\n").into()
    }
}

/// The `response` within an event.
fn response_of(data: &[u8]) -> Option<Map<String, Value>> {
    let mut event: Value = serde_json::from_slice(data).ok()?;
    match event.get_mut("response")?.take() {
        Value::Object(response) => Some(response),
        _ => None,
    }
}
