//! Keeps what signs in at a deployment out of its answers: a provider, or whatever stands in its place, may repeat
//! what it was sent, in an error, in a stream that comes to one, or as an echo.
//!
//! A secret is overwritten, to its length: an answer is as long as it said. It is looked for as it was sent and as JSON
//! may write it (`\u002d`, `\/`); one that is spread over several events of a stream is not found.

use super::secrets::{Secrets, Within};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use std::mem;

/// What a secret is overwritten with, and asterisks behind it; asterisks alone where there is no room.
const REDACTED: &[u8] = b"[redacted]";

/// Takes secrets out of a body that comes in pieces, wherever they are cut.
#[derive(Debug)]
pub(super) struct Redact {
    secrets: Secrets,
    within: Within,
    /// The end of what has come, which may be the beginning of a secret.
    held: BytesMut,
}

/// A piece without secrets. It holds on to the piece with them, which tells when it is dropped.
struct Clean {
    bytes: Bytes,
    _instead_of: Bytes,
}

// ===== impl Redact =====

impl Redact {
    /// Takes out those of `secrets` that are looked for there; `None` if none is.
    pub(super) fn new(secrets: &Secrets, within: Within) -> Option<Self> {
        (!secrets.is_empty(within)).then(|| Self {
            secrets: secrets.clone(),
            within,
            held: BytesMut::new(),
        })
    }

    /// Removes the headers that repeat a secret.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        let telling: Vec<_> = headers
            .iter()
            .filter(|(_, value)| self.secrets.find(self.within, value.as_bytes()).is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for name in telling {
            headers.remove(name);
        }
    }

    /// What may go on of the body so far, after another piece of it. A piece without a secret goes on as it is.
    pub(super) fn piece(&mut self, data: Bytes) -> Bytes {
        let Self {
            secrets,
            within,
            held,
        } = self;
        let within = *within;
        if held.is_empty()
            && secrets.find(within, &data).is_none()
            && secrets.begun(within, &data) == 0
        {
            return data;
        }
        held.extend_from_slice(&data);
        let mut clean = 0;
        while let Some(found) = secrets.find(within, &held[clean..]) {
            let secret = &mut held[clean..][found.clone()];
            secret.fill(b'*');
            if let Some(word) = secret.get_mut(..REDACTED.len()) {
                word.copy_from_slice(REDACTED);
            }
            clean += found.end;
        }
        let safe = held.len() - secrets.begun(within, &held[clean..]);
        // Whoever waits for the piece to be sent waits for this.
        Bytes::from_owner(Clean {
            bytes: held.split_to(safe).freeze(),
            _instead_of: data,
        })
    }

    /// How much is held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// What was held back, once nothing follows.
    pub(super) fn rest(&mut self) -> Bytes {
        mem::take(&mut self.held).freeze()
    }
}

// ===== impl Clean =====

