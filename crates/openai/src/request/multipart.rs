use super::{
    InvalidRequest, Params,
    anatomy::{Anatomy, Form, Known, Limits, Once},
};
use bytes::Bytes;
use memchr::{memchr, memmem};
use std::{borrow::Cow, ops::Range};

/// The longest boundary that RFC 2046, 5.1.1 allows.
const MAX_BOUNDARY: usize = 70;

/// The boundary that a content type names; `None` if the type is not `multipart/form-data`.
pub(super) fn boundary(content_type: &[u8]) -> Option<Result<Cow<'_, str>, InvalidRequest>> {
    let end = memchr(b';', content_type).unwrap_or(content_type.len());
    if !content_type[..end]
        .trim_ascii()
        .eq_ignore_ascii_case(b"multipart/form-data")
    {
        return None;
    }
    let boundary = Parameters(&content_type[end..]).find(|param| {
        param
            .as_ref()
            .is_none_or(|(name, _)| name.eq_ignore_ascii_case(b"boundary"))
    });
    let value = boundary.flatten().and_then(|(_, value)| match value {
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
        limits: Limits::default(),
        params: Params::default(),
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
                if let Some(value) = key.parse(text, at)?.filter(|_| !text.is_empty()) {
                    anatomy.params.push(key, content.clone(), value);
                }
            }
            // No endpoint that takes a form has these.
            Known::StreamOptions
            | Known::IncludeUsage
            | Known::MaxTokens
            | Known::MaxCompletionTokens
            | Known::MaxOutputTokens
            | Known::Metadata => {}
        }
    }
    Ok(anatomy)
}

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

/// The parameters of a header value, from the first semicolon on: names and values with their quotes undone.
/// A `None` is a parameter that cannot be read; nothing follows it.
struct Parameters<'a>(&'a [u8]);

// ===== impl Parts =====

impl<'a> Parts<'a> {
    fn begin(bytes: &'a [u8], delimiter: &'a [u8]) -> Result<Self, InvalidRequest> {
        let finder = memmem::Finder::new(delimiter);
        let at = if bytes.starts_with(&delimiter[2..]) {
            Some(0)
        } else {
            finder.find(bytes).map(|at| at + 2)
        };
        match at {
            Some(at) => Ok(Self {
                bytes,
                delimiter: finder,
                at,
            }),
            None => Err(InvalidRequest::not_multipart(
                "the boundary of its content type",
                0,
            )),
        }
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
            let line = memmem::find(&self.bytes[at..], b"\r\n");
            let Some(line) = line.map(|len| &self.bytes[at..at + len]) else {
                return Err(InvalidRequest::not_multipart(
                    "a blank line behind the headers",
                    at,
                ));
            };
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
        // The line break before a delimiter belongs to it: that of the headers, if there is no content.
        let Some(len) = self.delimiter.find(&self.bytes[at..]) else {
            return Err(InvalidRequest::not_multipart(
                "a boundary behind the last part",
                at,
            ));
        };
        let (name, is_file) = disposition
            .and_then(|(_, value)| name_of(value))
            .ok_or_else(|| {
                let at = disposition.map_or(start, |(at, _)| at);
                InvalidRequest::not_multipart("`Content-Disposition: form-data; name=\"…\"`", at)
            })?;
        self.at = at + len + 2;
        Ok(Some(Part {
            name,
            is_file,
            content: at..at + len,
            whole: start..self.at,
        }))
    }
}

// ===== impl Parameters =====

impl<'a> Iterator for Parameters<'a> {
    type Item = Option<(&'a [u8], Cow<'a, [u8]>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_ascii_start().strip_prefix(b";");
        let malformed = !self.0.trim_ascii_start().is_empty();
        self.0 = b"";
        let Some(rest) = rest.map(<[u8]>::trim_ascii_start) else {
            return malformed.then_some(None);
        };
        // A semicolon at the end announces nothing.
        if rest.is_empty() {
            return None;
        }
        let Some(equals) = memchr(b'=', rest) else {
            return Some(None);
        };
        let (name, value) = (&rest[..equals], &rest[equals + 1..]);
        let Some(quoted) = value.strip_prefix(b"\"") else {
            let end = memchr(b';', value).unwrap_or(value.len());
            self.0 = &value[end..];
            return Some(Some((name, Cow::Borrowed(value[..end].trim_ascii_end()))));
        };
        let Some((value, rest)) = unquote(quoted) else {
            return Some(None);
        };
        self.0 = rest;
        Some(Some((name, value)))
    }
}

/// The value of a header line, if it is `Content-Disposition`.
fn disposition_of(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at(memchr(b':', line)?);
    let wanted = name
        .trim_ascii()
        .eq_ignore_ascii_case(b"content-disposition");
    wanted.then(|| value[1..].trim_ascii())
}

/// The name in a disposition, and whether it is that of a file. Two names, or one that cannot be read, are
/// none: another reader might take the other.
fn name_of(disposition: &[u8]) -> Option<(Cow<'_, [u8]>, bool)> {
    let end = memchr(b';', disposition)?;
    if !disposition[..end]
        .trim_ascii()
        .eq_ignore_ascii_case(b"form-data")
    {
        return None;
    }
    let (mut name, mut is_file) = (None, false);
    for parameter in Parameters(&disposition[end..]) {
        let (key, value) = parameter?;
        if key.eq_ignore_ascii_case(b"name") {
            if name.replace(value).is_some() {
                return None;
            }
        } else if key.eq_ignore_ascii_case(b"filename") || key.eq_ignore_ascii_case(b"filename*") {
            is_file = true;
        }
    }
    name.map(|name| (name, is_file))
}

/// The text up to the closing quote, and what follows it. A backslash escapes a quote or a backslash and is
/// itself otherwise, as in the paths some clients send.
fn unquote(quoted: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut text = Cow::Borrowed(&quoted[..0]);
    let mut at = 0;
    loop {
        match (quoted.get(at)?, quoted.get(at + 1)) {
            (b'"', _) => return Some((text, &quoted[at + 1..])),
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                text.to_mut().push(*escaped);
                at += 2;
            }
            (byte, _) => {
                match &mut text {
                    Cow::Borrowed(plain) => *plain = &quoted[..=at],
                    Cow::Owned(text) => text.push(*byte),
                }
                at += 1;
            }
        }
    }
}
