use crate::Tokens;
use headworks_core::{Answer, End};
use http::Request;

/// What requests cost: before they are sent, and once it is known.
///
/// The estimate is [reserved](crate::Quota::reserve), so it should rather be too high than too low; what was
/// too much is given back when the [`Tally`] says what it really was.
pub trait Cost<B> {
    /// Follows one answer.
    type Tally: Tally;

    /// The tokens `request` is expected to cost, and who will say what it did.
    fn estimate(&self, request: &Request<B>) -> (Tokens, Self::Tally);
}

/// Finds out what one request has cost.
///
/// The [`total`](Self::total) is asked only of answers that succeed, and of those that the content policy turned
/// down, which it may have done after the tokens; another failure has cost what [`RateLimit`](crate::RateLimit)
/// says.
pub trait Tally {
    /// The head of the answer, or the error in its place. The default ignores it.
    fn head(&mut self, head: Answer<'_>) {
        let _ = head;
    }

    /// Bytes of the answer that pass. The default ignores them.
    fn follow(&mut self, data: &[u8]) {
        let _ = data;
    }

    /// The answer has ended, was cut, or is no longer wanted: what it has cost. `None` if that cannot be
    /// told, so that the estimate stays, or nothing if it was turned down.
    fn total(self, end: End, estimate: Tokens) -> Option<Tokens>;
}

/// Counts requests and nothing else: for what has no tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestsOnly;

// ===== impl RequestsOnly =====

impl<B> Cost<B> for RequestsOnly {
    type Tally = Self;

    fn estimate(&self, _: &Request<B>) -> (Tokens, Self) {
        (Tokens::NONE, Self)
    }
}

impl Tally for RequestsOnly {
    fn total(self, _: End, _: Tokens) -> Option<Tokens> {
        Some(Tokens::NONE)
    }
}
