//! The table itself: what happens to the sick deployment's answers, and what is expected.
//!
//! Every request may be retried once (`num_retries: 1`). Each row is tried at every endpoint it can befall, plain
//! and streamed, beside a sibling, alone, and with a fallback group.

use crate::{
    fault::{
        Client::{Broken, InBand, Ours, Passed, Theirs, Told, Whole},
        Fault, Want,
    },
    kind::{
        On::{Any, DoneStreams, FinishedStreams, Plain, PlainFinished, PlainOther, Streams},
        Words,
    },
    play::Play,
    scene::Scene,
};
use headworks::core::Outcome;
use std::time::Duration;

/// A minute: longer than any test takes.
const MINUTE: u64 = 60_000;
/// How long the provider's money or a daily quota is left alone: `Hint::LONGEST`.
const HOUR: u64 = 60 * MINUTE;

/// The sick one is tried once, then the other answers.
const ELSEWHERE: Want = whole(1, 1);

const fn whole(sick: usize, other: usize) -> Want {
    Want::new(Whole, sick, other)
}

const fn theirs(status: u16, sick: usize) -> Want {
    Want::new(Theirs(status), sick, 0)
}

const fn ours(status: u16, code: &'static str, sick: usize) -> Want {
    Want::new(Ours(status, code), sick, 0)
}

/// The client sees the answer break off.
const BROKEN: Want = Want::new(Broken, 1, 0);

/// The sick one's answer is withheld, and the other is asked.
const WITHHELD: Want = ELSEWHERE.counts_as(Outcome::ContentRefused);

const fn told(code: &'static str) -> Want {
    Want::new(Told(code), 1, 0)
}

/// A fault with nothing said of it yet: one request, a cooldown of a minute.
const fn fault(name: &'static str, does: &'static str, play: Play) -> Fault {
    Fault {
        name,
        does,
        play,
        on: Any,
        held: false,
        asks: 1,
        cooldown: Duration::from_millis(MINUTE),
        outcome: None,
        sibling: ELSEWHERE,
        lone: ELSEWHERE,
        fallback: ELSEWHERE,
    }
}

