//! What becomes of chat completions, case by case.

use super::*;
use crate::stream::sieve::Sieve;
use StreamErrorKind::{Cut, Empty, InBand, Malformed};
use headworks_core::{Outcome, Verdict};
use std::collections::VecDeque;

#[test]
fn a_whole_stream_passes_as_it_came() {
    let events = [PING, ROLE, HELLO, STOP, USAGE, DONE];
    assert_eq!(chat(&events, End::Eof), told(&events, Ok(())));
}

#[test]
fn a_stream_is_handed_on_at_the_first_piece_of_the_answer() {
    let mut holder = Holder::new(Protocol::Completions, CommitPoint::FirstToken, 1024, false);
    for event in [PING, ROLE, PING] {
        assert_eq!(holder.push(event.into()), Held::More);
    }
    assert_eq!(holder.push(HELLO.into()), Held::Commit);

    let mut holder = Holder::new(Protocol::Completions, CommitPoint::FirstToken, 1024, false);
    assert_eq!(holder.push(STOP.into()), Held::Commit, "a finish at once");
}

#[test]
fn a_stream_that_fails_before_it_is_handed_on_has_failed() {
    for (events, kind) in [
        (&[][..], Empty),
        (&[PING], Empty),
        (&[DONE], Empty),
        (&[ROLE], Cut),
        (&[ROLE, DONE], Cut),
        (&[ROLE, &HELLO[..20]], Cut),
        (&[BAD], Malformed),
        (&[ROLE, "data: hello\n\n", HELLO], Malformed),
    ] {
        assert_eq!(chat(events, End::Eof), Fate::Failed(kind), "{events:?}");
    }
    for events in [&[][..], &[PING]] {
        assert_eq!(chat(events, End::Broken), Fate::Failed(Empty), "{events:?}");
    }
    assert_eq!(chat(&[ROLE], End::Broken), Fate::Failed(Cut));
}

#[test]
fn an_error_before_the_stream_is_handed_on_is_the_answer() {
    let error = ERROR.trim_start_matches("data: ").trim_end();
    let refused = Fate::Refused(429, error.to_owned());
    assert_eq!(chat(&[ERROR], End::Eof), refused);
    assert_eq!(chat(&[PING, ROLE, ERROR, DONE], End::Eof), refused);
}

#[test]
fn a_stream_that_ends_unfinished_ends_in_an_error_and_not_in_done() {
    let cut = told(&[ROLE, HELLO, CUT_EVENT], Err(Cut));
    for end in [End::Eof, End::Broken] {
        assert_eq!(chat(&[ROLE, HELLO], end), cut);
        assert_eq!(chat(&[ROLE, HELLO, DONE], end), cut, "an end that is none");
        let half = &HELLO[..HELLO.len() / 2];
        assert_eq!(chat(&[ROLE, HELLO, half], end), cut, "half an event");
    }
}

#[test]
fn what_is_malformed_is_not_passed_on_and_nothing_follows_it() {
    let malformed = told(&[HELLO, MALFORMED_EVENT], Err(Malformed));
    assert_eq!(chat(&[HELLO, BAD, HELLO, STOP, DONE], End::Eof), malformed);
    let together = [HELLO, BAD, STOP, DONE].concat();
    assert_eq!(chat(&[&together], End::Eof), malformed);

    let latin: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xe9\"}}]}\n\n";
    let point = CommitPoint::FirstToken;
    let chunks = [HELLO.as_bytes(), latin, STOP.as_bytes()];
    let fate = play(Protocol::Completions, point, &chunks, End::Eof);
    assert_eq!(fate, malformed);
}

#[test]
fn an_event_without_text_is_not_malformed() {
    let events = [HELLO, "data:\n\n", "data: null\n\n", STOP, DONE];
    assert_eq!(chat(&events, End::Eof), told(&events, Ok(())));
}

#[test]
fn an_error_in_mid_stream_passes_as_it_came_and_nothing_follows_it() {
    let failed = told(&[HELLO, ERROR], Err(InBand));
    assert_eq!(chat(&[HELLO, ERROR, DONE], End::Eof), failed);
    let together = [HELLO, ERROR, DONE].concat();
    assert_eq!(chat(&[&together], End::Eof), failed);
}

