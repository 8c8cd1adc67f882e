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

// ===== impl Tokens =====

impl Tokens {
    /// None at all, as for requests that are only counted.
    pub const NONE: Self = Self::new(0, 0);

    /// Of the prompt and of the answer.
    #[must_use]
    pub const fn new(input: u64, output: u64) -> Self {
        Self { input, output }
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
