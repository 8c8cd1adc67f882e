use crate::{
    canary,
    kind::{Kind, Protocol, Words},
};
use bytes::Bytes;
use headworks_upstream::{Answer, Received, openai};
use std::time::Duration;

/// How the sick deployment behaves.
#[derive(Clone, Copy, Debug)]
pub enum Play {
    /// Every answer is an error with this status, these words and these headers.
    Always(u16, Words, &'static [(&'static str, &'static str)]),
    /// The first answer is an error, the others are good.
    Once(u16, Words),
    /// An error, a good answer, an error, and so on.
    EveryOther(u16, Words),
    /// Nobody listens.
    Refused,
    /// The connection is reset where the head should come.
    ResetBeforeHead,
    /// The head comes, and then the connection is reset.
    ResetAfterHead,
    /// The request is read and never answered.
    Silence,
    /// The answer comes this much later.
    Late(Duration),
    /// The head of a stream comes at once, and nothing of the answer.
    NoFirstToken,
    /// A stream says something, and then the connection is closed; of a plain answer the last byte
    /// is missing.
    Cut,
    /// A stream says something, and then the connection is reset.
    ResetLater,
    /// A stream says something, and ends in order without a finish.
    EndsEarly,
    /// A stream says something, and then `[DONE]` without a finish.
    DoneEarly,
    /// A stream says something, or a plain answer all but its last byte, and then nothing more.
    Stall,
    /// The first event of a stream is no JSON.
    MalformedFirst,
    /// A stream says something, and then an event that is no JSON.
    MalformedLater,
    /// A whole stream but for its `[DONE]`.
    NoDone,
    /// 200, and nothing in it.
    Empty,
    /// The first event of a stream is an error, or a plain 200 is one.
    ErrorFirst(Words),
    /// A stream says something, and then an error.
    ErrorLater(Words),
    /// A whole answer whose finish says that the rest was withheld.
    Filtered,
    /// A stream whose first event that says anything is that finish.
    FilteredFirst,
}

// ===== impl Play =====

impl Play {
    /// The answer to the request that is number `call` there, counted from 0.
    pub(crate) fn answer(self, kind: Kind, request: &Received, call: usize) -> Answer {
        let good = openai::good(request);
        let begun = kind.begun();
        match self {
            Self::Always(status, words, headers) => {
                let answer = refuse(kind, request, status, words);
                headers
                    .iter()
                    .fold(answer, |answer, (name, value)| answer.header(name, value))
            }
            Self::Once(status, words) if call == 0 => refuse(kind, request, status, words),
            Self::EveryOther(status, words) if call.is_multiple_of(2) => {
                refuse(kind, request, status, words)
            }
            // Nobody is asked who refuses.
            Self::Once(..) | Self::EveryOther(..) | Self::Refused => good,
            Self::ResetBeforeHead => Answer::reset(),
            Self::ResetAfterHead => good.reset_after(0),
            Self::Silence => Answer::silence(),
            Self::Late(late) => good.latency(late),
            Self::NoFirstToken => good.stall_after(kind.unspoken()),
            Self::Cut if kind.streamed => good.cut_after(begun),
            Self::Stall if kind.streamed => good.stall_after(begun),
            Self::Cut => all_but_the_last(good).cut_after(1),
            Self::Stall => all_but_the_last(good).stall_after(1),
            Self::ResetLater => good.reset_after(begun),
            Self::EndsEarly => good.only(begun),
            Self::DoneEarly => good.only(begun).chunk(openai::DONE),
            Self::MalformedFirst => good.insert(0, MALFORMED),
            Self::MalformedLater => good.insert(begun, MALFORMED),
            Self::NoDone => {
                let all = good.chunks().len();
                good.only(all - 1)
            }
            Self::Empty if kind.streamed => good.only(0),
            Self::Empty => Answer::status(200).header("content-type", "application/json"),
            Self::ErrorFirst(words) if !kind.streamed => refuse(kind, request, 200, words),
            Self::ErrorFirst(words) => good.insert(0, kind.error_event(words)),
            Self::ErrorLater(words) => good.insert(begun, kind.error_event(words)),
            Self::Filtered => filtered(kind, &good),
            Self::FilteredFirst => {
                let filtered = filtered(kind, &good);
                let silent = filtered.chunks().iter().filter(|chunk| !says_a_word(chunk));
                Answer::sse(silent.cloned())
            }
        }
    }

