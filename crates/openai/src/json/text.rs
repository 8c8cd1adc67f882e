use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// A string as it stands in the text, quotes left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    start: usize,
    escaped: bool,
}

// ===== impl Text =====

impl<'a> Text<'a> {
    pub(super) const fn new(raw: &'a [u8], start: usize, escaped: bool) -> Self {
        Self {
            raw,
            start,
            escaped,
        }
    }

    /// The offset of the opening quote.
    pub(crate) const fn start(&self) -> usize {
        self.start - 1
    }

    /// The string as it is written.
    pub(crate) const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// How many bytes it has with its escapes undone.
    pub(crate) fn decoded_len(&self) -> usize {
        let (mut rest, mut len) = (self.raw, 0);
        while let Some(at) = memchr(b'\\', rest).filter(|_| self.escaped) {
            let (written, decoded) = match rest.get(at + 1..at + 6) {
                Some([b'u', digits @ ..]) => (6, utf8_len(digits)),
                _ => (2, 1),
            };
            len += at + decoded;
            rest = rest.get(at + written..).unwrap_or_default();
        }
        len + rest.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The string with its escapes undone, as bytes to compare; `None` if they make no Unicode text (half a
    /// surrogate pair).
    pub(crate) fn decode(&self) -> Option<Cow<'a, [u8]>> {
        if self.escaped {
            Some(Cow::Owned(self.unescape()?.into_bytes()))
        } else {
            Some(Cow::Borrowed(self.raw))
        }
    }

    /// The string with its escapes undone; `None` if it is no Unicode text.
    pub(crate) fn to_text(self) -> Option<Cow<'a, str>> {
        if self.escaped {
            self.unescape().map(Cow::Owned)
        } else {
            str::from_utf8(self.raw).ok().map(Cow::Borrowed)
        }
    }

    fn unescape(&self) -> Option<String> {
        serde_json::from_slice(&[b"\"", self.raw, b"\""].concat()).ok()
    }
}

/// How many bytes of UTF-8 these four hexadecimal digits stand for; half a surrogate pair for half of four.
fn utf8_len(digits: &[u8]) -> usize {
    match digits {
        [b'0', b'0', b'0'..=b'7', _] => 1,
        [b'0', b'0'..=b'7', ..] | [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => 2,
        _ => 3,
    }
}

/// How many bytes stand for themselves in a string: up to a quote, a backslash or a control character.
///
/// Talk is full of escapes and most runs are short: they are read eight bytes at a time. What is longer is
/// likely a picture, and goes to a search that sets out more slowly and runs faster.
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    const SHORT: usize = 8;
    let (words, _) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().take(SHORT).enumerate() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return 8 * i + special.trailing_zeros() as usize / 8;
        }
    }
    let read = 8 * words.len().min(SHORT);
    let rest = &bytes[read..];
    let end = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
    let run = &rest[..end];
    // Without a branch in the loop, so that it, too, takes many bytes at a time.
    let control = if run.iter().fold(false, |found, &b| found | (b < b' ')) {
        run.iter().position(|&b| b < b' ')
    } else {
        None
    };
    read + control.unwrap_or(end)
}

/// The high bit of the first byte that is a quote, a backslash or below a space. Bits above it mean nothing:
/// a borrow may have set them.
const fn special(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    let control = word.wrapping_sub(ONES * b' ' as u64) & !word;
    (quote | backslash | control) & HIGH
}
