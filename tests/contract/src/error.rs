use headworks_core::{BoxError, Clock, Elapsed};
use std::{error::Error, fmt, io, time::Duration};

/// How the service or the body within a layer fails; what failed it is its source.
#[derive(Debug)]
pub struct Failure(BoxError);

// ===== impl Failure =====

impl Failure {
    /// The connection was reset.
    #[must_use]
    pub fn reset() -> Self {
        Self(io::Error::from(io::ErrorKind::ConnectionReset).into())
    }

    /// A clock further in ran out.
    #[must_use]
    pub fn elapsed() -> Self {
        Self(Elapsed::new(Clock::Connect, Duration::from_secs(1)).into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service within failed")
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// True if `error`, or what caused it, is an `E`.
#[must_use]
pub fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<E>)
}