impl AsRef<[u8]> for Clean {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_core::Secret;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    /// A key, and the secret of a header.
    fn of(key: &str, header: Option<&str>) -> Redact {
        let header = header.map(|value| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static("x-key"), value)
        });
        let secrets = Secrets::new(Some(&Secret::from(key)), &header.into_iter().collect());
        Redact::new(&secrets, Within::Error).unwrap()
    }

    fn redacted(mut redact: Redact, pieces: &[&[u8]]) -> Vec<u8> {
        let mut all: Vec<u8> = pieces
            .iter()
            .flat_map(|p| redact.piece(Bytes::copy_from_slice(p)))
            .collect();
        all.extend_from_slice(&redact.rest());
        all
    }

    #[test]
    fn secrets_are_overwritten_wherever_they_are_cut() {
        let body = b"bad key sk-canary-1 of the-canary-app, again sk-canary-1!";
        for cut in 0..body.len() {
            let (one, other) = body.split_at(cut);
            assert_eq!(
                redacted(of("sk-canary-1", Some("the-canary-app")), &[one, other]),
                b"bad key [redacted]* of [redacted]****, again [redacted]*!"
            );
        }
        let short = redacted(of("canary-1", None), &[b"bad canary-1"]);
        assert_eq!(short, b"bad ********");
    }

    #[test]
    fn a_piece_without_one_is_not_copied_nor_held() {
        let mut redact = of("sk-canary-1", None);
        let event = Bytes::from_static(b"data: {\"choices\":[]}\n\n");
        assert_eq!(redact.piece(event.clone()).as_ptr(), event.as_ptr());
        assert_eq!(redact.held(), 0);
    }

    #[test]
    fn headers_that_repeat_one_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", "Bearer sk-canary-1".parse().unwrap());
        headers.insert("x-echoed-key", "the-canary-app".parse().unwrap());
        headers.insert("x-other", "fine".parse().unwrap());
        of("sk-canary-1", Some("the-canary-app")).headers(&mut headers);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn one_that_is_written_with_escapes_is_overwritten_with_them() {
        let of = || of("sk-canary/1", None);
        let body = br#"{"error":{"message":"bad key sk\u002Dcanary\/1\nof {\"key\": \"sk\\u002dcanary/1\"}"}}"#;
        let wanted = br#"{"error":{"message":"bad key [redacted]*******\nof {\"key\": \"[redacted]*******\"}"}}"#;
        for cut in 0..body.len() {
            let (one, other) = body.split_at(cut);
            let text = String::from_utf8(redacted(of(), &[one, other])).unwrap();
            assert_eq!(text.as_bytes(), wanted, "{text}");
        }
        let mut redact = of();
        let event = Bytes::from_static(b"data: {\"delta\":\"a line\\nand \\u00fc\"}\n\n");
        assert_eq!(
            redact.piece(event.clone()).as_ptr(),
            event.as_ptr(),
            "not copied"
        );
    }

    /// How a character may be written in a string of JSON.
    fn written(character: char, how: u8) -> String {
        match (character, how) {
            (_, 1) => format!("\\u{:04x}", u32::from(character)),
            (_, 2) => format!("\\u{:04X}", u32::from(character)),
            ('/', 3) => "\\/".to_owned(),
            _ => character.to_string(),
        }
    }

    proptest! {
        #[test]
        fn no_writing_in_json_within_json_tells_one(
            key in "[a-z0-9/_+=-]{8,20}", how in prop::collection::vec(0..4_u8, 20), levels in 0..3_usize,
            before in "\\PC{0,20}", cut in 0..400_usize,
        ) {
            let text: String = key.chars().zip(how).map(|(c, how)| written(c, how)).collect();
            let mut body = serde_json::to_string(&before).unwrap();
            body.insert_str(body.len() - 1, &text);
            for _ in 0..levels {
                body = serde_json::to_string(&body).unwrap();
            }
            let (one, other) = body.as_bytes().split_at(cut.min(body.len()));
            let all = String::from_utf8(redacted(of(&key, None), &[one, other])).unwrap();
            prop_assert_eq!(all.len(), body.len());
            let mut read = all;
            for _ in 0..=levels {
                read = serde_json::from_str(&read).unwrap();
                prop_assert!(!read.contains(&key), "{}", read);
            }
        }

        #[test]
        fn pieces_make_no_difference_to_escapes(
            parts in prop::collection::vec(
                prop::sample::select(vec!["a", "a", "b", "/", "\\", "\\/", "\\u0061", "\\\\u0062", "\\\\\\/", "aab/aab", "\\u002Fab"]),
                0..30,
            ),
            cuts in prop::collection::vec(0..120_usize, 0..6),
        ) {
            let body = parts.concat();
            for (key, header) in [("aab/aaba", None), ("/abaab/a", Some("bab/aaab"))] {
                let both = || of(key, header);
                let mut cuts: Vec<_> = cuts.iter().map(|cut| (*cut).min(body.len())).collect();
                cuts.extend([0, body.len()]);
                cuts.sort_unstable();
                let pieces: Vec<_> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
                let all = redacted(both(), &pieces);
                prop_assert_eq!(&all, &redacted(both(), &[body.as_bytes()]), "{}", body);
                prop_assert_eq!(all.len(), body.len());
            }
        }

        #[test]
        fn pieces_make_no_difference(body in "[ab]{0,60}", cuts in prop::collection::vec(0..60_usize, 0..6)) {
            let both = || of("aabaabab", Some("babaabba"));
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            let all = redacted(both(), &pieces);
            prop_assert_eq!(&all, &redacted(both(), &[body.as_bytes()]));
            prop_assert_eq!(all.len(), body.len());
            let text = String::from_utf8(all).unwrap();
            prop_assert!(!text.contains("aabaabab") && !text.contains("babaabba"));
        }
    }
}
