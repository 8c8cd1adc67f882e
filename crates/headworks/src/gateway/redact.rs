//! Keeps a deployment's key out of its errors, those in a stream among them: a provider may repeat in them
//! what it was sent.

use bytes::{Bytes, BytesMut};
use headworks_core::Secret;
use http::HeaderMap;
use memchr::memmem::{self, Finder};
use std::mem;

/// What stands in the place of a key.
const REDACTED: &[u8] = b"[redacted]";

/// Shorter ones are no secrets but words such as `none`, which an error may well hold.
const SHORTEST: usize = 8;

/// Takes a key out of a body that comes in pieces, wherever they are cut.
#[derive(Debug)]
pub(super) struct Redact {
    key: Secret,
    finder: Finder<'static>,
    /// The end of what has come, which may be the beginning of the key.
    held: BytesMut,
}

/// A piece without the key. It holds on to the piece with it, which tells when it is dropped.
struct Clean {
    bytes: Bytes,
    _instead_of: Bytes,
}

// ===== impl Redact =====

impl Redact {
    /// Takes out `key`; `None` if it is no secret.
    pub(super) fn new(key: &Secret) -> Option<Self> {
        (key.expose().len() >= SHORTEST).then(|| Self {
            key: key.clone(),
            finder: Finder::new(key.expose()).into_owned(),
            held: BytesMut::new(),
        })
    }

    /// Removes the headers that repeat the key.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        let key = self.key.expose().as_bytes();
        let telling: Vec<_> = headers
            .iter()
            .filter(|(_, value)| memmem::find(value.as_bytes(), key).is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for name in telling {
            headers.remove(name);
        }
    }

    /// What may go on of the body so far, after another piece of it. A piece without the key goes on as it is.
    pub(super) fn piece(&mut self, data: Bytes) -> Bytes {
        if self.held.is_empty() && self.finder.find(&data).is_none() && self.begun(&data) == 0 {
            return data;
        }
        self.held.extend_from_slice(&data);
        let key = self.key.expose().as_bytes();
        let mut clean = BytesMut::with_capacity(self.held.len());
        while let Some(at) = self.finder.find(&self.held) {
            clean.extend_from_slice(&self.held.split_to(at));
            clean.extend_from_slice(REDACTED);
            let _key = self.held.split_to(key.len());
        }
        let safe = self.held.len() - self.begun(&self.held);
        clean.extend_from_slice(&self.held.split_to(safe));
        // Whoever waits for the piece to be sent waits for this.
        Bytes::from_owner(Clean {
            bytes: clean.freeze(),
            _instead_of: data,
        })
    }

    /// How many of the last bytes may be the beginning of a key that is still to come.
    fn begun(&self, bytes: &[u8]) -> usize {
        let key = self.key.expose().as_bytes();
        // An event ends in a line feed, which is in no key.
        if bytes.last().is_none_or(|last| !key.contains(last)) {
            return 0;
        }
        let longest = (key.len() - 1).min(bytes.len());
        let mut lengths = (1..=longest).rev();
        lengths
            .find(|&len| bytes.ends_with(&key[..len]))
            .unwrap_or(0)
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
    use proptest::prelude::*;

    fn redacted(key: &str, pieces: &[&[u8]]) -> Vec<u8> {
        let mut redact = Redact::new(&Secret::from(key)).unwrap();
        let mut all: Vec<u8> = pieces
            .iter()
            .flat_map(|p| redact.piece(Bytes::copy_from_slice(p)))
            .collect();
        all.extend_from_slice(&redact.rest());
        all
    }

    #[test]
    fn a_key_is_taken_out_wherever_it_is_cut() {
        let body = b"bad key sk-canary-1, again sk-canary-1!";
        for cut in 0..body.len() {
            let (one, other) = body.split_at(cut);
            assert_eq!(
                redacted("sk-canary-1", &[one, other]),
                b"bad key [redacted], again [redacted]!"
            );
        }
    }

    #[test]
    fn a_piece_without_it_is_not_copied_nor_held() {
        let mut redact = Redact::new(&Secret::from("sk-canary-1")).unwrap();
        let event = Bytes::from_static(b"data: {\"choices\":[]}\n\n");
        assert_eq!(redact.piece(event.clone()).as_ptr(), event.as_ptr());
        assert!(redact.rest().is_empty());
    }

    #[test]
    fn a_word_is_no_secret() {
        assert!(Redact::new(&Secret::from("none")).is_none());
    }

    #[test]
    fn headers_that_repeat_it_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", "Bearer sk-canary-1".parse().unwrap());
        headers.insert("x-other", "fine".parse().unwrap());
        Redact::new(&Secret::from("sk-canary-1"))
            .unwrap()
            .headers(&mut headers);
        assert_eq!(headers.len(), 1);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(body in "[ab]{0,60}", cuts in prop::collection::vec(0..60_usize, 0..6)) {
            let key = "aabaabab";
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(redacted(key, &pieces), body.replace(key, "[redacted]").into_bytes());
        }
    }
}
