//! Finds the usage in an answer that is not a stream, while it passes.

use crate::{
    json::Cursor,
    usage::{Counts, Usage},
};
use memchr::memchr2;

#[cfg(test)]
mod tests;

/// The most bytes of one `usage` or `meta` object that are kept to be read. A usage object is a few hundred.
const MAX_CAPTURE: usize = 64 * 1024;

/// Follows the JSON body of an answer and finds its top-level `usage` (or rerank's `meta`).
///
/// It is shown the chunks as they pass and keeps no more than the one object, at most 64 KiB. It does not
/// judge the body: what is no JSON object is passed over, and what is broken later on only ends the search.
///
/// ```
/// use headworks_openai::{Usage, answer};
///
/// let mut scanner = answer::Scanner::new();
/// scanner.feed(br#"{"object":"chat.completion","usage":{"prompt_tok"#);
/// scanner.feed(br#"ens":9,"completion_tokens":12,"total_tokens":21}}"#);
///
/// let usage = scanner.usage().expect("it was there");
/// assert_eq!((usage.input, usage.output), (9, 12));
/// ```
#[derive(Debug, Default)]
pub struct Scanner {
    state: State,
    /// Arrays and objects around the next byte.
    depth: u64,
    /// A string that begins now is the name of a member of the answer itself.
    name_next: bool,
    name: Name,
    /// The value ahead belongs to this name.
    wanted: Option<Wanted>,
    capture: Option<Wanted>,
    captured: Vec<u8>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Start,
    Structure,
    /// In a string; `name` if it is one to be looked at.
    String {
        name: bool,
    },
    /// Behind the backslash of a string.
    Escape {
        name: bool,
    },
    /// Nothing more will be found.
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Usage,
    Meta,
}

/// What a byte of structure means for the object that is wanted.
enum Edge {
    None,
    Begins,
    Ends,
}

/// The first bytes of a name, enough to tell whether it is wanted.
#[derive(Debug, Default)]
struct Name {
    bytes: [u8; 6],
    len: usize,
}

/// The bytes that matter between the strings of the answer itself.
const SHALLOW: [bool; 256] = table(b"\"{}[],");
/// Those that matter further in: the numbers of an embedding are passed without a stop at each comma.
const DEEP: [bool; 256] = table(b"\"{}[]");

// ===== impl Scanner =====

impl Scanner {
    /// A scanner at the beginning of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next bytes of the body.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut at = 0;
        // Where in this chunk the captured object begins, if one is being captured.
        let mut from = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::Over => return,
                State::Start => self.start(rest),
                State::String { name } => self.string(rest, name),
                State::Escape { name } => {
                    self.state = State::String { name };
                    1
                }
                State::Structure => {
                    let wanted = if self.depth > 1 { &DEEP } else { &SHALLOW };
                    let found = rest.iter().position(|&b| wanted[usize::from(b)]);
                    let Some(found) = found else { break };
                    match self.structure(rest[found]) {
                        Edge::None => {}
                        Edge::Begins => from = at + found,
                        Edge::Ends => self.read(&chunk[from..=at + found]),
                    }
                    found + 1
                }
            };
        }
        if self.capture.is_some() {
            self.keep(&chunk[from..]);
        }
    }

    /// The usage found so far.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.counts.usage()
    }

    fn start(&mut self, rest: &[u8]) -> usize {
        let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        match rest.get(blank) {
            None => blank,
            Some(b'{') => {
                self.state = State::Structure;
                self.depth = 1;
                self.name_next = true;
                blank + 1
            }
            Some(_) => {
                self.state = State::Over;
                blank
            }
        }
    }

    fn string(&mut self, rest: &[u8], name: bool) -> usize {
        let found = memchr2(b'"', b'\\', rest);
        let text = &rest[..found.unwrap_or(rest.len())];
        if name {
            self.name.push(text);
        }
        let Some(found) = found else {
            return rest.len();
        };
        if rest[found] == b'\\' {
            // No name that is wanted has an escape in it.
            self.state = State::Escape { name: false };
        } else {
            self.state = State::Structure;
            if name {
                self.wanted = self.name.wanted();
            }
        }
        found + 1
    }

    fn structure(&mut self, byte: u8) -> Edge {
        match byte {
            b'"' => {
                let name = self.depth == 1 && self.name_next;
                if name {
                    self.name.len = 0;
                    self.name_next = false;
                }
                self.state = State::String { name };
            }
            b',' => {
                self.name_next = true;
                self.wanted = None;
            }
            b'{' | b'[' => {
                self.depth += 1;
                let wanted = self.wanted.take();
                if wanted.is_some() && byte == b'{' {
                    self.capture = wanted;
                    self.captured.clear();
                    return Edge::Begins;
                }
            }
            _ => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.state = State::Over;
                } else if self.depth == 1 && self.capture.is_some() {
                    return Edge::Ends;
                }
            }
        }
        Edge::None
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.captured.len() + bytes.len() > MAX_CAPTURE {
            self.capture = None;
            self.captured = Vec::new();
        } else {
            self.captured.extend_from_slice(bytes);
        }
    }

    /// Reads the captured object, of which `last` is the rest, or the whole if it came in one chunk.
    fn read(&mut self, last: &[u8]) {
        self.keep(last);
        let mut cursor = Cursor::new(&self.captured);
        let mut counts = Counts::default();
        let read = match self.capture.take() {
            None => return,
            Some(Wanted::Usage) => counts.read(&mut cursor),
            Some(Wanted::Meta) => counts.read_meta(&mut cursor),
        };
        if read.is_ok() {
            self.counts.merge(counts);
        }
    }
}

// ===== impl Name =====

impl Name {
    fn push(&mut self, text: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(text) {
            *slot = *byte;
        }
        self.len = (self.len + text.len()).min(self.bytes.len());
    }

    fn wanted(&self) -> Option<Wanted> {
        match &self.bytes[..self.len] {
            b"usage" => Some(Wanted::Usage),
            b"meta" => Some(Wanted::Meta),
            _ => None,
        }
    }
}

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
}