#[test]
fn an_error_in_mid_stream_is_judged_by_what_it_says() {
    use Outcome as O;
    use Protocol::{Completions, Messages, Responses};
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"CODE"}}}"#;
    let error = r#"{"error":{"message":"x","type":"CODE","code":null}}"#;
    for (protocol, event, code, outcome) in [
        (Responses, failed, "invalid_prompt", O::CallerFault),
        (Responses, failed, "rate_limit_exceeded", O::RateLimited),
        (Responses, failed, "server_error", O::ServerFault),
        (Responses, failed, "never heard of it", O::Transport),
        (
            Completions,
            error,
            "context_length_exceeded",
            O::CallerFault,
        ),
        (
            Completions,
            error,
            "content_policy_violation",
            O::CallerFault,
        ),
        (Completions, error, "authentication_error", O::Auth),
        (Completions, error, "timeout", O::Timeout),
        (Completions, r#"{"error":"it broke"}"#, "", O::Transport),
        (Messages, error, "overloaded_error", O::Capacity),
    ] {
        let event = format!("event: error\ndata: {}\n\n", event.replace("CODE", code));
        let mut sieve = Sieve::new(protocol, false);
        let mut kept = VecDeque::new();
        sieve.push(HELLO.into(), &mut kept);
        let foretold = sieve.reading().foretold().clone();
        let mut follower = Follower::new(sieve, kept, ErrorRule::default());
        assert_eq!(foretold.failure(), None);
        follower.push(event.clone().into());
        let told = foretold.failure().map(|failure| failure.verdict().outcome);
        let error = follower.take_error();
        let judged = error.map(|error| Verdict::of_error(&error).outcome);
        assert_eq!((told, judged), (Some(outcome), Some(outcome)), "{event}");
    }
}

#[test]
fn an_error_has_its_whole_line_end() {
    let events = [HELLO, ERROR, DONE].concat().replace('\n', "\r\n");
    let passed = [HELLO, ERROR].concat().replace('\n', "\r\n");
    assert_eq!(chat(&[&events], End::Eof), told(&[&passed], Err(InBand)));
}

#[test]
fn what_is_finished_is_whole_and_gets_its_done() {
    let whole = told(&[ROLE, HELLO, STOP, DONE], Ok(()));
    for end in [End::Eof, End::Broken] {
        assert_eq!(chat(&[ROLE, HELLO, STOP], end), whole, "{end:?}");
        assert_eq!(chat(&[ROLE, HELLO, STOP, DONE], end), whole, "{end:?}");
    }
}

#[test]
fn a_last_event_without_its_blank_line_is_given_one() {
    let whole = told(&[HELLO, STOP, DONE], Ok(()));
    assert_eq!(chat(&[HELLO, STOP.trim_end()], End::Eof), whole);
    assert_eq!(chat(&[HELLO, STOP, DONE.trim_end()], End::Eof), whole);
    let cut = told(&[HELLO, CUT_EVENT], Err(Cut));
    assert_eq!(chat(&[HELLO, STOP.trim_end()], End::Broken), cut);
}

#[test]
fn of_two_choices_both_must_be_finished() {
    let second = HELLO.replace("\"index\":0", "\"index\":1");
    let fate = chat(&[HELLO, &second, STOP, DONE], End::Eof);
    let cut = told(&[HELLO, &second, STOP, CUT_EVENT], Err(Cut));
    assert_eq!(fate, cut);
}

#[test]
fn a_stream_that_says_nothing_for_long_is_handed_on_all_the_same() {
    let mut holder = Holder::new(
        Protocol::Completions,
        CommitPoint::FirstToken,
        3 * PING.len(),
        false,
    );
    for _ in 0..3 {
        assert_eq!(holder.push(PING.into()), Held::More);
    }
    assert_eq!(holder.push(PING.into()), Held::Commit);
}

#[test]
fn an_event_too_large_to_look_into_passes_before_its_end() {
    let mut holder = Holder::new(Protocol::Completions, CommitPoint::FirstToken, 1024, false);
    assert_eq!(holder.push(HELLO.into()), Held::Commit);
    let mut follower = holder.into_follower(ErrorRule::default());
    while follower.next().is_some() {}
    follower.push("data: \"".into());
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let pieces = crate::sse::MAX_EVENT / piece.len();
    for _ in 0..pieces - 1 {
        follower.push(piece.clone());
        assert_eq!(follower.next(), None, "it may yet be looked into");
    }
    follower.push(piece.clone());
    assert_eq!(follower.queued(), (7 + pieces * piece.len()) as u64);
    while follower.next().is_some() {}
    follower.push("\"\n\n".into());
    assert!(follower.next().is_some());
    assert!(follower.ending().is_none());
}

