use crate::Gate;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::{collections::HashMap, fmt, time::Duration};

/// What is answered to one request: a good answer at first, spoilt by the setters.
///
/// An answer is a head and a list of chunks. For an event stream a chunk is an event; for anything else it
/// is the whole body, unless [`in_chunks`](Self::in_chunks) cuts it up. Chunks are counted from 0.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) head: Head,
    pub(crate) latency: Duration,
    pub(crate) before_head: Option<Gate>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) chunks: Vec<Bytes>,
    /// True if the length is announced; false for a stream.
    pub(crate) sized: bool,
    pub(crate) pace: Duration,
    pub(crate) holds: HashMap<usize, Gate>,
    pub(crate) fault: Option<(usize, Fault)>,
}

/// Whether there is a head at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    Sent,
    Silence,
    HangUp,
    Reset,
}

/// What becomes of the body at some chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Cut,
    Reset,
    Stall,
}

// ===== impl Answer =====

impl Answer {
    /// An empty answer with this status and `content-length: 0`.
    ///
    /// # Panics
    ///
    /// If `status` is not a status code.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            head: Head::Sent,
            latency: Duration::ZERO,
            before_head: None,
            status: StatusCode::from_u16(status).expect("a status code"),
            headers: HeaderMap::new(),
            chunks: Vec::new(),
            sized: true,
            pace: Duration::ZERO,
            holds: HashMap::new(),
            fault: None,
        }
    }

    /// 200 with these bytes as its body and no content type.
    pub fn bytes(body: impl Into<Bytes>) -> Self {
        Self {
            chunks: vec![body.into()],
            ..Self::status(200)
        }
    }

    /// 200 with a JSON body.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "`json!` makes a value")]
    pub fn json(body: serde_json::Value) -> Self {
        Self::bytes(body.to_string()).header("content-type", "application/json")
    }

    /// 200 with an event stream, one chunk for each of `events`. They are sent as they are: each brings its
    /// own `data:` and its own blank line, or lacks them. See [`openai::event`](crate::openai::event).
    pub fn sse<E: Into<Bytes>>(events: impl IntoIterator<Item = E>) -> Self {
        Self {
            chunks: events.into_iter().map(Into::into).collect(),
            sized: false,
            ..Self::status(200)
        }
        .header("content-type", "text/event-stream")
    }

    /// No answer, ever; the connection stays open.
    #[must_use]
    pub fn silence() -> Self {
        Self::headless(Head::Silence)
    }

    /// No answer: the connection is closed in order (FIN) where the head should have come.
    #[must_use]
    pub fn hang_up() -> Self {
        Self::headless(Head::HangUp)
    }

    /// No answer: the connection is reset (RST) where the head should have come.
    #[must_use]
    pub fn reset() -> Self {
        Self::headless(Head::Reset)
    }

    /// Sets the status.
    ///
    /// # Panics
    ///
    /// If `status` is not a status code.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).expect("a status code");
        self
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// If `name` or `value` cannot stand in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// Adds a chunk at the end: an event, malformed or not, or more of a plain body.
    #[must_use]
    pub fn chunk(mut self, chunk: impl Into<Bytes>) -> Self {
        self.chunks.push(chunk.into());
        self
    }

    /// Keeps the first `n` chunks and ends in order after them: a stream without its `[DONE]`, an event
    /// stream without an event.
    #[must_use]
    pub fn only(mut self, n: usize) -> Self {
        self.chunks.truncate(n);
        self
    }

    /// Cuts the body into chunks of `size` bytes, whatever they were before.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    #[must_use]
    pub fn in_chunks(mut self, size: usize) -> Self {
        let body = self.chunks.concat();
        self.chunks = body.chunks(size).map(Bytes::copy_from_slice).collect();
        self
    }

    /// What it says if nothing spoils it, chunk by chunk.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Puts `chunk` before the chunk that is number `n` now, or at the end if there are `n`.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[must_use]
    pub fn insert(mut self, n: usize, chunk: impl Into<Bytes>) -> Self {
        self.chunks.insert(n, chunk.into());
        self
    }

    /// Waits before the head.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Holds the head until `gate` opens.
    #[must_use]
    pub fn hold_head(mut self, gate: &Gate) -> Self {
        self.before_head = Some(gate.clone());
        self
    }

    /// Waits before each chunk but the first.
    #[must_use]
    pub const fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Holds chunk `n` (or the end, if there are `n` chunks) until `gate` opens.
    #[must_use]
    pub fn hold_before(mut self, n: usize, gate: &Gate) -> Self {
        self.holds.insert(n, gate.clone());
        self
    }

    /// After `n` chunks the body breaks off: on HTTP/1.1 the connection is closed with the body unfinished,
    /// on HTTP/2 the stream is reset.
    #[must_use]
    pub const fn cut_after(mut self, n: usize) -> Self {
        self.fault = Some((n, Fault::Cut));
        self
    }

    /// After `n` chunks the connection is reset (RST).
    #[must_use]
    pub const fn reset_after(mut self, n: usize) -> Self {
        self.fault = Some((n, Fault::Reset));
        self
    }

    /// After `n` chunks nothing more comes; the connection stays open.
    #[must_use]
    pub const fn stall_after(mut self, n: usize) -> Self {
        self.fault = Some((n, Fault::Stall));
        self
    }

    /// The length to announce, faults or not: what breaks off has promised more.
    pub(crate) fn length(&self) -> Option<u64> {
        let length = self.chunks.iter().map(Bytes::len).sum::<usize>();
        self.sized.then_some(length as u64)
    }

    pub(crate) fn head(&self) -> http::response::Builder {
        let mut head = http::Response::builder().status(self.status);
        if let (Some(headers), Some(length)) = (head.headers_mut(), self.length()) {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        for (name, value) in &self.headers {
            head = head.header(name, value);
        }
        head
    }

    fn headless(head: Head) -> Self {
        Self {
            head,
            ..Self::status(200)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "cut by the script",
            Self::Reset => "reset by the script",
            Self::Stall => "stalled by the script",
        })
    }
}

impl std::error::Error for Fault {}
