use super::MAX_EVENT;
use memchr::memchr2;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Splits a stream into events. Buffers are kept from event to event, so that a stream soon costs no
/// allocation.
#[derive(Debug)]
pub(super) struct Lines {
    place: Place,
    /// How much of a byte order mark the stream began with; `None` once that is settled.
    mark: Option<usize>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    field: Field,
    /// The value of the last `event` line.
    name: Vec<u8>,
    /// The values of the `data` lines, each followed by LF.
    data: Vec<u8>,
    oversized: bool,
}

/// An event, complete.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    Whole { name: &'a [u8], data: &'a [u8] },
    Oversized,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the name of a field: at the start of a line, or before its colon.
    Field,
    /// Behind the colon, where one space is no part of the value.
    Colon,
    Value,
}

/// The field of the line, or as much as is needed to know it.
#[derive(Debug, Default)]
struct Field {
    bytes: [u8; 6],
    len: usize,
}

// ===== impl Lines =====

impl Lines {
    /// Calls `event` for each event that ends in `chunk`, with the offset just behind it.
    pub(super) fn feed(&mut self, chunk: &[u8], mut event: impl FnMut(usize, Event<'_>)) {
        let mut at = self.skip_mark(chunk);
        while let Some(&byte) = chunk.get(at) {
            if self.after_cr {
                self.after_cr = false;
                if byte == b'\n' {
                    at += 1;
                    continue;
                }
            }
            let rest = &chunk[at..];
            let (passed, line_ends) = match self.place {
                Place::Field => self.pass_field(rest),
                Place::Colon => {
                    self.place = Place::Value;
                    (usize::from(byte == b' '), false)
                }
                Place::Value => {
                    let end = memchr2(b'\n', b'\r', rest);
                    self.keep(&rest[..end.unwrap_or(rest.len())]);
                    (end.unwrap_or(rest.len()), end.is_some())
                }
            };
            at += passed;
            if line_ends {
                self.after_cr = chunk[at] == b'\r';
                at += 1;
                if let Some(ended) = self.end_line() {
                    event(at, ended);
                    self.clear();
                }
            }
        }
    }

    pub(super) const fn is_between_events(&self) -> bool {
        matches!(self.place, Place::Field)
            && self.field.len == 0
            && self.name.is_empty()
            && self.data.is_empty()
            && !self.oversized
    }

    /// Passes a byte order mark, which may itself be cut into chunks. What only began like one belonged to
    /// the name of a field that nobody knows.
    fn skip_mark(&mut self, chunk: &[u8]) -> usize {
        let Some(seen) = self.mark else { return 0 };
        let wanted = &BYTE_ORDER_MARK[seen..];
        let same = chunk.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        if same == wanted.len() {
            self.mark = None;
        } else if same == chunk.len() {
            self.mark = Some(seen + same);
        } else {
            self.mark = None;
            self.field.push(&BYTE_ORDER_MARK[..seen + same]);
        }
        same
    }

    fn pass_field(&mut self, rest: &[u8]) -> (usize, bool) {
        let end = rest.iter().position(|b| matches!(b, b':' | b'\n' | b'\r'));
        self.field.push(&rest[..end.unwrap_or(rest.len())]);
        match end {
            None => (rest.len(), false),
            Some(end) if rest[end] == b':' => {
                self.begin_value();
                self.place = Place::Colon;
                (end + 1, false)
            }
            Some(end) => {
                // A line without a colon is a field whose value is empty.
                if self.field.len > 0 {
                    self.begin_value();
                    self.place = Place::Value;
                }
                (end, true)
            }
        }
    }

    fn begin_value(&mut self) {
        if self.field.is(b"event") {
            self.name.clear();
        }
    }

    fn keep(&mut self, value: &[u8]) {
        let data = match (self.field.is(b"data"), self.field.is(b"event")) {
            (true, _) => &mut self.data,
            (_, true) => &mut self.name,
            _ => return,
        };
        if self.oversized || data.len() + value.len() > MAX_EVENT {
            self.oversized = true;
            data.clear();
        } else {
            data.extend_from_slice(value);
        }
    }

    /// Ends a line; the event, if that was the blank line behind one.
    fn end_line(&mut self) -> Option<Event<'_>> {
        let blank = self.place == Place::Field;
        if !blank && self.field.is(b"data") {
            self.keep(b"\n");
        }
        self.place = Place::Field;
        self.field.len = 0;
        if !blank {
            return None;
        }
        if self.oversized {
            return Some(Event::Oversized);
        }
        // By the standard an event without data is none, and its name is forgotten.
        let Some(data) = self.data.strip_suffix(b"\n") else {
            self.name.clear();
            return None;
        };
        Some(Event::Whole {
            name: &self.name,
            data,
        })
    }

    fn clear(&mut self) {
        self.name.clear();
        self.data.clear();
        self.oversized = false;
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            place: Place::Field,
            mark: Some(0),
            after_cr: false,
            field: Field::default(),
            name: Vec::new(),
            data: Vec::new(),
            oversized: false,
        }
    }
}

// ===== impl Field =====

impl Field {
    fn push(&mut self, bytes: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *slot = *byte;
        }
        self.len = (self.len + bytes.len()).min(self.bytes.len());
    }

    fn is(&self, name: &[u8]) -> bool {
        self.bytes[..self.len] == *name
    }
}
