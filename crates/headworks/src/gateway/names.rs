use headworks_core::RequestedModel;
use std::collections::BTreeMap;

/// How unlike a name may be and still be meant: Jaro-Winkler similarity, 1 being equal. 0.8 keeps `gpt-4`
/// for `gpt-4o` and drops `claude` for it.
const NEAR: f64 = 0.8;

/// At most this many suggestions.
const MOST: usize = 3;

/// Every name that can be asked for: groups and aliases.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<RequestedModel, Shown>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// In lists and suggestions.
    Yes,
    /// Can be asked for, but is not mentioned.
    Hidden,
}

// ===== impl Names =====

impl Names {
    /// The shared form of a known name.
    pub(super) fn get(&self, name: &str) -> Option<&RequestedModel> {
        self.0.get_key_value(name).map(|(name, _)| name)
    }

    /// The names that may be mentioned, in order.
    pub(super) fn shown(&self) -> impl Iterator<Item = &RequestedModel> {
        let shown = self.0.iter().filter(|(_, shown)| **shown == Shown::Yes);
        shown.map(|(name, _)| name)
    }

    /// The names most like `name`, most like first.
    pub(super) fn near(&self, name: &str) -> Vec<&str> {
        let folded = name.to_lowercase();
        let mut near: Vec<_> = self
            .shown()
            .map(|known| (strsim::jaro_winkler(&folded, &known.to_lowercase()), known))
            .filter(|(likeness, _)| *likeness >= NEAR)
            .collect();
        near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        near.truncate(MOST);
        near.into_iter().map(|(_, known)| known.as_str()).collect()
    }
}

impl FromIterator<(RequestedModel, Shown)> for Names {
    fn from_iter<I: IntoIterator<Item = (RequestedModel, Shown)>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_names_are_known_but_never_mentioned() {
        let names: Names = [
            ("gpt-4o".into(), Shown::Yes),
            ("gpt-4o-secret".into(), Shown::Hidden),
        ]
        .into_iter()
        .collect();
        assert!(names.get("gpt-4o-secret").is_some());
        assert_eq!(names.near("gpt-4o-secre"), ["gpt-4o"]);
        assert_eq!(names.near("GPT-4o"), ["gpt-4o"]);
        assert!(names.near("claude").is_empty());
        assert_eq!(names.shown().count(), 1);
    }
}
