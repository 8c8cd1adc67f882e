use crate::{FallbacksBuilder, List, Plan, builder};
use headworks_core::Group;
use std::{collections::HashMap, sync::Arc};

/// Which groups to ask when one has failed: a table for each [`List`], built and checked once.
///
/// A clone is a reference count.
///
/// # The way through the lists
///
/// A request that fails in `a` goes to the first of `a`'s fallbacks; where that fails too, to the first of
/// *its* fallbacks, if it has any, and else on along the list it came from. Each group is asked once. So with
/// `a: [b, c]` and `b: [d]` the order is `a`, `b`, `d`, `c`, as in `LiteLLM`. Each failure looks in the list
/// that is for it ([`List::after`]) and in no other: when a prompt turns out to be too long for `b`, it goes
/// to the `context_window` fallbacks of `b`, then of `a`, and never to `c` or `d`.
///
/// The entry `*` is that of the group the request was for, if that has none of its own.
#[derive(Clone, Debug)]
pub struct Fallbacks(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    /// In the order of [`List::ALL`].
    lists: [Table; 3],
    max: u32,
    num_retries: u32,
}

/// One list.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) entries: HashMap<Group, Targets>,
    /// For the groups without an entry.
    pub(crate) rest: Option<Targets>,
}

pub(crate) type Targets = Box<[Group]>;

// ===== impl Fallbacks =====

impl Default for Fallbacks {
    /// None are configured; a request may still bring its own.
    fn default() -> Self {
        Self::new(
            Default::default(),
            builder::MAX_FALLBACKS,
            builder::NUM_RETRIES,
        )
    }
}

impl Fallbacks {
    /// Begins without any, five groups at most for one request.
    pub const fn builder() -> FallbacksBuilder {
        FallbacksBuilder::new()
    }

    pub(crate) fn new(lists: [Table; 3], max: u32, num_retries: u32) -> Self {
        Self(Arc::new(Tables {
            lists,
            max,
            num_retries,
        }))
    }

    /// What may become of a request for `group`, in the worst case.
    #[must_use]
    pub fn plan(&self, group: &Group) -> Plan {
        let mut groups = vec![group.clone()];
        let mut at = 0;
        while let Some(from) = groups.get(at) {
            let lists = List::ALL.map(|list| self.of(list, from, at == 0));
            at += 1;
            for target in lists.into_iter().flatten() {
                if !groups.contains(target) {
                    groups.push(target.clone());
                }
            }
        }
        groups.remove(0);
        Plan::new(groups, self.max())
    }

    /// The group to ask after those `asked`, the first of which is the one the request was for.
    pub(crate) fn next(&self, list: List, asked: &[Group]) -> Option<&Group> {
        let mut asked_from = asked.iter().enumerate().rev();
        asked_from.find_map(|(at, group)| {
            let mut targets = self.of(list, group, at == 0).iter();
            targets.find(|target| !asked.contains(target))
        })
    }

    pub(crate) fn max(&self) -> u32 {
        self.0.max
    }

    pub(crate) fn num_retries(&self) -> u32 {
        self.0.num_retries
    }

    /// The fallbacks of `group` itself, those for every other among them where it `is_first`.
    fn of(&self, list: List, group: &Group, is_first: bool) -> &[Group] {
        let table = &self.0.lists[list as usize];
        let rest = table.rest.as_ref().filter(|_| is_first);
        let entry = table.entries.get(group).or(rest);
        entry.map_or(&[], |targets| targets)
    }
}

#[cfg(test)]
mod tests;
