/// This request goes to a deployment that rests, because all do and somebody has to be asked.
///
/// An extension of the request, put there by whoever chose the deployment. A layer that lets a deployment rest
/// admits the request all the same, and does not take its failure for another one; a layer that keeps a limit
/// does not mind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastResort;

// ===== impl LastResort =====

impl LastResort {
    /// The mark itself.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}
