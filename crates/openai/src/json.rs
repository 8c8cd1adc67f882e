//! A JSON reader that walks over bytes in place.
//!
//! It checks the grammar of RFC 8259 and finds where values begin and end. It builds nothing and allocates
//! nothing, and it recurses only as deep as the code that calls it.

#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::Text;

use std::ops::Range;
use text::plain_len;

/// How deep arrays and objects may nest: the depth at which `serde_json` stops too, and the number of bits
/// in which [`Cursor::skip`] remembers what it is inside of.
pub(crate) const MAX_DEPTH: u32 = u128::BITS;

/// A place in a JSON text.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// What a value is, told by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// Where a text stops being JSON, and what should stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) expected: &'static str,
}

// ===== impl Cursor =====

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
        }
    }

    /// The offset of the next byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// What is ahead.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The bytes of a range that this cursor has passed.
    pub(crate) fn passed(&self, range: Range<usize>) -> &'a [u8] {
        &self.bytes[range]
    }

    /// What the value ahead is. The cursor stays in front of it.
    pub(crate) fn kind(&mut self) -> Result<Kind, Fault> {
        self.whitespace();
        Ok(match self.peek() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => return self.fault("a value"),
        })
    }

    /// Passes the object ahead; `member` is called in front of each value and must pass it.
    pub(crate) fn members<E: From<Fault>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.whitespace();
        self.expect(b'{', "an object")?;
        self.descend()?;
        self.whitespace();
        if !self.take(b'}') {
            loop {
                let name = self.name()?;
                member(self, name)?;
                if self.ends(b'}', "`,` or `}`")? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Passes the array ahead; `element` is called in front of each value and must pass it.
    pub(crate) fn elements<E: From<Fault>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.whitespace();
        self.expect(b'[', "an array")?;
        self.descend()?;
        self.whitespace();
        if !self.take(b']') {
            loop {
                element(self)?;
                if self.ends(b']', "`,` or `]`")? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Passes the value ahead, whatever it is, and tells where it stands.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, Fault> {
        self.whitespace();
        let start = self.at;
        // One bit for each container around the value: set for an object.
        let (mut objects, mut open) = (0_u128, 0);
        loop {
            let opened = self.scalar_or_open()?;
            if let Some(kind) = opened {
                if self.depth + open == MAX_DEPTH {
                    return self.too_deep();
                }
                open += 1;
                objects = objects << 1 | u128::from(kind == Kind::Object);
                self.whitespace();
                let close = if kind == Kind::Object { b'}' } else { b']' };
                if self.peek() != Some(close) {
                    if kind == Kind::Object {
                        self.name()?;
                    }
                    continue;
                }
            }
            loop {
                if open == 0 {
                    return Ok(start..self.at);
                }
                let (close, expected) = if objects & 1 == 1 {
                    (b'}', "`,` or `}`")
                } else {
                    (b']', "`,` or `]`")
                };
                if !self.ends(close, expected)? {
                    break;
                }
                open -= 1;
                objects >>= 1;
            }
            if objects & 1 == 1 {
                self.name()?;
            }
        }
    }

    /// Passes the string ahead.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Fault> {
        self.whitespace();
        self.expect(b'"', "a string")?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_len(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.fault("an escape instead of a control character"),
                None => return self.fault("the closing `\"` of a string"),
            }
        }
        let raw = &self.bytes[start..self.at];
        self.at += 1;
        Ok(Text::new(raw, start, escaped))
    }

    /// Passes the boolean ahead.
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        self.whitespace();
        if self.peek() == Some(b't') {
            self.literal(b"true")?;
            Ok(true)
        } else {
            self.literal(b"false")?;
            Ok(false)
        }
    }

    /// Passes the number ahead and returns it as it is written.
    pub(crate) fn number(&mut self) -> Result<&'a str, Fault> {
        self.whitespace();
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let number = str::from_utf8(&self.bytes[start..self.at]);
        number.or_else(|_| self.fault("a number"))
    }

    /// Makes sure that nothing but whitespace follows.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.whitespace();
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fault("nothing after the end of the object"),
        }
    }

    fn scalar_or_open(&mut self) -> Result<Option<Kind>, Fault> {
        let kind = self.kind()?;
        match kind {
            Kind::Object | Kind::Array => {
                self.at += 1;
                return Ok(Some(kind));
            }
            Kind::String => drop(self.string()?),
            Kind::Number => drop(self.number()?),
            Kind::Boolean => drop(self.boolean()?),
            Kind::Null => self.literal(b"null")?,
        }
        Ok(None)
    }

    fn name(&mut self) -> Result<Text<'a>, Fault> {
        self.whitespace();
        if self.peek() != Some(b'"') {
            return self.fault("a name in quotes");
        }
        let name = self.string()?;
        self.whitespace();
        self.expect(b':', "`:`")?;
        Ok(name)
    }

    /// After a value: true at the end of what is around it, false if another follows.
    fn ends(&mut self, close: u8, expected: &'static str) -> Result<bool, Fault> {
        self.whitespace();
        if self.take(b',') {
            return Ok(false);
        }
        self.expect(close, expected)?;
        Ok(true)
    }

    fn descend(&mut self) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return self.too_deep();
        }
        self.depth += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return self.fault("four hexadecimal digits after `\\u`");
                }
                self.at += 5;
            }
            _ => return self.fault("one of `\"\\/bfnrtu` after `\\`"),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let rest = &self.bytes[self.at..];
        match rest.iter().take_while(|b| b.is_ascii_digit()).count() {
            0 => self.fault("a digit"),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), Fault> {
        if self.bytes[self.at..].starts_with(literal) {
            self.at += literal.len();
            return Ok(());
        }
        self.fault("`true`, `false` or `null`")
    }

    fn whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Fault> {
        if self.take(byte) {
            Ok(())
        } else {
            self.fault(expected)
        }
    }

    const fn too_deep<T>(&self) -> Result<T, Fault> {
        self.fault("at most 128 arrays and objects inside one another")
    }

    const fn fault<T>(&self, expected: &'static str) -> Result<T, Fault> {
        Err(Fault {
            at: self.at,
            expected,
        })
    }
}

// ===== impl Kind =====

impl Kind {
    /// The word for it in a message, with its article.
    pub(crate) const fn a(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}
