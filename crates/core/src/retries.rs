use std::time::Duration;

/// What this one request is given in retries, where it differs from the policy of whoever retries.
///
/// An extension of the request. `None` leaves the policy's own value in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// How many further attempts may follow the first (`num_retries`). Zero is none at all; another number
    /// stands in for the policy's and leaves its numbers for single outcomes as they are, as in `LiteLLM`.
    pub further: Option<u32>,
    /// The longest single wait, whether a hint asks for it or the backoff; what would wait longer hands on
    /// the answer instead. Zero where somebody further out, a fallback, has better to do than to wait.
    pub longest_wait: Option<Duration>,
}
