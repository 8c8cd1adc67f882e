use headworks_core::{Clock, Elapsed, NotAdmitted, Refusal};
use std::error::Error;

/// True if the deployment was not asked, or not given the time that it would have been.
pub(crate) fn is_nobodys(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(elapsed) = error.downcast_ref::<Elapsed>() {
            return elapsed.is_shortened() || elapsed.clock() == Clock::Total;
        }
        if error.is::<NotAdmitted>() || error.is::<Refusal>() {
            return true;
        }
        cause = error.source();
    }
    false
}
