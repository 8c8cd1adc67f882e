use headworks_core::Group;

/// The worst that may become of a request: [`Fallbacks::plan`](crate::Fallbacks::plan), and
/// [`Fallbacks::plan_with`](crate::Fallbacks::plan_with) for one that brings fallbacks of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    groups: Vec<Group>,
    max: u32,
}

// ===== impl Plan =====

impl Plan {
    pub(crate) const fn new(groups: Vec<Group>, max: u32) -> Self {
        Self { groups, max }
    }

    /// Every other group that may be asked, by whichever list, the nearest first; none where a request may go
    /// on to none. One request comes to no more than [`fallbacks`](Self::fallbacks) of them.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// To how many groups a request may go on after its first.
    #[must_use]
    pub fn fallbacks(&self) -> u32 {
        u32::try_from(self.groups.len()).map_or(self.max, |groups| groups.min(self.max))
    }

    /// The most attempts a request may come to, with as many further attempts in its ledger: the first, those,
    /// and one for each further group.
    #[must_use]
    pub fn longest(&self, num_retries: u32) -> u32 {
        1_u32
            .saturating_add(self.fallbacks())
            .saturating_add(num_retries)
    }
}
