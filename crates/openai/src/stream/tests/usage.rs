//! Usage that the client has not asked for.

use super::*;
use proptest::prelude::*;

/// Azure's first event has no choices either.
const FILTER: &str = "data: {\"choices\":[],\"prompt_filter_results\":[],\"usage\":null}\n\n";
const LAST: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n";

fn hiding() -> Holder {
    let point = CommitPoint::FirstToken;
    Holder::new(Protocol::Completions, point, point.at_most(), true)
}

/// What the client is told of these chunks, and what has been read by then.
fn hidden(chunks: &[&[u8]], end: End) -> (Fate, Reading) {
    let holder = hiding();
    let reading = holder.reading().clone();
    (play_on(holder, chunks, end), reading)
}

#[test]
fn it_is_read_and_not_passed_on_and_all_else_passes() {
    let events = [FILTER, ROLE, HELLO, PING, STOP, USAGE, DONE];
    let chunks: Vec<_> = events.iter().map(|event| event.as_bytes()).collect();
    let (fate, reading) = hidden(&chunks, End::Eof);
    assert_eq!(fate, told(&[FILTER, ROLE, HELLO, PING, STOP, DONE], Ok(())));
    let usage = reading.usage().unwrap();
    assert_eq!((usage.input, usage.output), (9, 1));
    assert_eq!((reading.pieces(), reading.saw_error()), (1, false));
}

#[test]
fn it_passes_where_it_stands_beside_a_choice() {
    let chunks = [HELLO.as_bytes(), LAST.as_bytes(), DONE.as_bytes()];
    let (fate, reading) = hidden(&chunks, End::Eof);
    assert_eq!(fate, told(&[HELLO, LAST, DONE], Ok(())));
    assert_eq!(reading.usage().unwrap().input, 9);
}

#[test]
fn an_end_after_it_is_given_its_done() {
    for end in [End::Eof, End::Broken] {
        for usage in [USAGE, USAGE.trim_end()] {
            let chunks = [HELLO, STOP, usage].map(str::as_bytes);
            let (fate, _) = hidden(&chunks, end);
            assert_eq!(fate, told(&[HELLO, STOP, DONE], Ok(())), "{end:?}");
        }
    }
}

#[test]
fn a_stream_that_is_cut_is_read_as_far_as_it_came() {
    let (fate, reading) = hidden(&[HELLO, HELLO].map(str::as_bytes), End::Broken);
    let cut = Err(StreamErrorKind::Cut);
    assert_eq!(fate, told(&[HELLO, HELLO, CUT_EVENT], cut));
    assert_eq!(reading.usage(), None);
    assert_eq!((reading.pieces(), reading.saw_error()), (2, true));
    let (_, reading) = hidden(&[HELLO, ERROR].map(str::as_bytes), End::Eof);
    assert!(reading.saw_error());
}

#[test]
fn it_is_left_out_however_its_lines_end_and_chunks_are_cut() {
    for (ends, lf) in [("\n", "\n"), ("\r\n", "\r\n"), ("\r", "\r")] {
        let with = |events: &[&str]| events.concat().replace('\n', ends);
        let came = with(&[ROLE, HELLO, STOP, USAGE, DONE]);
        let expected = with(&[ROLE, HELLO, STOP, DONE]);
        for at in 0..came.len() {
            let (one, other) = came.as_bytes().split_at(at);
            let Fate::Told(told, Ok(())) = hidden(&[one, other], End::Eof).0 else {
                panic!("not told");
            };
            // A line break between two events more or less is none to anybody.
            assert_eq!(
                told.replace(lf, "\n").replace("\n\n\n", "\n\n"),
                expected.replace(lf, "\n"),
                "{ends:?} at {at}"
            );
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_chunks_the_client_gets_the_same_but_for_it(
        before in 0_usize..4,
        cuts in prop::collection::vec(1_usize..90, 0..40),
    ) {
        let mut events = vec![PING, ROLE];
        events.extend([HELLO].repeat(before + 1));
        events.push(STOP);
        let expected = [events.concat(), DONE.to_owned()].concat();
        events.extend([USAGE, DONE]);
        let came = events.concat();
        let (mut rest, mut chunks) = (came.as_bytes(), Vec::new());
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        let (fate, reading) = hidden(&chunks, End::Eof);
        prop_assert_eq!(fate, Fate::Told(expected, Ok(())));
        prop_assert_eq!(reading.pieces(), before as u64 + 1);
        prop_assert!(reading.usage().is_some());
    }
}
