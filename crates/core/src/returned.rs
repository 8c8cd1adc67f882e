use crate::{BoxError, NotAdmitted};
use parking_lot::Mutex;
use std::{error::Error, fmt};

/// A request that a deployment did not admit, on its way back to whoever sent it: as an error, whose cause is
/// [`NotAdmitted`].
///
/// A layer that admits has the request in its hands when it says no. Handing it back lets the balance choose
/// another deployment at once, without a copy having been made beforehand. A layer in between that changes
/// the type of the request makes it unknown to whoever looks for it, who then goes by its cause.
///
/// ```
/// use headworks_core::{BoxError, NotAdmitted, Reason, Returned};
///
/// let full = NotAdmitted::new(Reason::Full);
/// let error: BoxError = Returned::new("the request", full).into();
/// assert_eq!(NotAdmitted::find(&*error), Some(&full));
/// assert_eq!(Returned::take(error).unwrap(), ("the request", full));
/// ```
pub struct Returned<R> {
    /// An error is shared between threads, which a request need not be.
    request: Mutex<R>,
    why: NotAdmitted,
}

// ===== impl Returned =====

impl<R> Returned<R> {
    /// Hands `request` back.
    pub const fn new(request: R, why: NotAdmitted) -> Self {
        Self {
            request: Mutex::new(request),
            why,
        }
    }
}

impl<R: Send + 'static> Returned<R> {
    /// The request in an error, if it is one of this type that comes back.
    ///
    /// # Errors
    ///
    /// The error itself, if not.
    pub fn take(error: BoxError) -> Result<(R, NotAdmitted), BoxError> {
        let returned = error.downcast::<Self>()?;
        Ok((returned.request.into_inner(), returned.why))
    }
}

impl<R> fmt::Debug for Returned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned")
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Display for Returned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<R> Error for Returned<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outcome, Reason, Verdict};
    use std::cell::Cell;

    #[test]
    fn a_request_of_another_type_stays_an_error_that_is_judged_by_its_cause() {
        let full = NotAdmitted::new(Reason::Full);
        let error: BoxError = Returned::new(Cell::new(1), full).into();
        assert_eq!(error.to_string(), full.to_string());
        let error = Returned::<u8>::take(error).unwrap_err();
        assert_eq!(Verdict::of_error(&*error).outcome, Outcome::Capacity);
    }
}
