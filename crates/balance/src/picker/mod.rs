//! Choosing one of the candidates.

mod cheapest;
mod dice;
mod p2c;
mod round_robin;
mod shuffle;
mod smooth;
mod sticky;

pub use cheapest::Cheapest;
pub(crate) use dice::Dice;
pub use p2c::{LeastBusy, LeastLatency, LeastUsed, Metric, P2c};
pub use round_robin::RoundRobin;
pub use shuffle::WeightedShuffle;
pub use smooth::SmoothRoundRobin;
pub use sticky::{Session, Sticky};

use crate::Candidates;
use headworks_core::Why;

/// Chooses one of the candidates for a request.
///
/// Implemented by the strategies of this module and by every
/// `Fn(&Candidates<'_>) -> Option<usize>`, which is how a user brings a rule of their own:
///
/// ```
/// use headworks_balance::{Candidates, Picker};
///
/// // The first that has nothing to do, else the first.
/// let idle_first = |candidates: &Candidates<'_>| {
///     let idle = candidates.iter().find(|(_, member)| member.state().in_flight() == 0);
///     idle.or_else(|| candidates.iter().next()).map(|(place, _)| place)
/// };
/// fn is_a_picker(_: impl Picker) {}
/// is_a_picker(idle_first);
/// ```
///
/// A picker is asked while a request is sent, by many threads at once: it should be quick and hold no lock
/// for long. It may be asked again for the same request when the one it chose was taken at that moment.
pub trait Picker: Send + Sync {
    /// The place of the one that is chosen; `None` if none is wanted, which refuses the request. A place
    /// that is no candidate's is not taken: it is asked again a few times, since that may have changed while it
    /// looked, and then taken for `None`.
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize>;

    /// The words that stand for this rule in the ledger. Default: `picker`.
    fn why(&self) -> Why {
        Why::new("picker")
    }

    /// The words that stand for what it did for this request, where it is not always the same. Default:
    /// [`why`](Self::why).
    fn why_among(&self, _candidates: &Candidates<'_>) -> Why {
        self.why()
    }
}

impl<F> Picker for F
where
    F: Fn(&Candidates<'_>) -> Option<usize> + Send + Sync,
{
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        self(candidates)
    }
}

#[cfg(test)]
pub(crate) mod test_util;
