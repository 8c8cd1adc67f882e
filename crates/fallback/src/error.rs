use crate::List;
use headworks_core::Group;
use std::{error::Error, fmt};

/// Why a set of fallbacks was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackError {
    /// A list leads from a group back to itself; told as it was followed, the first group once more at the
    /// end.
    Cycle {
        /// The list.
        list: List,
        /// The way round.
        chain: Vec<Group>,
    },
    /// An entry is for a name that is no group.
    NotAGroup {
        /// The list.
        list: List,
        /// The name.
        name: String,
    },
    /// An entry leads to a name that is no group.
    Dangling {
        /// The list.
        list: List,
        /// The group the entry is for, as it was given.
        name: String,
        /// The name it leads to.
        target: String,
    },
}

// ===== impl FallbackError =====

impl fmt::Display for FallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle { list, chain } => {
                write!(f, "{list} run in a circle: ")?;
                for (i, group) in chain.iter().enumerate() {
                    let arrow = if i == 0 { "" } else { " -> " };
                    write!(f, "{arrow}{group:?}")?;
                }
                Ok(())
            }
            Self::NotAGroup { list, name } => {
                write!(f, "{list} are given for {name:?}, which is no group")
            }
            Self::Dangling { list, name, target } => {
                write!(
                    f,
                    "{list} of {name:?} lead to {target:?}, which is no group"
                )
            }
        }
    }
}

impl Error for FallbackError {}
