use super::{
    protocol::Protocol,
    reading::{Read, Reading},
};
use crate::sse::{MAX_EVENT, Says, Scanner, Told};
use bytes::Bytes;
use std::{collections::VecDeque, ops::Range};

/// The longest opening event that is kept. It echoes a request's instructions and tools; what is longer is
/// not worth keeping for a failure that may not come.
const MAX_OPENING: usize = 64 * 1024;

/// Lets the whole events of a stream pass, up to the first that must not.
#[derive(Debug)]
pub(super) struct Sieve {
    protocol: Protocol,
    /// Events that tell the usage alone are left out.
    hides_usage: bool,
    scanner: Scanner,
    reading: Reading,
    /// Where events lie in a chunk that are left out.
    hidden: Vec<Range<usize>>,
    /// What has come of an event that has not ended.
    partial: VecDeque<Bytes>,
    partial_len: usize,
    seen: Seen,
    stop: Option<Stop>,
}

/// Why nothing more may pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The provider failed; the data of its event, which passes.
    Error(Vec<u8>),
    Malformed,
    /// The stream ended, or said that it had, before the answer was finished.
    Cut,
}

/// What the events that may pass have said.
#[derive(Debug, Default)]
struct Seen {
    events: u64,
    pieces: u64,
    content: bool,
    /// How many pieces of the answer had come when it said that the rest was withheld.
    withheld: Option<u64>,
    finished: bool,
    done: bool,
    opening: Option<Box<[u8]>>,
}

// ===== impl Sieve =====

impl Sieve {
    pub(super) fn new(protocol: Protocol, hides_usage: bool) -> Self {
        Self {
            protocol,
            hides_usage,
            scanner: Scanner::new(),
            reading: Reading::default(),
            hidden: Vec::new(),
            partial: VecDeque::new(),
            partial_len: 0,
            seen: Seen::default(),
            stop: None,
        }
    }

    /// Takes the next bytes of the stream, and adds to `passed` what may be passed on by now.
    pub(super) fn push(&mut self, mut chunk: Bytes, passed: &mut VecDeque<Bytes>) {
        if self.stop.is_some() || chunk.is_empty() {
            return;
        }
        let mut whole = self.look(&chunk);
        if self.stop.is_some() {
            chunk.truncate(whole);
            let lacks_lf = chunk.last() == Some(&b'\r');
            if whole > 0 {
                self.pass(chunk, passed);
            }
            // The LF of a CRLF is no part of an event's bytes, but some clients wait for it.
            if lacks_lf {
                passed.push_back(Bytes::from_static(b"\n"));
            }
            return self.forget();
        }
        if self.scanner.is_between_events() {
            whole = chunk.len();
        } else {
            whole = self.behind_event(&chunk, whole);
        }
        let rest = chunk.split_off(whole);
        if whole > 0 {
            self.pass(chunk, passed);
        }
        if !rest.is_empty() {
            self.partial_len += rest.len();
            self.partial.push_back(rest);
        }
        // An event above this is not looked into, so nothing is gained by waiting for its end.
        if self.partial_len > MAX_EVENT {
            self.release(Bytes::new(), passed);
        }
    }

    /// The stream has come to its end by itself.
    pub(super) fn end(&mut self, passed: &mut VecDeque<Bytes>) {
        if self.stop.is_some() {
            return;
        }
        // Some providers leave out the blank line behind the last event. By the standard that event is none,
        // and to a client it is none; it is given its end if it has its text.
        if !self.scanner.is_between_events() {
            self.push(Bytes::from_static(b"\n\n"), passed);
            if self.stop == Some(Stop::Malformed) {
                self.stop = None;
            }
        }
        self.break_off();
    }

    /// The stream has broken.
    pub(super) fn break_off(&mut self) {
        self.forget();
        if !self.seen.finished && self.stop.is_none() {
            self.stop = Some(Stop::Cut);
        }
    }

