use crate::Usage;
use headworks_core::{Foretold, Verdict};
use parking_lot::Mutex;
use std::sync::Arc;

/// What [`Commit`](super::Commit) has read in a stream that it follows: an extension of the response, so that
/// whoever counts need not read the stream again, and knows the usage that is not passed on.
///
/// It is ahead of the bytes that it was read in: what they say is here when they come.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    read: Arc<Mutex<Read>>,
    foretold: Foretold,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) usage: Option<Usage>,
    pub(super) pieces: u64,
    pub(super) error: bool,
}

// ===== impl Reading =====

impl Reading {
    /// The tokens used, as far as the stream has told.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.read.lock().usage
    }

    /// How many events have had a piece of the answer.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.read.lock().pieces
    }

    /// True once the provider has said in the stream that it failed, or the client is told so because it was
    /// cut.
    #[must_use]
    pub fn saw_error(&self) -> bool {
        self.read.lock().error
    }

    pub(super) fn note(&self, read: Read) {
        *self.read.lock() = read;
    }

    /// The stream has failed, and will end so.
    pub(super) fn failed(&self, verdict: Verdict) {
        self.read.lock().error = true;
        self.foretold.fails(verdict);
    }

    /// The same for those who do not read it.
    pub(super) const fn foretold(&self) -> &Foretold {
        &self.foretold
    }
}
