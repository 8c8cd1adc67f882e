use bytes::Buf;

/// Counts how much there is in an answer, so that a long one is not taken for a slow one: tokens, if
/// somebody knows them, or anything that grows with them.
///
/// Implemented by every `FnMut(&D) -> u64`.
pub trait Units<D> {
    /// How many units there are in this data of an answer of this form.
    fn count(&mut self, data: &D, form: Form) -> u64;
}

/// How an answer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// It is sent while it is made.
    Streamed,
    /// It is sent when it has been made.
    Whole,
}

/// The default [`Units`]: each data frame of a streamed answer is one, as a token of a chat is one event and
/// one frame; of a whole answer each four bytes are one, as a token of English is four letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FramesOrText;

impl<D: Buf> Units<D> for FramesOrText {
    fn count(&mut self, data: &D, form: Form) -> u64 {
        match form {
            Form::Streamed => 1,
            Form::Whole => data.remaining().div_ceil(4) as u64,
        }
    }
}

impl<D, F> Units<D> for F
where
    F: FnMut(&D) -> u64,
{
    fn count(&mut self, data: &D, _: Form) -> u64 {
        self(data)
    }
}