    /// What is read, for those further out.
    pub(super) const fn reading(&self) -> &Reading {
        &self.reading
    }

    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) const fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// How many events were seen that may pass.
    pub(super) const fn events(&self) -> u64 {
        self.seen.events
    }

    /// True once a piece of the answer has come, or its finish.
    pub(super) const fn saw_content(&self) -> bool {
        self.seen.content
    }

    /// How many pieces of the answer had come when it said that the rest was withheld, if it has.
    pub(super) const fn withheld(&self) -> Option<u64> {
        self.seen.withheld
    }

    pub(super) const fn saw_done(&self) -> bool {
        self.seen.done
    }

    pub(super) fn opening(&self) -> Option<&[u8]> {
        self.seen.opening.as_deref()
    }

    /// Looks at a chunk, and returns the offset behind the last event in it that may pass.
    fn look(&mut self, chunk: &[u8]) -> usize {
        let Self {
            protocol,
            hides_usage,
            scanner,
            reading,
            hidden,
            seen,
            stop,
            ..
        } = self;
        let mut whole = 0;
        let events = seen.events;
        scanner.feed_events(chunk, |told| {
            if stop.is_some() {
                return;
            }
            *stop = stop_of(&told);
            if *hides_usage && told.usage_alone && stop.is_none() {
                hidden.push(whole..told.end);
            }
            if matches!(stop, None | Some(Stop::Error(_))) {
                whole = told.end;
            }
            if stop.is_none() {
                seen.event(&told, *protocol);
            }
        });
        if stop.is_some() || seen.events > events {
            reading.note(Read {
                usage: scanner.usage(),
                pieces: seen.pieces,
                error: scanner.saw_error(),
            });
        }
        whole
    }

    /// Passes on `chunk`, which ends an event or lies between two, without the events that are hidden.
    fn pass(&mut self, chunk: Bytes, passed: &mut VecDeque<Bytes>) {
        if self.hidden.is_empty() {
            return self.release(chunk, passed);
        }
        let mut at = 0;
        for hidden in std::mem::take(&mut self.hidden) {
            let start = self.behind_event(&chunk, hidden.start);
            if hidden.start == 0 {
                self.forget();
            }
            if at < start {
                self.release(chunk.slice(at..start), passed);
            }
            at = self.behind_event(&chunk, hidden.end);
        }
        if at < chunk.len() {
            self.release(chunk.slice(at..), passed);
        }
    }

    /// The place behind an event that ended at `at`, and behind the LF of the CRLF that ended it.
    fn behind_event(&self, chunk: &[u8], at: usize) -> usize {
        let after_cr = match at.checked_sub(1) {
            Some(before) => chunk.get(before) == Some(&b'\r'),
            // Where nothing has begun, an LF is the rest of a line break, or an empty line.
            None => self.partial.is_empty(),
        };
        at + usize::from(after_cr && chunk.get(at) == Some(&b'\n'))
    }

    /// Passes on what was held of an event, and `chunk`.
    fn release(&mut self, chunk: Bytes, passed: &mut VecDeque<Bytes>) {
        passed.append(&mut self.partial);
        self.partial_len = 0;
        if !chunk.is_empty() {
            passed.push_back(chunk);
        }
    }

    fn forget(&mut self) {
        self.partial.clear();
        self.partial_len = 0;
    }
}

fn stop_of(told: &Told<'_>) -> Option<Stop> {
    match told.says {
        Says::Error => Some(Stop::Error(told.data.to_vec())),
        Says::Malformed => Some(Stop::Malformed),
        _ if std::str::from_utf8(told.data).is_err() => Some(Stop::Malformed),
        Says::Done if !told.finished => Some(Stop::Cut),
        Says::Done | Says::Content | Says::Other => None,
    }
}

// ===== impl Seen =====

impl Seen {
    fn event(&mut self, told: &Told<'_>, protocol: Protocol) {
        if self.events == 0 && protocol.repeats_its_opening() && told.data.len() <= MAX_OPENING {
            self.opening = Some(told.data.into());
        }
        self.events += 1;
        self.pieces += u64::from(told.content);
        if told.withheld {
            self.withheld.get_or_insert(self.pieces);
        }
        self.content |= told.says == Says::Content;
        self.done |= told.says == Says::Done;
        self.finished = told.finished;
    }
}
