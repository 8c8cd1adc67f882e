use super::CommitPoint;
use bytes::{Bytes, BytesMut};
use std::mem;

/// A plain answer that is held until it is whole.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pieces: Vec<Bytes>,
    len: usize,
}

// ===== impl Whole =====

impl Whole {
    /// How much of one is held at most, as of a stream that is held whole.
    pub(super) const MOST: usize = CommitPoint::Complete.at_most();

    /// Takes the next bytes. Gives all of them back once they are more than are held.
    pub(super) fn push(&mut self, data: Bytes) -> Option<Bytes> {
        self.len += data.len();
        if !data.is_empty() {
            self.pieces.push(data);
        }
        (self.len > Self::MOST).then(|| self.take())
    }

    /// All that has come. One piece is not copied.
    pub(super) fn take(&mut self) -> Bytes {
        let mut pieces = mem::take(&mut self.pieces);
        if pieces.len() <= 1 {
            return pieces.pop().unwrap_or_default();
        }
        let mut all = BytesMut::with_capacity(self.len);
        for piece in pieces {
            all.extend_from_slice(&piece);
        }
        all.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_out_to_be_more_than_is_held_is_given_back() {
        let mut whole = Whole::default();
        let half = Bytes::from(vec![b' '; Whole::MOST / 2]);
        assert_eq!(whole.push(half.clone()), None);
        assert_eq!(whole.push(half), None);
        let all = whole.push(Bytes::from_static(b" ")).unwrap();
        assert_eq!(all.len(), Whole::MOST + 1);
        assert!(whole.take().is_empty());
    }

    #[test]
    fn one_piece_is_not_copied() {
        let mut whole = Whole::default();
        let piece = Bytes::from_static(b"{}");
        for piece in [Bytes::new(), piece.clone()] {
            assert_eq!(whole.push(piece), None);
        }
        assert_eq!(whole.take().as_ptr(), piece.as_ptr());
    }
}
