use crate::{
    FallbackError, Fallbacks, List,
    fallbacks::{Table, Targets},
};
use headworks_core::Group;
use std::collections::{HashMap, HashSet};

/// The name that stands for every group without an entry of its own.
const EVERY_OTHER: &str = "*";

/// `LiteLLM`'s default for `max_fallbacks`.
pub(crate) const MAX_FALLBACKS: u32 = 5;

/// `LiteLLM`'s default for `num_retries`.
pub(crate) const NUM_RETRIES: u32 = 2;

/// Builds [`Fallbacks`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct FallbacksBuilder {
    entries: Vec<Entry>,
    max: u32,
    num_retries: u32,
}

/// What was asked for, in the names it was asked for in.
#[derive(Clone, Debug)]
struct Entry {
    list: List,
    name: String,
    targets: Vec<String>,
}

// ===== impl FallbacksBuilder =====

impl FallbacksBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            max: MAX_FALLBACKS,
            num_retries: NUM_RETRIES,
        }
    }

    /// After a failure of the group `name`, those to ask instead, in this order (`fallbacks`).
    ///
    /// The name `*` is for every group without an entry of its own (`default_fallbacks`), and for requests
    /// whose group nobody knows. Of two entries for one group the first holds. So with the other two lists.
    pub fn general<T: Into<String>>(
        self,
        name: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.entry(List::General, name, targets)
    }

    /// After a prompt that did not fit the models of the group `name`, those to ask instead
    /// (`context_window_fallbacks`).
    pub fn context_window<T: Into<String>>(
        self,
        name: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.entry(List::ContextWindow, name, targets)
    }

    /// After a prompt that the providers of the group `name` turned down, those to ask instead
    /// (`content_policy_fallbacks`).
    pub fn content_policy<T: Into<String>>(
        self,
        name: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.entry(List::ContentPolicy, name, targets)
    }

    /// To how many groups, after its first, one request may go on (`max_fallbacks`). Default: 5, as in
    /// `LiteLLM`, which counts the depth of a chain instead, so that a flat list is tried to its end.
    pub const fn max(mut self, max: u32) -> Self {
        self.max = max;
        self
    }

    /// The further attempts, in all groups together, of a request that brings no ledger of its own. Default:
    /// 2, as `LiteLLM`'s `num_retries`.
    pub const fn num_retries(mut self, number: u32) -> Self {
        self.num_retries = number;
        self
    }

    /// The fallbacks. `resolve` gives the group that a name stands for, after aliases, and `None` for one that
    /// leads nowhere; where every name is a group, pass `|name| Some(name.into())`.
    ///
    /// # Errors
    ///
    /// A [`FallbackError`] if a name leads nowhere, or a list leads from a group back to itself.
    pub fn build(
        self,
        resolve: impl Fn(&str) -> Option<Group>,
    ) -> Result<Fallbacks, FallbackError> {
        let mut tables = [Table::default(), Table::default(), Table::default()];
        for (list, table) in List::ALL.into_iter().zip(&mut tables) {
            let entries = self.entries.iter().filter(|entry| entry.list == list);
            // In the order given, so that of several circles the same one is told each time.
            let mut groups = Vec::new();
            for entry in entries {
                let targets = entry.targets(&resolve)?;
                if entry.name == EVERY_OTHER {
                    table.rest.get_or_insert(targets);
                    continue;
                }
                let group = resolve(&entry.name).ok_or_else(|| FallbackError::NotAGroup {
                    list,
                    name: entry.name.clone(),
                })?;
                table.entries.entry(group).or_insert_with_key(|group| {
                    groups.push(group.clone());
                    targets
                });
            }
            if let Some(chain) = circle(&groups, &table.entries) {
                return Err(FallbackError::Cycle { list, chain });
            }
        }
        Ok(Fallbacks::new(tables, self.max, self.num_retries))
    }

    fn entry<T: Into<String>>(
        mut self,
        list: List,
        name: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.entries.push(Entry {
            list,
            name: name.into(),
            targets: targets.into_iter().map(Into::into).collect(),
        });
        self
    }
}

// ===== impl Entry =====

impl Entry {
    fn targets(&self, resolve: impl Fn(&str) -> Option<Group>) -> Result<Targets, FallbackError> {
        let target = |target: &String| {
            resolve(target).ok_or_else(|| FallbackError::Dangling {
                list: self.list,
                name: self.name.clone(),
                target: target.clone(),
            })
        };
        self.targets.iter().map(target).collect()
    }
}

/// A way from one of `groups` back to it, if there is one.
fn circle(groups: &[Group], entries: &HashMap<Group, Targets>) -> Option<Vec<Group>> {
    // Who leads to nobody within leads out. Once all of those are gone, every group has a step to another.
    let mut within: HashSet<&Group> = groups.iter().collect();
    loop {
        let leads_on = |group: &&Group| step(group, &within, entries).is_some();
        let left: HashSet<_> = within.iter().copied().filter(leads_on).collect();
        let settled = left.len() == within.len();
        within = left;
        if settled {
            break;
        }
    }
    let mut next = groups.iter().find(|group| within.contains(group))?;
    let mut chain: Vec<&Group> = Vec::new();
    let start = loop {
        if let Some(start) = chain.iter().position(|group| *group == next) {
            break start;
        }
        chain.push(next);
        next = step(next, &within, entries)?;
    };
    chain.push(next);
    Some(chain[start..].iter().map(|&group| group.clone()).collect())
}

/// The first of `group`'s targets that is `within`.
fn step<'a>(
    group: &Group,
    within: &HashSet<&Group>,
    entries: &'a HashMap<Group, Targets>,
) -> Option<&'a Group> {
    let mut targets = entries.get(group)?.iter();
    targets.find(|target| within.contains(target))
}
