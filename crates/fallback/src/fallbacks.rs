use crate::{FallbacksBuilder, List, OwnFallbacks, Plan, builder, own::OwnHops};
use headworks_core::Group;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

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

    /// What may become of a request for `group`, in the worst case, as long as it brings no fallbacks of its
    /// own.
    #[must_use]
    pub fn plan(&self, group: &Group) -> Plan {
        self.plan_with(group, &OwnFallbacks::<()>::default())
    }

    /// The same for a request that brings `own`.
    #[must_use]
    pub fn plan_with<B>(&self, group: &Group, own: &OwnFallbacks<B>) -> Plan {
        let max = self.max_with(own.most());
        if max == 0 {
            return Plan::new(Vec::new(), 0);
        }
        let mut reached = HashSet::from([group]);
        let mut groups = vec![group];
        let mut at = 0;
        while let Some(from) = groups.get(at).copied() {
            for list in List::ALL {
                let targets = self.targets(list, own.hops(), from, at == 0);
                groups.extend(targets.filter(|target| reached.insert(target)));
            }
            at += 1;
        }
        let others = groups.drain(1..).cloned();
        Plan::new(others.collect(), max)
    }

    /// Where a failure in `from` may lead by one list, that of the request before the configured one. What the
    /// request says is for all groups, and told for the first of them.
    fn targets<'a, B>(
        &'a self,
        list: List,
        own: &'a OwnHops<B>,
        from: &Group,
        is_first: bool,
    ) -> impl Iterator<Item = &'a Group> {
        let own = own.of(list);
        let configured = match own {
            Some(_) => &[],
            None => self.of(list, from, is_first),
        };
        let own = own.filter(|_| is_first).into_iter().flatten();
        own.map(|hop| &hop.group).chain(configured)
    }

    /// The group to ask after those `asked`, the first of which is the one the request was for.
    pub(crate) fn next(&self, list: List, asked: &[Group]) -> Option<&Group> {
        let mut asked_from = asked.iter().enumerate().rev();
        asked_from.find_map(|(at, group)| {
            let mut targets = self.of(list, group, at == 0).iter();
            targets.find(|target| !asked.contains(target))
        })
    }

    /// The most groups after the first, where a request says so itself.
    pub(crate) fn max_with(&self, own: Option<u32>) -> u32 {
        own.unwrap_or(self.0.max)
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
