use super::{
    InvalidRequest, OwnKey, Params,
    members::{Member, Members},
};
use std::ops::Range;

/// What a body says, and where in its bytes.
#[derive(Debug)]
pub(super) struct Anatomy {
    pub(super) model: Option<Box<str>>,
    pub(super) stream: bool,
    pub(super) include_usage: Option<bool>,
    /// How to ask for the usage of a stream, of one that does not; `None` where it cannot be asked.
    pub(super) asking: Option<Asking>,
    pub(super) limits: Limits,
    pub(super) params: Params,
    pub(super) members: Members,
    /// What does not go out, in order, without overlaps.
    pub(super) cuts: Vec<Range<usize>>,
    /// What makes place for the model. It overlaps no cut.
    pub(super) site: Range<usize>,
    pub(super) form: Form,
}

/// What asks for the usage of a stream, and what makes place for it. It overlaps neither a cut nor the model's
/// site.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) site: Range<usize>,
    pub(super) text: &'static str,
}

/// The limits a client may set on the length of an answer, under their three names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) max_tokens: Option<u64>,
    pub(super) max_completion_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
}

/// How the model is written at its site.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// A JSON string, in place of another.
    Value,
    /// A new member of an object; `comma` if others follow it.
    Member { comma: bool },
    /// The content of a form's part, in place of another.
    Content,
    /// A new part in front of the others.
    Part { boundary: Box<[u8]> },
}

/// A parameter that is read, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Model,
    Stream,
    /// Speech has a word of its own: `sse` in place of a `stream` that is true.
    StreamFormat,
    StreamOptions,
    IncludeUsage,
    /// Azure's own, beside which it refuses `stream_options` (Azure/azure-sdk-for-js#30751).
    DataSources,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    Metadata,
    Own(OwnKey),
    Seen(Member),
}

/// The parameters that have come.
#[derive(Debug, Default)]
pub(super) struct Once(u64);

// ===== impl Anatomy =====

impl Anatomy {
    pub(super) fn max_tokens(&self) -> Option<u64> {
        let Limits {
            max_tokens,
            max_completion_tokens,
            max_output_tokens,
        } = self.limits;
        max_completion_tokens.or(max_output_tokens).or(max_tokens)
    }

    /// What goes out in place of [`site`](Self::site).
    pub(super) fn written(&self, model: &str) -> Vec<u8> {
        // Room for the longest frame but a boundary, so that the common forms allocate once.
        let mut out = Vec::with_capacity(model.len() + 16);
        match &self.form {
            Form::Value => quote(&mut out, model),
            Form::Member { comma } => {
                out.extend_from_slice(b"\"model\":");
                quote(&mut out, model);
                if *comma {
                    out.push(b',');
                }
            }
            Form::Content => out.extend_from_slice(model.as_bytes()),
            Form::Part { boundary } => {
                const HEAD: &[u8] = b"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n";
                out.extend([b"--", &**boundary, HEAD, model.as_bytes(), b"\r\n"].concat());
            }
        }
        out
    }
}

// ===== impl Known =====

impl Known {
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"stream_format" => Self::StreamFormat,
            b"stream_options" => Self::StreamOptions,
            b"data_sources" => Self::DataSources,
            b"max_tokens" => Self::MaxTokens,
            b"max_completion_tokens" => Self::MaxCompletionTokens,
            b"max_output_tokens" => Self::MaxOutputTokens,
            b"metadata" => Self::Metadata,
            _ => match Member::of(name) {
                Some(member) => Self::Seen(member),
                None => Self::Own(OwnKey::of(name)?),
            },
        })
    }

    /// Of the members of `metadata`.
    pub(super) fn of_metadata(name: &[u8]) -> Option<Self> {
        match name {
            b"tags" => Some(Self::Own(OwnKey::MetadataTags)),
            _ => Member::of_metadata(name).map(Self::Seen),
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::StreamFormat => "stream_format",
            Self::StreamOptions => "stream_options",
            Self::IncludeUsage => "stream_options.include_usage",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::Metadata => "metadata",
            Self::Own(key) => key.as_str(),
            // Nothing is said about these.
            Self::DataSources | Self::Seen(_) => "",
        }
    }

    /// A number for each that may come but once.
    const fn index(self) -> Option<u32> {
        Some(match self {
            Self::Model => 0,
            Self::Stream => 1,
            Self::StreamOptions => 2,
            Self::IncludeUsage => 3,
            Self::MaxTokens => 4,
            Self::MaxCompletionTokens => 5,
            Self::MaxOutputTokens => 6,
            Self::Metadata => 7,
            Self::StreamFormat => 8,
            Self::Own(key) => 9 + key as u32,
            Self::DataSources | Self::Seen(_) => return None,
        })
    }
}

// ===== impl Once =====

impl Once {
    /// Notes that `known` has come, at `offset`.
    pub(super) const fn came(&mut self, known: Known, offset: usize) -> Result<(), InvalidRequest> {
        let Some(index) = known.index() else {
            return Ok(());
        };
        let bit = 1 << index;
        if self.0 & bit != 0 {
            return Err(InvalidRequest::duplicate(known.as_str(), offset));
        }
        self.0 |= bit;
        Ok(())
    }
}

// ===== impl Limits =====

impl Limits {
    /// Reads one of the limits. A number too large for 64 bits is as good as the largest that is not.
    pub(super) fn set(
        &mut self,
        known: Known,
        number: &str,
        at: usize,
    ) -> Result<(), InvalidRequest> {
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidRequest::wrong_value(
                known.as_str(),
                "a whole number",
                at,
            ));
        }
        let limit = (!negative).then(|| digits.parse().unwrap_or(u64::MAX));
        match known {
            Known::MaxCompletionTokens => self.max_completion_tokens = limit,
            Known::MaxOutputTokens => self.max_output_tokens = limit,
            _ => self.max_tokens = limit,
        }
        Ok(())
    }
}

/// Writes `text` as a JSON string.
fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0..b' ' => out.extend(format!("\\u{byte:04x}").into_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
