use std::{error::Error, fmt};

/// The request does not say which group it is for: it has no [`Group`](headworks_core::Group) among its
/// extensions. A mistake in how the stack is put together, not of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingGroup;

impl fmt::Display for MissingGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request names no group; a layer in front must put one into its extensions")
    }
}

impl Error for MissingGroup {}