mod complete {
    use super::*;

    fn whole(events: &[&str], end: End) -> Fate {
        let chunks: Vec<&[u8]> = events.iter().map(|event| event.as_bytes()).collect();
        let protocol = Protocol::Completions;
        play(protocol, CommitPoint::Complete, &chunks, end)
    }

    #[test]
    fn only_what_is_whole_is_handed_on() {
        let events = [ROLE, HELLO, STOP, USAGE, DONE];
        assert_eq!(whole(&events, End::Eof), told(&events, Ok(())));
        let repaired = told(&[HELLO, STOP, DONE], Ok(()));
        for end in [End::Eof, End::Broken] {
            assert_eq!(whole(&[HELLO, STOP], end), repaired);
            assert_eq!(whole(&[ROLE, HELLO], end), Fate::Failed(Cut));
            assert_eq!(whole(&[HELLO, BAD, STOP], end), Fate::Failed(Malformed));
        }
        assert!(matches!(
            whole(&[HELLO, ERROR], End::Eof),
            Fate::Refused(429, _)
        ));
    }

    #[test]
    fn nothing_is_handed_on_before_the_end() {
        let mut holder = Holder::new(Protocol::Completions, CommitPoint::Complete, 4096, false);
        for event in [ROLE, HELLO, STOP, USAGE, DONE] {
            assert_eq!(holder.push(event.into()), Held::More);
        }
        assert_eq!(holder.end(), Held::Commit);
    }

    #[test]
    fn what_is_more_than_is_held_is_handed_on_as_it_comes() {
        let mut holder = Holder::new(
            Protocol::Completions,
            CommitPoint::Complete,
            HELLO.len(),
            false,
        );
        assert_eq!(holder.push(HELLO.into()), Held::More);
        assert_eq!(holder.push(HELLO.into()), Held::Commit);
        let fate = follow(
            holder.into_follower(ErrorRule::default()),
            std::iter::empty(),
            End::Eof,
        );
        assert_eq!(fate, told(&[HELLO, HELLO, CUT_EVENT], Err(Cut)));
    }
}

#[test]
fn a_stream_that_was_withheld_is_known_for_it_before_it_is_handed_on() {
    let filtered = STOP.replace("stop", "content_filter");
    let second = filtered.replace("\"index\":0", "\"index\":1");
    for (point, events, withheld) in [
        (CommitPoint::FirstToken, &[ROLE, &*filtered][..], true),
        (CommitPoint::FirstToken, &[ROLE, STOP], false),
        (CommitPoint::FirstToken, &[ROLE, HELLO], false),
        (CommitPoint::FirstToken, &[ROLE, &second], false),
        (CommitPoint::Complete, &[ROLE, HELLO, &filtered, DONE], true),
        (CommitPoint::Complete, &[ROLE, HELLO, STOP, DONE], false),
    ] {
        let mut holder = Holder::new(Protocol::Completions, point, 4096, false);
        for event in events {
            holder.push(event.to_string().into());
        }
        assert_eq!(holder.is_withheld(), withheld, "{point:?} {events:?}");
    }
    // However the bytes are cut.
    let mut holder = Holder::new(Protocol::Completions, CommitPoint::FirstToken, 4096, false);
    holder.push([HELLO, &filtered].concat().into());
    assert!(!holder.is_withheld(), "a word comes first");
}

#[test]
fn each_protocol_has_its_own_word_for_what_was_withheld() {
    let stopped = |reason: &str| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}}}}"#
        )
    };
    let incomplete = |reason: &str| {
        let details = format!(r#"{{"reason":"{reason}"}}"#);
        format!(r#"{{"type":"response.incomplete","response":{{"incomplete_details":{details}}}}}"#)
    };
    for (protocol, finish, withheld) in [
        (Protocol::Messages, stopped("refusal"), true),
        (Protocol::Messages, stopped("end_turn"), false),
        (Protocol::Responses, incomplete("content_filter"), true),
        (Protocol::Responses, incomplete("max_output_tokens"), false),
    ] {
        let mut holder = Holder::new(protocol, CommitPoint::FirstToken, 4096, false);
        let event = format!("data: {finish}\n\n");
        assert_eq!(holder.push(event.into()), Held::Commit);
        assert_eq!(holder.is_withheld(), withheld, "{finish}");
    }
}
