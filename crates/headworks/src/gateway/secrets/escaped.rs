//! A secret as JSON may have written it: any of its characters as `\u0073`, a slash as `\/`, and with more backslashes
//! where JSON stands within a string of JSON.

use memchr::{memchr, memchr_iter, memchr2};
use std::ops::Range;

/// How many backslashes may stand before a character: each string within a string doubles them. This is the third.
const MOST_BACKSLASHES: usize = 8;

/// How many bytes a character may take.
const LONGEST: usize = MOST_BACKSLASHES + "u0073".len();

/// What some bytes are of a secret.
enum Match {
    None,
    /// All there is of them, and more may follow.
    Begun,
    /// So many of them are all of it.
    Whole(usize),
}

/// True if a character in `bytes` may be another than it seems: other escapes, of a line break or a quotation mark, are
/// of nothing that is in a secret.
pub(super) fn is_any(bytes: &[u8]) -> bool {
    memchr_iter(b'\\', bytes)
        .any(|at| matches!(bytes.get(at + 1), None | Some(b'u' | b'/' | b'\\')))
}

/// Where `secret` stands first.
pub(super) fn find(secret: &[u8], bytes: &[u8]) -> Option<Range<usize>> {
    let first = *secret.first()?;
    let mut at = 0;
    while let Some(more) = memchr2(first, b'\\', &bytes[at..]) {
        at += more;
        let run = backslashes(&bytes[at..]);
        let start = at + run - own(run, first);
        if let Match::Whole(len) = of(secret, &bytes[start..]) {
            return Some(start..start + len);
        }
        at += run.max(1);
    }
    None
}

/// How many of the last bytes may be the beginning of it.
pub(super) fn begun(secret: &[u8], bytes: &[u8]) -> usize {
    let mut at = bytes.len().saturating_sub(secret.len() * LONGEST);
    // Of a run of them it counts how many they are.
    while at > 0 && bytes[at] == b'\\' && bytes[at - 1] == b'\\' {
        at -= 1;
    }
    let (Some(&first), Some(_)) = (secret.first(), memchr(b'\\', &bytes[at..])) else {
        return 0;
    };
    while let Some(more) = memchr2(first, b'\\', &bytes[at..]) {
        at += more;
        let run = backslashes(&bytes[at..]);
        if run > 0 && at + run == bytes.len() {
            // So many that what is handed on tells nothing of whose the last of them are.
            let even = (run / MOST_BACKSLASHES).saturating_sub(1) * MOST_BACKSLASHES;
            return run - even;
        }
        let start = at + run - own(run, first);
        if matches!(of(secret, &bytes[start..]), Match::Begun) {
            return bytes.len() - start;
        }
        at += run.max(1);
    }
    0
}

fn backslashes(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == b'\\').count()
}

/// How many of a run of backslashes are of the character behind it, which is the first of a secret; the others are
/// backslashes themselves, of which each takes twice as many.
fn own(run: usize, first: u8) -> usize {
    match (run, first) {
        (0, _) => 0,
        // Some write `\/` as `\\\/` within a string. What is left makes whole pairs in each string there may be.
        (_, b'/') => (run - 1) % MOST_BACKSLASHES + 1,
        _ => (1 << run.trailing_zeros()).min(MOST_BACKSLASHES),
    }
}

/// What `bytes` are of `secret`, from their first on.
fn of(secret: &[u8], bytes: &[u8]) -> Match {
    let mut len = 0;
    for wanted in secret {
        match of_one(*wanted, &bytes[len..]) {
            Match::Whole(more) => len += more,
            other => return other,
        }
    }
    Match::Whole(len)
}

