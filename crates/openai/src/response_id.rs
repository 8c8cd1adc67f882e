//! Finds the id of a response of the Responses API in the answer, while it passes.

use crate::json::{Cursor, Fault, Kind};
use memchr::memchr;
use std::mem;

/// How much of an answer is kept to look for the id in. It is the first member of a response, and a response
/// is in the first event of a stream; behind it there may be long instructions and many tools.
const MOST: usize = 16 * 1024;

/// Follows the beginning of an answer of the Responses API, in one piece or as a stream of events, and finds
/// the id of the response.
///
/// It keeps no more than 16 KiB, judges nothing, and gives up on what is no such answer.
///
/// ```
/// use headworks_openai::response_id::Finder;
///
/// let mut finder = Finder::new();
/// finder.feed(b"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",");
/// assert_eq!(finder.found(), Some("resp_1"));
/// ```
#[derive(Debug, Default)]
pub struct Finder {
    begun: Vec<u8>,
    /// How long the beginning must have grown until it is worth another look.
    next: usize,
    found: Option<Box<str>>,
    is_over: bool,
}

// ===== impl Finder =====

impl Finder {
    /// A finder at the beginning of an answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next bytes of the answer.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.is_over {
            return;
        }
        let room = MOST - self.begun.len();
        self.begun
            .extend_from_slice(&chunk[..chunk.len().min(room)]);
        let is_full = self.begun.len() == MOST;
        // Each look begins anew, so there is one only when there is twice as much to see.
        if self.begun.len() >= self.next || is_full {
            self.look();
            self.next = 2 * self.begun.len();
        }
        if is_full {
            self.give_up();
        }
    }

    /// The answer has ended: looks at what has not been looked at.
    pub fn end(&mut self) {
        if !self.is_over {
            self.look();
            self.give_up();
        }
    }

    /// The id, once it was found.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// True when nothing more will be found.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    fn look(&mut self) {
        self.found = id(&self.begun);
        if self.found.is_some() {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.is_over = true;
        drop(mem::take(&mut self.begun));
    }
}

/// The id in the beginning of an answer.
fn id(begun: &[u8]) -> Option<Box<str>> {
    let begun = begun.trim_ascii_start();
    if begun.starts_with(b"{") {
        return member(begun, b"id");
    }
    let mut rest = begun;
    loop {
        let end = memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        if let Some(data) = line.strip_prefix(b"data:")
            && let Some(id) = member(data, b"response")
        {
            return Some(id);
        }
        rest = &rest[end? + 1..];
    }
}

/// The text of the member of this name, or of the `id` in it if it is an object. What is around it may be cut
/// off anywhere behind it.
fn member(object: &[u8], wanted: &[u8]) -> Option<Box<str>> {
    let mut found: Option<Box<str>> = None;
    // It stops where the id is found, or where what has come so far ends: neither is a fault.
    let read = Cursor::new(object).members(|cursor, name| {
        if name.decode().as_deref() != Some(wanted) {
            cursor.skip()?;
            return Ok(());
        }
        found = match cursor.kind()? {
            Kind::Object if wanted == b"response" => member(cursor.rest(), b"id"),
            Kind::String if wanted == b"id" => cursor.string()?.to_text().map(Box::from),
            _ => None,
        };
        Err(Stop)
    });
    read.unwrap_or(());
    found.filter(|id| !id.is_empty())
}

/// There is nothing more to look at.
struct Stop;

impl From<Fault> for Stop {
    fn from(_: Fault) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#" {"object":"response","id":"resp_\u0031","output":[{"id":"msg_1"}]}"#;
    const STREAM: &str = ": hello\r\nevent: response.created\r\ndata: {\"type\":\"response.created\",\
        \"sequence_number\":0,\"response\":{\"object\":\"response\",\"id\":\"resp_1\",\"tools\":[]}}\r\n\r\n\
        data: {\"response\":{\"id\":\"resp_2\"}}\n\n";

    fn found(answer: &str, chunk: usize) -> Option<String> {
        let mut finder = Finder::new();
        for chunk in answer.as_bytes().chunks(chunk) {
            finder.feed(chunk);
        }
        finder.end();
        assert!(finder.is_over() && finder.begun.capacity() == 0);
        finder.found().map(str::to_owned)
    }

    #[test]
    fn the_id_is_found_however_the_answer_is_cut() {
        for answer in [PLAIN, STREAM] {
            for chunk in 1..=answer.len() {
                assert_eq!(found(answer, chunk).as_deref(), Some("resp_1"), "{chunk}");
            }
        }
    }

    #[test]
    fn it_is_found_as_soon_as_it_is_there() {
        let mut finder = Finder::new();
        finder.feed(br#"{"id":"resp_1","#);
        assert_eq!(finder.found(), Some("resp_1"));
        finder.feed(br#""id":"resp_2"}"#);
        assert_eq!(finder.found(), Some("resp_1"));
    }

    #[test]
    fn what_has_none_is_given_up_on() {
        for answer in [
            "",
            "{}",
            r#"{"id":7}"#,
            r#"{"id":""}"#,
            r#"{"error":{"id":"resp_1"}}"#,
            "data: {\"id\":\"resp_1\"}\n\n",
            "data: [DONE]\n\n",
            "data: {\"response\":\"resp_1\"}",
            "not JSON",
        ] {
            assert_eq!(found(answer, 4), None, "{answer}");
        }
        let late = format!("{{\"a\":\"{}\",\"id\":\"resp_1\"}}", "x".repeat(MOST));
        assert_eq!(found(&late, 1000), None);
    }
}
