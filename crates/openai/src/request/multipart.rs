mod header;

use super::{
    InvalidRequest, Params,
    anatomy::{Anatomy, Form, Known, Limits, Once},
    members::Members,
};
use bytes::Bytes;
use header::{Parameters, disposition_of, is_token, name_of};
use memchr::{memchr, memmem};
use std::{borrow::Cow, ops::Range};

/// The longest boundary that RFC 2046, 5.1.1 allows.
const MAX_BOUNDARY: usize = 70;

/// Walks from delimiter to delimiter.
struct Parts<'a> {
    bytes: &'a [u8],
    /// CRLF, two dashes, the boundary.
    delimiter: memmem::Finder<'a>,
    /// The dashes of the next delimiter.
    at: usize,
}

struct Part<'a> {
    name: Cow<'a, [u8]>,
    is_file: bool,
    content: Range<usize>,
    /// From its delimiter to the next one.
    whole: Range<usize>,
}

/// The boundary that a content type names; `None` if the type is not `multipart/form-data`.
pub(super) fn boundary(content_type: &[u8]) -> Option<Result<Cow<'_, str>, InvalidRequest>> {
    let end = memchr(b';', content_type).unwrap_or(content_type.len());
    if !content_type[..end]
        .trim_ascii()
        .eq_ignore_ascii_case(b"multipart/form-data")
    {
        return None;
    }
    // One that cannot be read ends the search: what follows it is anybody's guess.
    let boundary = Parameters(&content_type[end..])
        .map_while(|parameter| parameter)
        .find(|parameter| parameter.name.eq_ignore_ascii_case(b"boundary"));
    let value = boundary.and_then(|boundary| match boundary.value {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    });
    let missing = InvalidRequest::not_multipart("a boundary in its content type", 0);
    Some(value.ok_or(missing))
}

/// Reads a form in one pass.
pub(super) fn read(bytes: &Bytes, boundary: &[u8]) -> Result<Anatomy, InvalidRequest> {
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        let expected = "a boundary of 1 to 70 characters";
        return Err(InvalidRequest::not_multipart(expected, 0));
    }
    let delimiter = [b"\r\n--", boundary].concat();
    let mut parts = Parts::begin(bytes, &delimiter)?;
    let mut anatomy = Anatomy {
        model: None,
        stream: false,
        include_usage: None,
        asking: None,
        limits: Limits::default(),
        params: Params::default(),
        members: Members::default(),
        cuts: Vec::new(),
        site: parts.at..parts.at,
        form: Form::Part {
            boundary: boundary.into(),
        },
    };
    let mut once = Once::default();
    while let Some(part) = parts.next()? {
        let Some(known) = Known::of(&part.name) else {
            continue;
        };
        let at = part.content.start;
        if let Known::Model | Known::Stream | Known::Own(_) = known {
            once.came(known, part.whole.start)?;
            if part.is_file {
                return Err(InvalidRequest::wrong_type(
                    known.as_str(),
                    "text",
                    "a file",
                    at,
                ));
            }
        }
        if let Known::Seen(member) = known {
            if !part.is_file {
                anatomy.members.came(member, part.content);
            }
            continue;
        }
        let content = bytes.slice(part.content.clone());
        let text = str::from_utf8(&content);
        let text = || text.map_err(|_| InvalidRequest::wrong_value(known.as_str(), "UTF-8", at));
        match known {
            Known::Model => {
                anatomy.site = part.content;
                anatomy.form = Form::Content;
                anatomy.model = Some(text()?)
                    .filter(|model| !model.is_empty())
                    .map(Box::from);
            }
            Known::Stream => {
                anatomy.stream = match text()? {
                    "true" | "True" => true,
                    "" | "false" | "False" => false,
                    _ => {
                        return Err(InvalidRequest::wrong_value(
                            "stream",
                            "`true` or `false`",
                            at,
                        ));
                    }
                };
            }
            Known::Own(key) => {
                anatomy.cuts.push(part.whole);
                let text = text()?;
                let value = if text.is_empty() {
                    None
                } else {
                    key.parse(text, at)?
                };
                if let Some(value) = value {
                    anatomy.params.push(key, content.clone(), value);
                }
            }
            // No endpoint that takes a form has these.
            Known::StreamFormat
            | Known::StreamOptions
            | Known::IncludeUsage
            | Known::DataSources
            | Known::MaxTokens
            | Known::MaxCompletionTokens
            | Known::MaxOutputTokens
            | Known::Metadata
            // Noted above.
            | Known::Seen(_) => {}
        }
    }
    Ok(anatomy)
}

