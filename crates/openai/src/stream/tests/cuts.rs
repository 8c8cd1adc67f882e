//! However a stream is cut into chunks, what becomes of it is the same, and what it should be.

use super::*;
use proptest::prelude::*;

/// One piece of a chat completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Role,
    Content,
    Stop,
    Usage,
    Done,
    Error,
    Bad,
}

// ===== impl Piece =====

impl Piece {
    const fn text(self) -> &'static str {
        match self {
            Self::Role => ROLE,
            Self::Content => HELLO,
            Self::Stop => STOP,
            Self::Usage => USAGE,
            Self::Done => DONE,
            Self::Error => ERROR,
            Self::Bad => BAD,
        }
    }
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    use Piece::{Bad, Content, Done, Error, Role, Stop, Usage};
    let piece = prop_oneof![
        3 => Just(Role),
        6 => Just(Content),
        2 => Just(Stop),
        1 => Just(Usage),
        2 => Just(Done),
        1 => Just(Error),
        1 => Just(Bad),
    ];
    prop::collection::vec(piece, 0..8)
}

/// What should become of these pieces, told without chunks, bytes or a machine of states.
fn expected(pieces: &[Piece], point: CommitPoint) -> Fate {
    let (mut told, mut content, mut finished, mut done) = (String::new(), false, false, false);
    let mut failed = None;
    for piece in pieces {
        failed = match piece {
            Piece::Error => Some(StreamErrorKind::InBand),
            Piece::Bad => Some(StreamErrorKind::Malformed),
            Piece::Done if !finished => Some(StreamErrorKind::Cut),
            _ => None,
        };
        if matches!(failed, None | Some(StreamErrorKind::InBand)) {
            told.push_str(piece.text());
        }
        if failed.is_some() {
            break;
        }
        content |= matches!(piece, Piece::Content | Piece::Stop);
        finished |= *piece == Piece::Stop;
        done |= *piece == Piece::Done;
    }
    if failed.is_none() && !finished {
        failed = Some(StreamErrorKind::Cut);
    }
    let Some(kind) = failed else {
        if !done {
            told.push_str(DONE);
        }
        return Fate::Told(told, Ok(()));
    };
    if content && point == CommitPoint::FirstToken {
        told.push_str(match kind {
            StreamErrorKind::InBand => "",
            StreamErrorKind::Malformed => MALFORMED_EVENT,
            _ => CUT_EVENT,
        });
        return Fate::Told(told, Err(kind));
    }
    match kind {
        StreamErrorKind::InBand => {
            let json = ERROR.trim_start_matches("data: ").trim_end();
            Fate::Refused(429, json.to_owned())
        }
        StreamErrorKind::Cut if told.is_empty() => Fate::Failed(StreamErrorKind::Empty),
        kind => Fate::Failed(kind),
    }
}

/// `stream` in chunks that end at `cuts`.
fn split<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.push(stream.len());
    cuts.sort_unstable();
    let mut from = 0;
    let chunks = cuts
        .into_iter()
        .map(|to| &stream[std::mem::replace(&mut from, to)..to]);
    chunks.collect()
}

fn points() -> impl Strategy<Value = CommitPoint> {
    prop_oneof![Just(CommitPoint::FirstToken), Just(CommitPoint::Complete)]
}

proptest! {
    #[test]
    fn it_becomes_what_it_should_however_it_is_cut(
        pieces in pieces(),
        point in points(),
        end in prop_oneof![Just(End::Eof), Just(End::Broken)],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream: String = pieces.iter().map(|piece| piece.text()).collect();
        let chunks = split(stream.as_bytes(), &cuts);
        let fate = play(Protocol::Completions, point, &chunks, end);
        prop_assert_eq!(fate, expected(&pieces, point));
    }

    #[test]
    fn what_is_whole_passes_to_the_byte_whatever_its_line_ends(
        content in 1..5_usize,
        ends in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        point in points(),
    ) {
        let events = [PING, ROLE, &HELLO.repeat(content), PING, STOP, USAGE, PING, DONE];
        let stream = events.concat().replace('\n', ends);
        let fate = play(Protocol::Completions, point, &split(stream.as_bytes(), &cuts), End::Eof);
        prop_assert_eq!(fate, Fate::Told(stream, Ok(())));
    }

    #[test]
    fn no_bytes_at_all_upset_it(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10),
        point in points(),
    ) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        for protocol in [Protocol::Completions, Protocol::Responses, Protocol::Messages] {
            let fate = play(protocol, point, &chunks, End::Eof);
            prop_assert!(!matches!(fate, Fate::Told(_, Ok(()))), "never whole: {fate:?}");
        }
    }
}
