use headworks_core::Secret;
use http::{HeaderMap, HeaderName, header};

/// The headers a caller's key may come in, as in LiteLLM: `Authorization: Bearer`, Anthropic's, Azure's.
pub(super) const KEY_HEADERS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
];

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// It showed no key.
    Missing,
    /// It showed a key, but not the one.
    Wrong,
}

/// Checks the caller's key against the master key, in time that does not depend on where they differ.
pub(super) fn check(master: &Secret, headers: &HeaderMap) -> Result<(), KeyError> {
    let mut shown = shown(headers).peekable();
    if shown.peek().is_none() {
        return Err(KeyError::Missing);
    }
    if shown.any(|key| master.matches(key)) {
        Ok(())
    } else {
        Err(KeyError::Wrong)
    }
}

/// The keys a caller shows.
pub(super) fn shown(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = KEY_HEADERS.into_iter().filter_map(|name| headers.get(name));
    values.map(|value| bearer(value.as_bytes()))
}

/// The token of a `Bearer` credential (RFC 6750; the scheme is case-insensitive), or the bare value.
fn bearer(value: &[u8]) -> &[u8] {
    const SCHEME: &[u8] = b"Bearer ";
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token.trim_ascii(),
        _ => value.trim_ascii(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(headers: &[(&'static str, &str)]) -> Result<(), KeyError> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        check(&Secret::from("sk-right"), &headers)
    }

    #[test]
    fn the_key_is_taken_from_each_of_its_headers() {
        assert_eq!(checked(&[("authorization", "Bearer sk-right")]), Ok(()));
        assert_eq!(checked(&[("authorization", "bearer  sk-right")]), Ok(()));
        assert_eq!(checked(&[("x-api-key", "sk-right")]), Ok(()));
        assert_eq!(checked(&[("api-key", "sk-right")]), Ok(()));
        // An SDK may insist on a bearer of its own beside the key.
        assert_eq!(
            checked(&[("authorization", "Bearer none"), ("api-key", "sk-right")]),
            Ok(())
        );
    }

    #[test]
    fn no_key_and_a_wrong_key_are_told_apart() {
        assert_eq!(checked(&[]), Err(KeyError::Missing));
        for wrong in [
            "",
            "Bearer ",
            "Bearer sk-righ",
            "Bearer sk-right2",
            "Basic sk-right",
        ] {
            assert_eq!(
                checked(&[("authorization", wrong)]),
                Err(KeyError::Wrong),
                "{wrong}"
            );
        }
    }
}
