mod anatomy;
mod invalid;
mod json;
mod members;
mod multipart;
mod params;
mod prompt;
mod splice;

#[cfg(test)]
mod tests;

pub use self::{
    invalid::InvalidRequest,
    members::Member,
    params::{OwnKey, Params},
    splice::SplicedBody,
};

use self::anatomy::{Anatomy, Form};
use bytes::Bytes;
use headworks_core::WithModel;
use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use std::{
    borrow::Cow,
    convert::Infallible,
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// The whole body of a request, and where things stand in it.
///
/// It is read once, in place; a clone costs two reference counts. As a [`Body`] it is the bytes as they came
/// in; [`with_model`](WithModel::with_model) makes the body that goes out to a deployment.
#[derive(Clone)]
pub struct RequestBody {
    bytes: Bytes,
    anatomy: Arc<Anatomy>,
    /// What goes out asks for usage where this does not.
    asks_usage: bool,
    /// As a body: the bytes have been handed out.
    sent: bool,
}

// ===== impl RequestBody =====

impl RequestBody {
    /// Reads a body as its content type says: `multipart/form-data` is a form, anything else is JSON.
    ///
    /// `LiteLLM` reads JSON whatever the type says, and `curl -d` says `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json) and [`multipart`](Self::multipart); a form without a boundary.
    pub fn parse(content_type: Option<&HeaderValue>, bytes: Bytes) -> Result<Self, InvalidRequest> {
        match content_type.map(|value| multipart::boundary(value.as_bytes())) {
            Some(Some(boundary)) => Self::multipart(bytes, boundary?.as_bytes()),
            None | Some(None) => Self::json(bytes),
        }
    }

    /// Reads a JSON body.
    ///
    /// # Errors
    ///
    /// What is no JSON object in UTF-8, or nests deeper than 128. Of the parameters this reads (the methods
    /// of this type, and every [`OwnKey`]): one that comes twice, however it is spelled, because another
    /// reader might go by the other one; one of a wrong type or value, `null` standing for absent.
    pub fn json(bytes: Bytes) -> Result<Self, InvalidRequest> {
        let anatomy = json::read(&bytes)?;
        Ok(Self::new(bytes, anatomy))
    }

    /// Reads a `multipart/form-data` body, whose parts are delimited by `boundary`.
    ///
    /// The parameters are fields of text here: `true` is a boolean, `1.5` a number, an empty field is absent.
    ///
    /// # Errors
    ///
    /// What is not built as RFC 7578 says; a part without a name; of the parameters this reads, what
    /// [`json`](Self::json) refuses, and a file in place of text.
    pub fn multipart(bytes: Bytes, boundary: &[u8]) -> Result<Self, InvalidRequest> {
        let anatomy = multipart::read(&bytes, boundary)?;
        Ok(Self::new(bytes, anatomy))
    }

    fn new(bytes: Bytes, anatomy: Anatomy) -> Self {
        Self {
            bytes,
            anatomy: Arc::new(anatomy),
            asks_usage: false,
            sent: false,
        }
    }

    /// The model, if the body names one. It may stand in the path instead.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.anatomy.model.as_deref()
    }

    /// True if the client wants the answer as a stream of events.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.anatomy.stream
    }

    /// What the client said in `stream_options.include_usage`, if it did.
    #[must_use]
    pub fn include_usage(&self) -> Option<bool> {
        self.anatomy.include_usage
    }

    /// The most tokens the answer may have, if the client set a limit: `max_completion_tokens`, else
    /// `max_output_tokens`, else `max_tokens`. A negative number, with which llama.cpp's clients ask for no
    /// limit, sets none.
    #[must_use]
    pub fn max_tokens(&self) -> Option<u64> {
        self.anatomy.max_tokens()
    }

    /// Our own parameters, which no provider gets to see.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.anatomy.params
    }

    /// The text of one of the provider's own members; `None` if it did not come, is no text, or an empty one.
    #[must_use]
    pub fn text(&self, member: Member) -> Option<Cow<'_, str>> {
        let value = &self.bytes[self.anatomy.members.get(member)?];
        if self.is_json() {
            return members::text(value);
        }
        let text = str::from_utf8(value).ok()?;
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }

    /// Shows `piece`, one after the other, what stays the same throughout a conversation: `system` or
    /// `instructions`, then the `messages` (or the `input`) up to the first of the user's, or the beginning of
    /// a `prompt`. Nothing is copied, and of anything longer than 2 KiB the two ends and the length are shown.
    ///
    /// The bytes are those that came in, with the escapes of JSON, so they are alike for requests of one
    /// client. A message is alike whether it is a string or a list of parts, and with and without
    /// `cache_control`.
    pub fn opening(&self, mut piece: impl FnMut(&[u8])) {
        if self.is_json() {
            prompt::opening(&self.bytes, &self.anatomy.members, &mut piece);
        }
    }

    /// How many bytes of text the prompt has, of its tools too. Images, audio and files are not counted: a
    /// number by which a prompt is called too long must not be too high.
    ///
    /// It is counted when it is asked for, by going over the prompt once more. It is never more than
    /// [`len`](Self::len).
    #[must_use]
    pub fn prompt_len(&self) -> u64 {
        if self.is_json() {
            prompt::text_len(&self.bytes, &self.anatomy.members)
        } else {
            0
        }
    }

    /// How many bytes of text the provider counts as input: [`prompt_len`](Self::prompt_len), but of several prompts
    /// all, and of what is to be ranked the query and the documents. A token that is given by its number counts
    /// as four bytes, so that it may be more than [`len`](Self::len).
    #[must_use]
    pub fn counted_len(&self) -> u64 {
        if self.is_json() {
            prompt::counted_len(&self.bytes, &self.anatomy.members)
        } else {
            0
        }
    }

    /// How many answers it asks for, each of which may have [`max_tokens`](Self::max_tokens): `n` of them, or
    /// `best_of` where that is more, to each of its prompts.
    #[must_use]
    pub fn answers(&self) -> u64 {
        if self.is_json() {
            prompt::answers(&self.bytes, &self.anatomy.members)
        } else {
            1
        }
    }

    /// Shows `each` text of the prompt, and the tools that come with it, as [`prompt_len`](Self::prompt_len) counts
    /// them, of several prompts all: for whoever counts more than bytes. Returns how many messages there are, 0
    /// where there is no list of them.
    pub fn prompt_texts(&self, each: &mut dyn FnMut(&[u8])) -> u64 {
        if self.is_json() {
            prompt::texts(&self.bytes, &self.anatomy.members, each)
        } else {
            0
        }
    }

    fn is_json(&self) -> bool {
        matches!(self.anatomy.form, Form::Value | Form::Member { .. })
    }

    /// How many bytes came in.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never true: the shortest body is `{}`.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes that came in.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl WithModel for RequestBody {
    type Body = SplicedBody;

    fn with_model(self, model: &str) -> SplicedBody {
        SplicedBody::new(self.bytes, self.anatomy, model, self.asks_usage)
    }

    /// `stream_options.include_usage` is written in where it is absent or `null`; a `false` stands, as do the
    /// other members of `stream_options`. Forms have none, and Azure refuses it beside `data_sources`.
    fn ask_usage(&mut self) -> bool {
        self.asks_usage = self.anatomy.asking.is_some();
        self.asks_usage
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let sent = mem::replace(&mut self.sent, true);
        Poll::Ready((!sent).then(|| Ok(Frame::data(self.bytes.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.sent {
            0
        } else {
            self.bytes.len() as u64
        })
    }
}

/// Shows where things stand, not what a client wrote.
impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("len", &self.bytes.len())
            .field("model", &self.model())
            .field("stream", &self.stream())
            .field("params", self.params())
            .finish_non_exhaustive()
    }
}
