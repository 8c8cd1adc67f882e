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

// ===== impl Parameters =====

impl<'a> Iterator for Parameters<'a> {
    type Item = Option<(&'a [u8], Cow<'a, [u8]>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.0).trim_ascii();
        // A semicolon at the end announces nothing.
        if rest.is_empty() || rest == b";" {
            return None;
        }
        Some(parameter(rest).map(|(name, value, rest)| {
            self.0 = rest;
            (name, value)
        }))
    }
}

/// The parameter behind a semicolon, and what follows it.
fn parameter(text: &[u8]) -> Option<(&[u8], Cow<'_, [u8]>, &[u8])> {
    let text = text.strip_prefix(b";")?.trim_ascii_start();
    let (name, value) = text.split_at(memchr(b'=', text)?);
    let value = &value[1..];
    if !name.iter().all(|b| is_token(*b)) {
        return None;
    }
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let (value, rest) = unquote(quoted)?;
        return Some((name, value, rest));
    }
    let (value, rest) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
    let value = value.trim_ascii_end();
    // Laxer than a token: a boundary may hold `=`, and not every client quotes it then.
    let plain = value.iter().all(|b| b.is_ascii_graphic() && *b != b'"');
    plain.then_some((name, Cow::Borrowed(value), rest))
}

/// RFC 9110, 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
        )
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
