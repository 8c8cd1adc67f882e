//! A stream says the same however it is cut, and what it says is what its events say one by one, split as the
//! HTML standard splits them.

#![no_main]

use headworks_fuzz::chunkings;
use headworks_openai::sse::{Scanner, Signal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut first = None;
    for chunks in chunkings(data) {
        let (mut scanner, mut signals, mut at) = (Scanner::new(), Vec::new(), 0);
        for chunk in chunks {
            scanner.feed(chunk, |end, signal| signals.push((at + end, signal)));
            at += chunk.len();
        }
        let seen = (signals, scanner.is_finished(), scanner.is_between_events());
        assert_eq!(&seen, first.get_or_insert(seen.clone()));
    }
    let found: Vec<Signal> = first
        .into_iter()
        .flat_map(|seen| seen.0)
        .map(|(_, s)| s)
        .collect();
    assert_eq!(found, plain(data));
});

/// Splits the whole stream into lines and feeds each event by itself, written the simplest way.
fn plain(data: &[u8]) -> Vec<Signal> {
    let mut lines = lines(data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data));
    lines.pop();
    let (mut scanner, mut signals) = (Scanner::new(), Vec::new());
    let (mut name, mut event) = (Vec::new(), Vec::new());
    for line in lines {
        if line.is_empty() {
            if !event.is_empty() {
                event.extend([b"event:", &*name, b"\n\n"].concat());
                scanner.feed(&event, |_, signal| signals.push(signal));
            }
            name.clear();
            event.clear();
            continue;
        }
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => event.extend([b"data: ", value, b"\n"].concat()),
            b"event" => name = [b" ", value].concat(),
            _ => {}
        }
    }
    signals
}

fn lines(data: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut bytes = data.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\n' => lines.push(Vec::new()),
            b'\r' => {
                bytes.next_if(|next| **next == b'\n');
                lines.push(Vec::new());
            }
            _ => lines.last_mut().expect("there is one").push(byte),
        }
    }
    lines
}
