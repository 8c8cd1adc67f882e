use headworks_core::BoxError;
use std::{error::Error, fmt, time::Duration};

/// Why no address is known for a host.
#[derive(Debug)]
#[non_exhaustive]
pub enum LookupError {
    /// The name servers say that there is no such name, or none with an address.
    NoAddress,
    /// No answer within so long.
    Late(Duration),
    /// The lookup failed: the name servers cannot be reached, have failed themselves, or make no sense.
    Failed(BoxError),
}

// ===== impl LookupError =====

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("the name servers know no address for this name"),
            Self::Late(limit) => write!(f, "no name server answered within {limit:?}"),
            Self::Failed(error) => write!(f, "the lookup failed: {error}"),
        }
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAddress | Self::Late(_) => None,
            Self::Failed(error) => Some(&**error),
        }
    }
}
