use super::plain::{self, Look, MAX_LOOK};
use bytes::{Bytes, BytesMut};
use std::mem;

/// The beginning of a plain answer, held until it can be told from an error.
#[derive(Debug)]
pub(super) struct Beginning {
    /// By its type and its length it may be an error.
    may_be_error: bool,
    /// What has come, while it has come in one piece.
    piece: Bytes,
    /// All of it, once it has come in several.
    joined: BytesMut,
    /// How long it is to be until it is looked at again.
    next_look: usize,
}

// ===== impl Beginning =====

impl Beginning {
    pub(super) fn new(may_be_error: bool) -> Self {
        Self {
            may_be_error,
            piece: Bytes::new(),
            joined: BytesMut::new(),
            next_look: 1,
        }
    }

    /// Puts `data` behind what is held, which is copied only if there is any.
    pub(super) fn push(&mut self, data: Bytes) -> Look {
        if self.is_empty() {
            self.piece = data;
        } else {
            self.joined.extend_from_slice(&mem::take(&mut self.piece));
            self.joined.extend_from_slice(&data);
        }
        let len = self.bytes().len();
        if len < self.next_look {
            return Look::More;
        }
        let look = self.look();
        // A look begins at the beginning. One at every crumb would take the square of the length.
        self.next_look = (len + len / 4 + 1).min(MAX_LOOK);
        look
    }

    /// What all of it shows, or all so far.
    pub(super) fn look(&self) -> Look {
        match self.may_be_error {
            true => plain::look(self.bytes()),
            false => Look::Answer,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    pub(super) fn take(&mut self) -> Bytes {
        match self.joined.is_empty() {
            true => mem::take(&mut self.piece),
            false => mem::take(&mut self.joined).freeze(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self.joined.is_empty() {
            true => &self.piece,
            false => &self.joined,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_not_copied() {
        let mut beginning = Beginning::new(true);
        let piece = Bytes::from_static(br#"{"choices":["#);
        assert_eq!(beginning.push(Bytes::new()), Look::More);
        assert_eq!(beginning.push(piece.clone()), Look::Answer);
        assert_eq!(beginning.take().as_ptr(), piece.as_ptr());
        assert!(beginning.is_empty());
    }

    #[test]
    fn an_answer_in_crumbs_is_looked_at_a_few_times_and_is_whole() {
        let json = format!(r#"{{"id":"{}"#, "x".repeat(MAX_LOOK));
        let mut beginning = Beginning::new(true);
        let mut looks = 0;
        let mut looked = 0;
        for at in 0..MAX_LOOK {
            let before = beginning.next_look;
            let look = beginning.push(Bytes::copy_from_slice(&json.as_bytes()[at..=at]));
            if beginning.next_look != before {
                looks += 1;
                looked += at + 1;
            }
            let is_all = at + 1 == MAX_LOOK;
            assert_eq!(look, if is_all { Look::Answer } else { Look::More }, "{at}");
        }
        assert!(looks < 50 && looked < 6 * MAX_LOOK, "{looks} {looked}");
        assert_eq!(beginning.take(), json[..MAX_LOOK]);
    }

    #[test]
    fn an_error_in_crumbs_is_known_at_its_end() {
        let mut beginning = Beginning::new(true);
        for byte in br#"{"error":{"message":"no"}}"# {
            beginning.push(Bytes::copy_from_slice(&[*byte]));
        }
        assert_eq!(beginning.look(), Look::Error);
    }
}
