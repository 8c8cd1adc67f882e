use headworks_openai::Usage;
use parking_lot::Mutex;

/// What a meter has read in one answer, for others who want to know and need not read it again: an extension
/// of the response, in an [`Arc`](std::sync::Arc).
///
/// Complete once the body has ended, which the meter is told before those further out.
#[derive(Debug, Default)]
pub struct Seen(Mutex<(Option<Usage>, u64)>);

// ===== impl Seen =====

impl Seen {
    /// The usage the answer has reported, if it has.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.0.lock().0
    }

    /// How many events of a stream had a piece of the answer.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.0.lock().1
    }

    pub(super) fn set(&self, usage: Option<Usage>, pieces: u64) {
        *self.0.lock() = (usage, pieces);
    }
}
