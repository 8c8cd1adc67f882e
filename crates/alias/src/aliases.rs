use crate::AliasError;
use headworks_core::{Group, RequestedModel};
use std::{collections::HashMap, sync::Arc};

/// The aliases of a configuration, every chain already followed to its group.
///
/// A clone is a reference count. An alias may carry the name of a group and then hides that group, as it
/// does in `LiteLLM`.
#[derive(Clone, Debug, Default)]
pub struct Aliases(Arc<HashMap<Group, Group>>);

// ===== impl Aliases =====

impl Aliases {
    /// Follows every alias in `pairs` (the alias, then what it stands for) until it meets a name that is no
    /// alias. `is_group` says whether that name can be answered; where anything can be, pass `|_| true`.
    ///
    /// # Errors
    ///
    /// An [`AliasError`] that names the chain, if one runs in a circle, ends at a name that is no group, or
    /// is given twice.
    pub fn new<A, T>(
        pairs: impl IntoIterator<Item = (A, T)>,
        is_group: impl Fn(&str) -> bool,
    ) -> Result<Self, AliasError>
    where
        A: Into<Group>,
        T: Into<Group>,
    {
        let mut links = HashMap::new();
        // In the order given, so that of several faults the first is told.
        let mut aliases = Vec::new();
        for (alias, target) in pairs {
            let (alias, target) = (alias.into(), target.into());
            match links.insert(alias.clone(), target.clone()) {
                None => aliases.push(alias),
                Some(earlier) if earlier == target => {}
                Some(earlier) => {
                    return Err(AliasError::Ambiguous {
                        alias,
                        targets: [earlier, target],
                    });
                }
            }
        }
        let resolved = aliases.into_iter().map(|alias| {
            let group = follow(&alias, &links, &is_group)?;
            Ok((alias, group))
        });
        Ok(Self(Arc::new(resolved.collect::<Result<_, _>>()?)))
    }

    /// The group that `alias` stands for; `None` if it is no alias.
    #[must_use]
    pub fn get(&self, alias: &str) -> Option<&Group> {
        self.0.get(alias)
    }

    /// The group that answers `requested`: the one it is an alias of, else the one of that very name.
    /// Either way the name is shared, and nothing is allocated.
    #[must_use]
    pub fn resolve(&self, requested: &RequestedModel) -> Group {
        self.get(requested).map_or_else(
            || Group::from(Arc::<str>::from(requested.clone())),
            Clone::clone,
        )
    }
}

/// The group at the end of the chain that begins at `alias`.
fn follow(
    alias: &Group,
    links: &HashMap<Group, Group>,
    is_group: &impl Fn(&str) -> bool,
) -> Result<Group, AliasError> {
    let mut chain = vec![alias.clone()];
    let mut name = alias;
    while let Some(target) = links.get(name) {
        let seen = chain.contains(target);
        chain.push(target.clone());
        if seen {
            return Err(AliasError::Cycle(chain));
        }
        name = target;
    }
    if is_group(name) {
        Ok(name.clone())
    } else {
        Err(AliasError::Dangling(chain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any(_: &str) -> bool {
        true
    }

    fn names(names: &[&str]) -> Vec<Group> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let aliases = Aliases::new([("a", "b"), ("b", "c"), ("c", "group")], any).unwrap();
        for alias in ["a", "b", "c"] {
            assert_eq!(aliases.resolve(&alias.into()), "group".into());
        }
    }

    #[test]
    fn a_name_that_is_no_alias_is_its_own_group_and_shares_its_string() {
        let requested = RequestedModel::from("gpt-4o");
        let group = Aliases::default().resolve(&requested);
        assert_eq!(group, "gpt-4o".into());
        assert!(std::ptr::eq(group.as_str(), requested.as_str()));
    }

    #[test]
    fn lookups_are_exact() {
        let aliases = Aliases::new([("gpt-4", "gpt-4o")], any).unwrap();
        assert_eq!(aliases.get("GPT-4"), None);
        assert_eq!(aliases.get("gpt-4 "), None);
        assert_eq!(aliases.get("gpt-4"), Some(&"gpt-4o".into()));
    }

    #[test]
    fn a_circle_is_refused_and_told() {
        let error = Aliases::new([("a", "b"), ("b", "c"), ("c", "b")], any).unwrap_err();
        assert_eq!(error, AliasError::Cycle(names(&["a", "b", "c", "b"])));

        let error = Aliases::new([("a", "a")], any).unwrap_err();
        assert_eq!(error, AliasError::Cycle(names(&["a", "a"])));
        assert_eq!(error.to_string(), r#"alias runs in a circle: "a" -> "a""#);
    }

    #[test]
    fn a_chain_that_ends_nowhere_is_refused_and_told() {
        let error = Aliases::new([("a", "gpt-5")], |name| name == "gpt-4o").unwrap_err();
        assert_eq!(error, AliasError::Dangling(names(&["a", "gpt-5"])));
        assert_eq!(
            error.to_string(),
            r#"alias leads to no group: "a" -> "gpt-5""#
        );
    }

    #[test]
    fn an_alias_given_twice_is_refused_unless_both_agree() {
        assert!(Aliases::new([("a", "x"), ("a", "x")], any).is_ok());
        let error = Aliases::new([("a", "x"), ("a", "y")], any).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"alias "a" is given twice: as "x" and as "y""#
        );
    }

    proptest! {
        #[test]
        fn what_is_accepted_leads_to_a_group_and_what_is_refused_does_not(
            pairs in prop::collection::btree_map(0_u8..12, 0_u8..16, 0..12)
        ) {
            let is_group = |name: &str| name.parse::<u8>().is_ok_and(|n| n >= 8);
            let end = |alias: u8| {
                let mut name = alias;
                for _ in 0..=pairs.len() {
                    match pairs.get(&name) {
                        Some(&target) => name = target,
                        None => return is_group(&name.to_string()).then_some(name),
                    }
                }
                None
            };
            let text = pairs.iter().map(|(a, t)| (a.to_string(), t.to_string()));
            match Aliases::new(text, is_group) {
                Ok(aliases) => for &alias in pairs.keys() {
                    let group = aliases.resolve(&alias.to_string().into());
                    prop_assert_eq!(Some(group), end(alias).map(|n| n.to_string().into()));
                },
                Err(_) => prop_assert!(pairs.keys().any(|&alias| end(alias).is_none())),
            }
        }
    }
}
