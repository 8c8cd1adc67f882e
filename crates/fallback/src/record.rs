use headworks_core::{Group, Outcome};

/// How a request came to an answer that more than one group was asked for.
///
/// An extension of the response. There is none on an answer of the first group that nobody else was asked
/// after, and none on an error, where the ledger says how many were asked
/// ([`Attempts::fallbacks`](headworks_core::Attempts::fallbacks)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FellBack {
    /// The group that was asked first.
    pub from: Group,
    /// The group that gave this answer. The same as `from` if all failed, and this is how the first one did.
    pub to: Group,
    /// How many groups were asked after the first.
    pub hops: u32,
    /// Why the first was left.
    pub why: Outcome,
    /// True if nobody knows the group that was asked first: a name that was mistyped, as likely as not.
    pub unknown_group: bool,
}
