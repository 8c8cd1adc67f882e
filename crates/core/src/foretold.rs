use crate::{Judged, Verdict};
use std::sync::{Arc, OnceLock};

/// That an answer has failed, said before its body says so: an extension of the response.
///
/// Where a stream breaks off its reader is told by an event in it, and the error of the body comes after that. A
/// client that leaves when it has read the event never gets so far; but it has not left an answer that was
/// well. Whoever knows of a failure before the body ends with it leaves this in the head, and says it here. A
/// [`GuardedBody`](crate::GuardedBody) that is [made of the response](crate::GuardedBody::of) and dropped then
/// has failed.
#[derive(Clone, Debug, Default)]
pub struct Foretold(Arc<OnceLock<Judged>>);

// ===== impl Foretold =====

impl Foretold {
    /// The body will end with an error of this verdict. The first to be said stands.
    pub fn fails(&self, verdict: Verdict) {
        let _told_already = self.0.set(Judged::new(
            verdict,
            "the answer had failed when it was left",
        ));
    }

    /// The error it will end with, as far as that is known.
    #[must_use]
    pub fn failure(&self) -> Option<&Judged> {
        self.0.get()
    }
}