// ===== impl Parts =====

impl<'a> Parts<'a> {
    fn begin(bytes: &'a [u8], delimiter: &'a [u8]) -> Result<Self, InvalidRequest> {
        // RFC 2046 allows a preamble in front of the first boundary. No client sends one, and parsers differ on
        // where it ends: one might find a model in it that another does not.
        let at = if bytes.starts_with(&delimiter[2..]) {
            0
        } else if bytes.starts_with(delimiter) {
            2
        } else {
            let expected = "the boundary of its content type in front";
            return Err(InvalidRequest::not_multipart(expected, 0));
        };
        Ok(Self {
            bytes,
            delimiter: memmem::Finder::new(delimiter),
            at,
        })
    }

    fn next(&mut self) -> Result<Option<Part<'a>>, InvalidRequest> {
        let start = self.at;
        let mut at = start + self.delimiter.needle().len() - 2;
        if self.bytes[at..].starts_with(b"--") {
            return Ok(None);
        }
        at += self.bytes[at..]
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        if !self.bytes[at..].starts_with(b"\r\n") {
            return Err(InvalidRequest::not_multipart(
                "a line break behind a boundary",
                at,
            ));
        }
        at += 2;
        let mut disposition = None;
        loop {
            let line = self.header(at)?;
            if line.is_empty() {
                at += 2;
                break;
            }
            if let Some(value) = disposition_of(line)
                && disposition.replace((at, value)).is_some()
            {
                let expected = "one Content-Disposition for each part";
                return Err(InvalidRequest::not_multipart(expected, at));
            }
            at += line.len() + 2;
        }
        let content = &self.bytes[at..];
        // Some read the line break of the last header as that of the boundary, some do not.
        let ambiguous = content.starts_with(&self.delimiter.needle()[2..]);
        let Some(len) = self.delimiter.find(content).filter(|_| !ambiguous) else {
            let expected = "a line break and the boundary behind each part";
            return Err(InvalidRequest::not_multipart(expected, at));
        };
        let name = disposition.and_then(|(_, value)| name_of(value));
        let Some((name, is_file)) = name else {
            let at = disposition.map_or(start, |(at, _)| at);
            let expected = "`Content-Disposition: form-data; name=\"…\"`";
            return Err(InvalidRequest::not_multipart(expected, at));
        };
        self.at = at + len + 2;
        Ok(Some(Part {
            name,
            is_file,
            content: at..at + len,
            whole: start..self.at,
        }))
    }

    /// The header line at `at`; the empty one ends them. It must be a name and a value on one line: whatever
    /// looks otherwise, a bare LF above all, some parser takes for something else.
    fn header(&self, at: usize) -> Result<&'a [u8], InvalidRequest> {
        let rest = &self.bytes[at..];
        let line = memmem::find(rest, b"\r\n").map(|len| &rest[..len]);
        let sound = line.filter(|line| {
            let name = memchr(b':', line).map(|colon| &line[..colon]);
            let token = |name: &[u8]| !name.is_empty() && name.iter().all(|b| is_token(*b));
            line.is_empty()
                || name.is_some_and(token)
                    && line.iter().all(|b| !b.is_ascii_control() || *b == b'\t')
                    && !line.starts_with(&self.delimiter.needle()[2..])
        });
        let expected = "headers of one line each, and a blank line behind them";
        sound.ok_or_else(|| InvalidRequest::not_multipart(expected, at))
    }
}