    /// The sick deployment's own settings.
    pub(crate) const fn params(self) -> &'static str {
        match self {
            // Of an answer that is streamed this is the time to its head.
            Self::Silence | Self::Stall => ", timeout: 1",
            Self::NoFirstToken => ", stream_timeout: 1",
            Self::Late(_) => ", timeout: 8",
            _ => "",
        }
    }

    /// The settings of the gateway under `headworks`.
    pub(crate) const fn settings(self) -> &'static str {
        match self {
            Self::Stall => "stream_idle_timeout: 1.5",
            _ => "",
        }
    }

    /// True if its answer is one, though it was withheld.
    pub(crate) const fn answers(self) -> bool {
        matches!(self, Self::Filtered | Self::FilteredFirst)
    }

    /// The event that breaks a stream off, if it is of this kind and passed on.
    pub(crate) const fn own_event(self) -> Option<Words> {
        match self {
            Self::ErrorLater(words) => Some(words),
            _ => None,
        }
    }

    /// True if it speaks, so that it can be asked how often it was called.
    pub(crate) const fn listens(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

/// An event whose data ends in mid-string.
const MALFORMED: &str =
    "data: {\"type\":\"x.delta\",\"choices\":[{\"delta\":{\"content\":\"bro\n\n";

impl Kind {
    /// How many events of a good stream there are before the first that says something.
    const fn unspoken(self) -> usize {
        self.begun() - 2
    }
}

fn refuse(kind: Kind, request: &Received, status: u16, words: Words) -> Answer {
    let sent = keys(request).join(" and ");
    Answer::json(kind.error(words, &sent)).with_status(status)
}

/// The keys a deployment was sent.
pub(crate) fn keys(request: &Received) -> [String; 2] {
    let bearer = request.header("authorization");
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let key = bearer.or_else(|| request.header("x-api-key"));
    [key, request.header(canary::OWN_KEY)].map(|key| key.unwrap_or_default().to_owned())
}

/// The same in two chunks, of which the second is its last byte.
fn all_but_the_last(answer: Answer) -> Answer {
    let length: usize = answer.chunks().iter().map(Bytes::len).sum();
    answer.in_chunks(length - 1)
}

/// True of an event with a piece of the answer that is nothing else.
fn says_a_word(event: &Bytes) -> bool {
    let text = String::from_utf8_lossy(event);
    openai::WORDS
        .iter()
        .any(|word| text.contains(&format!("\"{word}\"")))
}

/// A good answer whose finish is a refusal, in the words of its protocol.
fn filtered(kind: Kind, good: &Answer) -> Answer {
    let (from, to) = match kind.protocol() {
        Protocol::Completions => (
            r#""finish_reason":"stop""#,
            r#""finish_reason":"content_filter""#,
        ),
        Protocol::Messages => (r#""stop_reason":"end_turn""#, r#""stop_reason":"refusal""#),
        _ => (r#""status":"completed""#, r#""status":"incomplete""#),
    };
    let details = r#""incomplete_details":{"reason":"content_filter"},"object":"response""#;
    let chunks = good.chunks().iter().map(|chunk| {
        let text = String::from_utf8_lossy(chunk).replace(from, to);
        let text = text.replace("response.completed", "response.incomplete");
        match text.contains(r#""status":"incomplete""#) {
            true => text.replace(r#""object":"response""#, details),
            false => text,
        }
    });
    if kind.streamed {
        return Answer::sse(chunks);
    }
    let body: String = chunks.collect();
    Answer::json(serde_json::from_str(&body).unwrap_or_default())
}