fn of_one(wanted: u8, bytes: &[u8]) -> Match {
    let backslashes = backslashes(&bytes[..bytes.len().min(MOST_BACKSLASHES + 1)]);
    if backslashes > MOST_BACKSLASHES {
        return Match::None;
    }
    match &bytes[backslashes..] {
        [] => Match::Begun,
        [byte, ..] if *byte == wanted && (backslashes == 0 || wanted == b'/') => {
            Match::Whole(backslashes + 1)
        }
        [b'u', digits @ ..] if backslashes > 0 => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let [high, low] = [wanted >> 4, wanted & 15].map(|digit| HEX[usize::from(digit)]);
            let code = [b'0', b'0', high, low];
            let digits = &digits[..digits.len().min(code.len())];
            if !code[..digits.len()].eq_ignore_ascii_case(digits) {
                Match::None
            } else if digits.len() < code.len() {
                Match::Begun
            } else {
                Match::Whole(backslashes + 1 + code.len())
            }
        }
        _ => Match::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"sk-a/b";

    #[test]
    fn a_secret_is_found_in_any_writing_of_it() {
        for written in [
            r"sk-a/b",
            r"sk\u002da\/b",
            r"sk\u002Da\u002fb",
            r"\u0073k-a/b",
            r"sk-a/\u0062",
            r"sk\\u002da\\\/b",
            r"\\\\\\\\u0073k-a/b",
        ] {
            let text = format!("key {written}, which");
            let found = find(KEY, text.as_bytes());
            assert_eq!(found, Some(4..4 + written.len()), "{written}");
        }
        for other in [
            r"sk\u002ea/b",
            r"s\k-a/b",
            r"sku002da/b",
            r"sk\n-a/b",
            r"sk-a\\\\\\\\\/b",
            r"sk\u002d",
            "",
        ] {
            assert_eq!(find(KEY, other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn backslashes_before_one_are_left_in_pairs() {
        for (before, own) in [(2, 1), (8, 1), (4, 2), (8, 4), (16, 8), (48, 8)] {
            let text = format!(r"{}u0073k-a/b", r"\".repeat(before + own));
            assert_eq!(find(KEY, text.as_bytes()), Some(before..text.len()));
            // However many of them have come.
            for cut in 1..before + own {
                let held = begun(KEY, &text.as_bytes()[..cut]);
                assert_eq!((cut - held) % MOST_BACKSLASHES, 0, "{before} {own} {cut}");
                assert!(held >= own.min(cut) && held < 2 * MOST_BACKSLASHES);
            }
        }
    }

    #[test]
    fn backslashes_before_a_slash_are_left_in_eights() {
        for (before, own) in [(0, 1), (0, 3), (0, 8), (8, 1), (8, 4), (16, 3)] {
            let text = format!("{}/-a/b", r"\".repeat(before + own));
            let found = find(b"/-a/b", text.as_bytes());
            assert_eq!(found, Some(before..text.len()), "{before} {own}");
        }
    }

    #[test]
    fn every_beginning_of_an_escaped_one_is_held() {
        let written = r"\u0073k\\u002da\/b";
        for len in 1..written.len() {
            let text = format!("key: {}", &written[..len]);
            assert_eq!(begun(KEY, text.as_bytes()), len, "{text}");
        }
        assert_eq!(begun(KEY, br"key: \u0073k-a/b"), 0, "it is whole");
        assert_eq!(begun(KEY, br"key: \u0074"), 0);
        assert_eq!(begun(KEY, br"a \n sk"), 2);
        assert_eq!(begun(KEY, b"none sk"), 0, "the plain search sees to it");
    }

    #[test]
    fn an_escape_is_one_that_may_hide_a_character() {
        for (text, any) in [
            ("plain", false),
            (r#"a line\n, a \"word\", a tab\t"#, false),
            (r"\u002d", true),
            (r"a\/b", true),
            (r"a\\n", true),
            (r"its rest follows\", true),
        ] {
            assert_eq!(is_any(text.as_bytes()), any, "{text}");
        }
    }

    #[test]
    fn backslashes_without_end_cost_no_more_than_their_number() {
        let many = vec![b'\\'; 1 << 20];
        assert_eq!(find(KEY, &many), None);
        assert_eq!(begun(KEY, &many), MOST_BACKSLASHES);
    }
}
