//! Every key there is: which are honoured, and what each means. A feature that lands flips its line here.

mod table;

use std::borrow::Cow;

pub use table::KEYS;

/// One setting of `config.yaml`.
///
/// Keys of `model_list` entries go by the section they stand in: `model_list[].model_name`,
/// `litellm_params.model`, `model_info.id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The full name, section first.
    pub path: &'static str,
    /// Whether it has an effect, and if not, what happens instead.
    pub status: Status,
    /// What it is for, in a line.
    pub meaning: &'static str,
    /// Whether its value, or a part of it, may be a key or password: never shown.
    pub secret: bool,
}

/// Whether a [`Key`] has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what it means.
    Honoured,
    /// Known from `LiteLLM`, without effect yet. The text says what that comes to; it may be empty.
    NotYet(&'static str),
}

/// How alike two names must be, from 0 to 1, for one to be offered for the other: three letters
/// in ten may differ, as in `num_retry` for `num_retries`.
const ALIKE: f64 = 0.7;

/// The key of this name in a section; sections end without a dot, the top level is `""`.
pub(crate) fn find(section: &str, name: &str) -> Option<&'static Key> {
    let dot = usize::from(!section.is_empty());
    let length = section.len() + dot + name.len();
    KEYS.iter()
        .find(|key| key.path.len() == length && key.split() == (section, name))
}

/// True if a key of this name is a secret in any section.
pub(crate) fn is_secret(name: &str) -> bool {
    KEYS.iter().any(|key| key.secret && key.split().1 == name)
}

/// True if there is a key of this name in any section.
pub(crate) fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| key.split().1 == name)
}

/// What an unknown key may have been meant to be.
pub(crate) fn suggest(section: &str, name: &str) -> Option<Cow<'static, str>> {
    let elsewhere = KEYS.iter().find(|key| key.split().1 == name);
    let siblings = KEYS
        .iter()
        .map(Key::split)
        .filter(|(of, _)| *of == section)
        .map(|(_, sibling)| sibling);
    match (nearest(name, siblings), elsewhere) {
        (Some(sibling), _) => Some(format!("did you mean `{sibling}`?").into()),
        (None, Some(key)) => Some(match key.split().0 {
            "" => "it belongs at the top level".into(),
            section => format!("it belongs under `{section}`").into(),
        }),
        (None, None) => None,
    }
}

/// The candidate most like `name`, if any is like it at all.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Comparing costs the product of the lengths; no key is this long.
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase().replace(['-', '_', ' '], "");
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let other = candidate.to_lowercase().replace(['-', '_', ' '], "");
            let likeness = strsim::normalized_damerau_levenshtein(&name, &other);
            // In a word of three letters one is a third.
            let slip = || name.len() > 2 && strsim::damerau_levenshtein(&name, &other) <= 1;
            (likeness >= ALIKE || slip()).then_some((likeness, candidate))
        })
        .max_by(|(one, first), (other, second)| one.total_cmp(other).then(second.cmp(first)))
        .map(|(_, candidate)| candidate)
}

// ===== impl Key =====

impl Key {
    /// Section and name.
    fn split(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_stands_twice_and_each_says_what_it_means() {
        let mut seen = HashSet::new();
        for key in KEYS {
            assert!(seen.insert(key.path), "{} twice", key.path);
            assert!(!key.meaning.is_empty(), "{}", key.path);
        }
    }

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        for (section, name, suggestion) in [
            (
                "router_settings",
                "num_retry",
                Some("did you mean `num_retries`?"),
            ),
            (
                "router_settings",
                "routing-strategy",
                Some("did you mean `routing_strategy`?"),
            ),
            (
                "router_settings",
                "health_check_interval",
                Some("it belongs under `general_settings`"),
            ),
            (
                "general_settings",
                "model_list",
                Some("it belongs at the top level"),
            ),
            ("litellm_params", "api_kye", Some("did you mean `api_key`?")),
            ("router_settings", "colour_of_the_moon", None),
        ] {
            assert_eq!(suggest(section, name).as_deref(), suggestion, "{name}");
        }
    }

    #[test]
    fn whatever_is_called_key_or_password_is_secret() {
        for key in KEYS {
            let name = key.split().1;
            if ["api_key", "master_key"].contains(&name)
                || ["password", "_secret", "credentials", "_access_key"]
                    .iter()
                    .any(|word| name.ends_with(word))
            {
                assert!(key.secret, "{}", key.path);
            }
        }
    }
}