/// The table.
#[rustfmt::skip]
pub const TABLE: &[Fault] = &[
    Fault {
        outcome: Some(Outcome::RateLimited),
        cooldown: Duration::from_millis(50),
        sibling: ELSEWHERE.rests(1000), lone: theirs(429, 2).apart(1000).come_back(1), fallback: ELSEWHERE.rests(1000),
        ..fault("429, seconds", "429 with `retry-after: 1`", Play::Always(429, Words::RateLimited, &[("retry-after", "1")]))
    },
    Fault {
        outcome: Some(Outcome::RateLimited),
        cooldown: Duration::from_millis(50),
        sibling: ELSEWHERE.rests(700), lone: theirs(429, 2).apart(700).come_back(1), fallback: ELSEWHERE.rests(700),
        ..fault("429, milliseconds", "429 with `retry-after-ms: 700`", Play::Always(429, Words::RateLimited, &[("retry-after-ms", "700")]))
    },
    Fault {
        outcome: Some(Outcome::RateLimited),
        cooldown: Duration::from_millis(50),
        sibling: ELSEWHERE.rests(1000), lone: theirs(429, 2).apart(1000).come_back(1), fallback: ELSEWHERE.rests(1000),
        ..fault("429, date", "429 with a `retry-after` that is its own `date` and a second", Play::Always(429, Words::RateLimited, &[
            ("date", "Tue, 06 Jan 2026 10:00:00 GMT"), ("retry-after", "Tue, 06 Jan 2026 10:00:01 GMT"),
        ]))
    },
    Fault {
        outcome: Some(Outcome::RateLimited),
        sibling: ELSEWHERE.rests(MINUTE), lone: theirs(429, 2), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("429, no hint", "429", Play::Always(429, Words::RateLimited, &[]))
    },
    Fault {
        lone: whole(2, 0),
        ..fault("500 once", "500, then good answers", Play::Once(500, Words::Failed))
    },
    Fault {
        outcome: Some(Outcome::Capacity),
        asks: 6,
        sibling: whole(5, 6).retries(5).rests(MINUTE), lone: theirs(503, 12).retries(6).one_at_a_time(), fallback: whole(5, 6).retries(0).rests(MINUTE),
        ..fault("503 for ever", "503, to six requests", Play::Always(503, Words::Failed, &[]))
    },
    Fault {
        asks: 8,
        sibling: whole(5, 6).rests(MINUTE), lone: whole(16, 0), fallback: whole(5, 6).retries(0).rests(MINUTE),
        ..fault("flapping", "500, then a good answer, and so on, to eight requests", Play::EveryOther(500, Words::Failed))
    },
    Fault {
        outcome: Some(Outcome::Auth),
        sibling: ELSEWHERE.rests(MINUTE), lone: theirs(401, 1).give_up(), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("401", "401, and repeats the key", Play::Always(401, Words::WrongKey, &[]))
    },
    Fault {
        outcome: Some(Outcome::Auth),
        sibling: ELSEWHERE.rests(HOUR), lone: theirs(402, 1).give_up(), fallback: ELSEWHERE.rests(HOUR),
        ..fault("402", "402: no money", Play::Always(402, Words::NoMoney, &[]))
    },
    Fault {
        outcome: Some(Outcome::Auth),
        sibling: ELSEWHERE.rests(MINUTE), lone: theirs(403, 1).give_up(), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("403", "403", Play::Always(403, Words::Forbidden, &[]))
    },
    Fault {
        outcome: Some(Outcome::Misconfigured),
        sibling: ELSEWHERE.rests(MINUTE), lone: theirs(404, 1).give_up(), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("404, the model", "404: there is no such model", Play::Always(404, Words::NoSuchModel, &[]))
    },
    Fault {
        outcome: Some(Outcome::CallerFault),
        sibling: theirs(404, 1).give_up(), lone: theirs(404, 1).give_up(), fallback: theirs(404, 1).give_up(),
        ..fault("404, something else", "404: there is no such file", Play::Always(404, Words::NoSuchFile, &[]))
    },
    Fault {
        outcome: Some(Outcome::Timeout),
        lone: theirs(408, 1),
        ..fault("408", "408", Play::Always(408, Words::Timeout, &[]))
    },
    Fault {
        outcome: Some(Outcome::Capacity),
        lone: theirs(529, 2),
        ..fault("529", "529: overloaded", Play::Always(529, Words::Overloaded, &[]))
    },
    Fault {
        outcome: Some(Outcome::Transport),
        lone: ours(500, "upstream_unreachable", 2),
        ..fault("refused", "nobody listens", Play::Refused)
    },
    Fault {
        outcome: Some(Outcome::Transport),
        lone: ours(500, "upstream_unreachable", 2),
        ..fault("reset before the head", "reads the request, then RST", Play::ResetBeforeHead)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Transport),
        lone: ours(500, "stream_empty", 2),
        ..fault("reset after the head", "200 and its headers, then RST", Play::ResetAfterHead)
    },
    Fault {
        on: Plain,
        outcome: Some(Outcome::Transport),
        lone: ours(500, "stream_cut", 2),
        ..fault("reset after the head", "200, a length, then RST", Play::ResetAfterHead)
    },
    Fault {
        outcome: Some(Outcome::Timeout),
        lone: ours(408, "timeout", 1),
        ..fault("never answers", "reads the request, and no more; it has 1 s (`timeout`)", Play::Silence)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Timeout),
        lone: ours(408, "timeout", 1),
        ..fault("no first token", "200 and what precedes the first word, and no more; it has 1 s (`stream_timeout`)", Play::NoFirstToken)
    },
    Fault {
        outcome: Some(Outcome::Success),
        sibling: whole(1, 0), lone: whole(1, 0), fallback: whole(1, 0),
        ..fault("slow first token", "a whole answer, 0.3 s late but within its time", Play::Late(Duration::from_millis(300)))
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Transport),
        sibling: told("stream_cut"), lone: told("stream_cut"), fallback: told("stream_cut"),
        ..fault("cut", "some words, then the connection is closed", Play::Cut)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Transport),
        sibling: told("stream_cut"), lone: told("stream_cut"), fallback: told("stream_cut"),
        ..fault("reset", "some words, then RST", Play::ResetLater)
    },
    Fault {
        on: PlainFinished,
        outcome: Some(Outcome::Transport),
        sibling: BROKEN, lone: BROKEN,
        ..fault("cut", "all but the last byte, then the connection is closed", Play::Cut)
    },
    Fault {
        on: PlainOther,
        outcome: Some(Outcome::Transport),
        sibling: BROKEN, lone: BROKEN, fallback: BROKEN,
        ..fault("cut", "all but the last byte, then the connection is closed", Play::Cut)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Transport),
        sibling: told("stream_cut"), lone: told("stream_cut"), fallback: told("stream_cut"),
        ..fault("ends early", "some words, then an end in order, without a finish", Play::EndsEarly)
    },
    Fault {
        on: DoneStreams,
        outcome: Some(Outcome::Transport),
        sibling: told("stream_cut"), lone: told("stream_cut"), fallback: told("stream_cut"),
        ..fault("`[DONE]` early", "some words, then `[DONE]`, without a finish", Play::DoneEarly)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Timeout),
        sibling: told("stream_stalled"), lone: told("stream_stalled"), fallback: told("stream_stalled"),
        ..fault("stall", "some words, and no more; it has 1.5 s between events (`stream_idle_timeout`)", Play::Stall)
    },
    Fault {
        on: PlainFinished,
        outcome: Some(Outcome::Timeout),
        sibling: BROKEN, lone: BROKEN,
        ..fault("stall", "all but the last byte, and no more; it has 1 s (`timeout`)", Play::Stall)
    },
    Fault {
        on: PlainOther,
        outcome: Some(Outcome::Timeout),
        sibling: BROKEN, lone: BROKEN, fallback: BROKEN,
        ..fault("stall", "all but the last byte, and no more; it has 1 s (`timeout`)", Play::Stall)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Transport),
        lone: ours(500, "stream_malformed", 2),
        ..fault("malformed first event", "an event that is no JSON", Play::MalformedFirst)
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::Transport),
        sibling: told("stream_malformed"), lone: told("stream_malformed"), fallback: told("stream_malformed"),
        ..fault("malformed event", "some words, then an event that is no JSON", Play::MalformedLater)
    },
    Fault {
        on: Streams, held: true,
        outcome: Some(Outcome::Transport),
        lone: ours(500, "stream_cut", 2),
        ..fault("cut, held", "some words, then the connection is closed; streams are held to their end (`commit: complete`)", Play::Cut)
    },
    Fault {
        on: Streams, held: true,
        outcome: Some(Outcome::Transport),
        lone: ours(500, "stream_malformed", 2),
        ..fault("malformed event, held", "some words, then an event that is no JSON; streams are held to their end", Play::MalformedLater)
    },
    Fault {
        on: Streams, held: true,
        outcome: Some(Outcome::RateLimited),
        sibling: ELSEWHERE.rests(MINUTE), lone: Want::new(InBand(429), 2, 0), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("in-band error later, held", "some words, then an event that says: rate limited; streams are held to their end", Play::ErrorLater(Words::RateLimited))
    },
    Fault {
        on: DoneStreams,
        outcome: Some(Outcome::Success),
        sibling: whole(1, 0), lone: whole(1, 0), fallback: whole(1, 0),
        ..fault("no `[DONE]`", "a whole answer, and no `[DONE]` after it", Play::NoDone)
    },
    Fault {
        outcome: Some(Outcome::Transport),
        lone: ours(500, "stream_empty", 2),
        ..fault("empty 200", "200, and nothing in it", Play::Empty)
    },
    Fault {
        on: Plain,
        outcome: Some(Outcome::RateLimited),
        sibling: ELSEWHERE.rests(MINUTE), lone: Want::new(InBand(429), 2, 0), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("error in a 200", "200, and an error in place of the answer: rate limited", Play::ErrorFirst(Words::RateLimited))
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::RateLimited),
        sibling: ELSEWHERE.rests(MINUTE), lone: Want::new(InBand(429), 2, 0), fallback: ELSEWHERE.rests(MINUTE),
        ..fault("in-band error first", "200, then an event that says: rate limited", Play::ErrorFirst(Words::RateLimited))
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::RateLimited),
        sibling: Want::new(Passed, 1, 0).rests(MINUTE), lone: Want::new(Passed, 1, 0), fallback: Want::new(Passed, 1, 0).rests(MINUTE),
        ..fault("in-band error later", "some words, then an event that says: rate limited", Play::ErrorLater(Words::RateLimited))
    },
    Fault {
        on: Streams,
        outcome: Some(Outcome::CallerFault),
        asks: 6,
        sibling: Want::new(Passed, 6, 0), lone: Want::new(Passed, 6, 0), fallback: Want::new(Passed, 6, 0),
        ..fault("caller's fault later", "some words, then an event that says: the prompt is wrong, to six requests", Play::ErrorLater(Words::WrongPrompt))
    },
    Fault {
        outcome: Some(Outcome::ContextTooLong),
        sibling: theirs(400, 1).give_up(), lone: theirs(400, 1).give_up(),
        ..fault("context length", "400: the prompt is too long", Play::Always(400, Words::TooLong, &[]))
    },
    Fault {
        outcome: Some(Outcome::ContentRefused),
        sibling: theirs(400, 1).give_up(), lone: theirs(400, 1).give_up(),
        ..fault("content filter, 400", "400: the content policy", Play::Always(400, Words::Refused, &[]))
    },
    Fault {
        on: PlainFinished,
        outcome: Some(Outcome::Success),
        sibling: whole(1, 0), lone: whole(1, 0), fallback: WITHHELD,
        ..fault("content filter, finish", "a whole answer whose finish says that it was withheld", Play::Filtered)
    },
    Fault {
        on: FinishedStreams,
        outcome: Some(Outcome::Success),
        sibling: whole(1, 0), lone: whole(1, 0), fallback: whole(1, 0),
        ..fault("content filter, finish", "some words, then a finish that says that the rest was withheld", Play::Filtered)
    },
    Fault {
        on: FinishedStreams, held: true,
        outcome: Some(Outcome::Success),
        sibling: whole(1, 0), lone: whole(1, 0), fallback: WITHHELD,
        ..fault("content filter, finish, held", "some words, then a finish that says that the rest was withheld; streams are held to their end", Play::Filtered)
    },
    Fault {
        on: FinishedStreams,
        outcome: Some(Outcome::Success),
        sibling: whole(1, 0), lone: whole(1, 0), fallback: WITHHELD,
        ..fault("content filter at once", "a finish that says that the answer was withheld, before any word", Play::FilteredFirst)
    },
];

/// What takes more than a fault of one answer.
#[rustfmt::skip]
pub const SCENES: &[Scene] = &[
    Scene {
        name: "half-open probe cancelled",
        does: "five failures, a rest, then silence to the one probe, whose client leaves",
        sibling: "while the probe is out, the other answers; when its client has left, the next request is the probe, and closes the circuit",
        lone: "while the probe is out, others get **429 `rate_limited`** and nobody else is sent there; when its client has left, the next request is the probe, and closes the circuit",
        fallback: "while the probe is out, the fallback group answers; when its client has left, the next request is the probe, and closes the circuit",
    },
];
