mod plain;
mod protocols;

use super::*;
use proptest::prelude::*;

/// The signals of a stream cut at `cuts`, each with the offset at which its event ends.
fn feed(stream: &[u8], cuts: &[usize]) -> (Vec<(usize, Signal)>, Scanner) {
    let (mut scanner, mut signals, mut at) = (Scanner::new(), Vec::new(), 0);
    for cut in cuts.iter().copied().chain([stream.len()]) {
        if cut > at {
            scanner.feed(&stream[at..cut], |end, signal| {
                signals.push((at + end, signal));
            });
            at = cut;
        }
    }
    (signals, scanner)
}

fn signals(stream: &[u8]) -> Vec<Signal> {
    feed(stream, &[])
        .0
        .into_iter()
        .map(|(_, signal)| signal)
        .collect()
}

const CONTENT: &str = r#"data: {"choices":[{"delta":{"content":"x"}}]}"#;

#[test]
fn lines_end_in_any_of_the_three_ways() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = [CONTENT, "", "data: [DONE]", "", ""].join(end);
        let (found, _) = feed(stream.as_bytes(), &[]);
        // The LF of the last CRLF is not waited for.
        let first = stream.find("data: [DONE]").unwrap() - usize::from(end == "\r\n");
        assert_eq!(found[0], (first, Signal::Content), "{end:?}");
        assert_eq!(found[1].1, Signal::Done);
    }
}

#[test]
fn the_corners_of_the_framing_are_kept() {
    let done = [Signal::Done];
    assert_eq!(
        signals(b"\xef\xbb\xbfdata: [DONE]\n\n"),
        done,
        "a byte order mark"
    );
    assert_eq!(
        signals(b"\xef\xbbdata: [DONE]\n\n"),
        [],
        "half of one is part of a name"
    );
    assert_eq!(signals(b"data:[DONE]\n\n"), done, "no space");
    assert_eq!(signals(b": ping\n\ndata: [DONE]\n\n"), done, "a comment");
    assert_eq!(
        signals(b"id: 1\nretry: 5\ndata: [DONE]\n\n"),
        done,
        "other fields"
    );
    assert_eq!(
        signals(b"datas: [DONE]\n\ndat: [DONE]\n\n"),
        [],
        "other names"
    );
    assert_eq!(signals(b"data: [DONE]\n"), [], "no blank line yet");
    assert_eq!(signals(b"data: [DONE]"), [], "a line cut off");
    assert_eq!(
        signals(b"data\ndata: [DONE]\n\n"),
        done,
        "an empty line of data before it"
    );
    assert_eq!(signals(b"event: error\n\n"), [], "no data, no event");
    assert_eq!(
        signals(b"event: error\n\ndata: {}\n\n"),
        [],
        "a name is forgotten with its event"
    );
    assert_eq!(
        signals(b"event: error\nevent\ndata: {}\n\n"),
        [],
        "the last name counts"
    );
    let lines = "data: {\"choices\":[{\"delta\":\ndata:  {\"content\":\"x\"}}]\ndata:}\n\n";
    assert_eq!(
        signals(lines.as_bytes()),
        [Signal::Content],
        "data over several lines"
    );
}

#[test]
fn a_byte_order_mark_is_one_at_the_beginning_only() {
    let marked = "\u{feff}data: [DONE]\n\n".as_bytes();
    for cut in 0..=3 {
        assert_eq!(feed(marked, &[cut]).0.len(), 1, "cut at {cut}");
    }
    let twice = [marked, marked].concat();
    assert_eq!(
        feed(&twice, &[marked.len()]).0.len(),
        1,
        "a chunk begins with the second"
    );
    let late = [b"data: [DONE]\n\n", marked].concat();
    assert_eq!(feed(&late, &[late.len() - marked.len()]).0.len(), 1);
}

#[test]
fn data_that_is_no_json_says_nothing() {
    let half = r#"data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]"#;
    for data in [
        half,
        "data: hello",
        "data: [DONE] or not",
        "data: null",
        "data: [1]",
    ] {
        assert_eq!(signals(format!("{data}\n\n").as_bytes()), [], "{data}");
    }
}

#[test]
fn an_event_without_end_is_given_up_and_the_next_is_seen() {
    let mut stream = br#"data: {"choices":[{"delta":{"content":""#.to_vec();
    stream.resize(2 * MAX_EVENT, b'x');
    stream.extend(b"\"}}]}\n\ndata: [DONE]\n\n");
    let cuts: Vec<usize> = (0..stream.len()).step_by(1500).collect();
    let (found, scanner) = feed(&stream, &cuts);
    let found: Vec<Signal> = found.into_iter().map(|(_, signal)| signal).collect();
    assert_eq!(found, [Signal::Oversized, Signal::Done]);
    assert!(scanner.saw_content(), "that much is content");
}

#[test]
fn it_knows_whether_it_stands_between_events() {
    let mut scanner = Scanner::new();
    for (chunk, between) in [
        (&b""[..], true),
        (b"da", false),
        (b"ta: x\n", false),
        (b"\n", true),
        (b"\n: ping\n\n", true),
        (b"event: x\n", false),
        (b"\n", true),
        (b": half a com", false),
    ] {
        scanner.feed(chunk, |_, _| {});
        assert_eq!(scanner.is_between_events(), between, "after {chunk:?}");
    }
}

/// Events, comments and blanks, as they are sent and as they are not.
fn stream() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => plain::data().prop_map(|data| format!("data: {data}")),
        1 => plain::data().prop_map(|data| format!("data:{data}")),
        1 => plain::data().prop_map(|data| {
            // Split where a line may end: JSON takes a line break between any two tokens.
            format!("data: {}", data.replacen(':', ":\ndata: ", 1))
        }),
        1 => Just("event: error".to_owned()),
        1 => Just("event: message".to_owned()),
        1 => Just(": ping é".to_owned()),
        1 => Just("data".to_owned()),
        1 => Just("id:1".to_owned()),
        6 => Just(String::new()),
    ];
    let ends = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let mark = prop_oneof![4 => Just(""), 1 => Just("\u{feff}")];
    (mark, prop::collection::vec((line, ends), 0..30)).prop_map(|(mark, lines)| {
        let lines: String = lines
            .into_iter()
            .map(|(line, end)| line.replace('\n', end) + end)
            .collect();
        mark.to_owned() + &lines
    })
}

proptest! {
    #[test]
    fn it_sees_what_a_plain_reader_of_the_whole_stream_sees(stream in stream()) {
        prop_assert_eq!(signals(stream.as_bytes()), plain::signals(&stream));
    }

    #[test]
    fn it_sees_the_same_however_the_stream_is_cut(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let stream = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let (whole, one) = feed(stream, &[]);
        let (cut, other) = feed(stream, &cuts);
        prop_assert_eq!(&whole, &cut);
        prop_assert_eq!(one.is_finished(), other.is_finished());
        prop_assert_eq!(one.usage(), other.usage());
        prop_assert_eq!(one.is_between_events(), other.is_between_events());
        let every: Vec<usize> = (0..stream.len()).collect();
        prop_assert_eq!(whole, feed(stream, &every).0);
    }
}
