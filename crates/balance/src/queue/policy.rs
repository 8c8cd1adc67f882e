use std::time::Duration;

/// How long a request may wait for a deployment, and how many may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitPolicy {
    longest: Duration,
    most: usize,
}

// ===== impl WaitPolicy =====

impl WaitPolicy {
    /// Waits at most this long, and never past the request's own deadline or longer than its
    /// [`Retries`](headworks_core::Retries) allow.
    #[must_use]
    pub const fn new(longest: Duration) -> Self {
        Self {
            longest,
            // A waiting request holds its body: of ten kilobytes, a thousand are ten megabytes a group.
            most: 1000,
        }
    }

    /// The most requests of a group that wait at a time; what comes when there are as many is refused at
    /// once. Default: 1,000.
    #[must_use]
    pub const fn at_most(mut self, requests: usize) -> Self {
        self.most = requests;
        self
    }

    pub(crate) const fn longest(&self) -> Duration {
        self.longest
    }

    pub(crate) const fn most(&self) -> usize {
        self.most
    }
}
