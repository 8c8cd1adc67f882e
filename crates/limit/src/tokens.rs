use std::ops::Add;

/// Tokens of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tokens {
    /// Of the prompt, as far as the provider counts them against a limit.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// The most that is counted of anything: more than anybody is sold, and little enough that sums of it are exact in
/// every store, one that counts in floating point among them.
const MOST: u64 = 1 << 40;

// ===== impl Tokens =====

impl Tokens {
    /// None at all, as for requests that are only counted.
    pub const NONE: Self = Self::new(0, 0);

    /// Of the prompt and of the answer. What is beyond 2^40 counts as that: a client may write any number.
    #[must_use]
    pub const fn new(input: u64, output: u64) -> Self {
        Self {
            input: if input < MOST { input } else { MOST },
            output: if output < MOST { output } else { MOST },
        }
    }

    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(
            self.input.saturating_add(other.input),
            self.output.saturating_add(other.output),
        )
    }
}
