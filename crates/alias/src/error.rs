use headworks_core::Group;
use std::{error::Error, fmt};

/// Why a set of aliases was refused.
///
/// A chain is told as it was followed: the alias first, then each name it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasError {
    /// The chain comes back to a name it has passed, the last one told.
    Cycle(Vec<Group>),
    /// The chain ends at a name that is neither an alias nor a group.
    Dangling(Vec<Group>),
    /// The alias is given twice, with different targets.
    Ambiguous {
        /// The alias.
        alias: Group,
        /// The two names it is said to lead to.
        targets: [Group; 2],
    },
}

// ===== impl AliasError =====

impl fmt::Display for AliasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(chain) => write!(f, "alias runs in a circle: {}", Arrows(chain)),
            Self::Dangling(chain) => {
                write!(f, "alias leads to no group: {}", Arrows(chain))
            }
            Self::Ambiguous {
                alias,
                targets: [one, other],
            } => write!(
                f,
                "alias {alias:?} is given twice: as {one:?} and as {other:?}"
            ),
        }
    }
}

impl Error for AliasError {}

struct Arrows<'a>(&'a [Group]);

impl fmt::Display for Arrows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let arrow = if i == 0 { "" } else { " -> " };
            write!(f, "{arrow}{name:?}")?;
        }
        Ok(())
    }
}
