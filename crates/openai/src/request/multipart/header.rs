//! The syntax of header values, as strict as the strictest of those who read them.

use memchr::memchr;
use std::borrow::Cow;

/// The parameters of a header value, from the first semicolon on: names and values with their quotes undone.
/// A `None` is a parameter that cannot be read; nothing follows it.
pub(super) struct Parameters<'a>(pub(super) &'a [u8]);

pub(super) struct Parameter<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: Cow<'a, [u8]>,
}

// ===== impl Parameters =====

impl<'a> Iterator for Parameters<'a> {
    type Item = Option<Parameter<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.0).trim_ascii();
        // A semicolon at the end announces nothing.
        if rest.is_empty() || rest == b";" {
            return None;
        }
        Some(parameter(rest).map(|(parameter, rest)| {
            self.0 = rest;
            parameter
        }))
    }
}

/// The parameter behind a semicolon, and what follows it.
fn parameter(text: &[u8]) -> Option<(Parameter<'_>, &[u8])> {
    let text = text.strip_prefix(b";")?.trim_ascii_start();
    let (name, value) = text.split_at(memchr(b'=', text)?);
    let value = &value[1..];
    if !name.iter().all(|b| is_token(*b)) {
        return None;
    }
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let (value, rest) = unquote(quoted)?;
        return Some((Parameter { name, value }, rest));
    }
    let (value, rest) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
    let value = value.trim_ascii_end();
    // Laxer than a token: a boundary may hold `=`, and not every client quotes it then.
    let plain = value.iter().all(|b| b.is_ascii_graphic() && *b != b'"');
    let value = Cow::Borrowed(value);
    plain.then_some((Parameter { name, value }, rest))
}

/// RFC 9110, 5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
        )
}

/// The value of a header line, if it is `Content-Disposition`.
pub(super) fn disposition_of(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at(memchr(b':', line)?);
    let wanted = name
        .trim_ascii()
        .eq_ignore_ascii_case(b"content-disposition");
    wanted.then(|| value[1..].trim_ascii())
}

/// The name in a disposition, and whether it is that of a file. Two names, or one that cannot be read, are
/// none: another reader might take the other.
pub(super) fn name_of(disposition: &[u8]) -> Option<(Cow<'_, [u8]>, bool)> {
    let end = memchr(b';', disposition)?;
    if !disposition[..end]
        .trim_ascii()
        .eq_ignore_ascii_case(b"form-data")
    {
        return None;
    }
    let (mut name, mut is_file) = (None, false);
    for parameter in Parameters(&disposition[end..]) {
        let Parameter { name: key, value } = parameter?;
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
