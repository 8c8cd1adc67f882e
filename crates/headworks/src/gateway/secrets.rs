//! What a deployment is sent that must not come back.

mod escaped;

use headworks_core::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem::Finder;
use std::{cmp::Reverse, fmt, ops::Range, sync::Arc};

/// Shorter ones are no secrets but words such as `none`, which an error may well hold.
const SHORTEST: usize = 8;

/// What is shorter, or has no letter or no digit, an answer may well speak of: servers that need no key are given
/// `not-needed`, or an example (`token-abc123`), or a number, and a number of JSON is none any more with asterisks in
/// it. The shortest that a provider hands out has 20 characters, letters and digits.
const SHORTEST_IN_ANSWERS: usize = 16;

/// What the last word of a header's name says where its value is a secret.
const NAMES: [&str; 19] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authentication",
    "authorization",
    "authtoken",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "passphrase",
    "password",
    "secret",
    "secretkey",
    "token",
];

/// The key of a deployment, and the values of those of its own headers that are secrets by their name. A clone is
/// a reference count.
///
/// Not the values of the others: `x-team: gpt-4o` would take the model's name out of its errors.
#[derive(Clone)]
pub(super) struct Secrets(Arc<Finders>);

/// Those that are looked for in errors, and in answers. None holds another of the same.
struct Finders {
    errors: Vec<Finder<'static>>,
    answers: Vec<Finder<'static>>,
}

/// Which of them are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// An error, in which anything may be repeated.
    Error,
    /// An answer, which may speak of anything: not those that are [short, words or numbers](SHORTEST_IN_ANSWERS).
    Answer,
}

// ===== impl Secrets =====

impl Secrets {
    pub(super) fn new(key: Option<&Secret>, headers: &HeaderMap) -> Self {
        let named = headers.iter().filter(|(name, _)| is_secret(name));
        let values = named.filter_map(|(_, value)| credentials(value));
        let all = key.map(Secret::expose).into_iter().chain(values);
        let all: Vec<&str> = all.filter(|one| one.len() >= SHORTEST).collect();
        let of_answers = all.iter().copied().filter(|one| is_sought_in_answers(one));
        Self(Arc::new(Finders {
            answers: least(of_answers.collect()),
            errors: least(all),
        }))
    }

    /// True if there are none to be looked for.
    pub(super) fn is_empty(&self, within: Within) -> bool {
        self.all(within).is_empty()
    }

    /// Where the first of them stands, as it was sent or as JSON may have written it.
    pub(super) fn find(&self, within: Within, bytes: &[u8]) -> Option<Range<usize>> {
        let all = self.all(within).iter();
        let plain = all.clone().filter_map(|finder| {
            let at = finder.find(bytes)?;
            Some(at..at + finder.needle().len())
        });
        // Most texts have no escapes, and none is looked for in them.
        let escaped = escaped::is_any(bytes).then_some(all);
        let escaped = escaped.into_iter().flatten();
        let escaped = escaped.filter_map(|finder| escaped::find(finder.needle(), bytes));
        let found = plain.chain(escaped);
        found.min_by_key(|range| (range.start, Reverse(range.end)))
    }

    /// How many of the last bytes may be the beginning of one that is still to come.
    pub(super) fn begun(&self, within: Within, bytes: &[u8]) -> usize {
        // An event ends in a line feed, which is in no secret and in no writing of one.
        if bytes.last().is_none_or(|last| *last == b'\n') {
            return 0;
        }
        let all = self.all(within).iter();
        let begun = all.map(|finder| {
            let secret = finder.needle();
            begun(secret, bytes).max(escaped::begun(secret, bytes))
        });
        begun.max().unwrap_or(0)
    }

    fn all(&self, within: Within) -> &[Finder<'static>] {
        match within {
            Within::Error => &self.0.errors,
            Within::Answer => &self.0.answers,
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [redacted]", self.0.errors.len())
    }
}

/// What holds another is none any more without it. So none is within another, and of two that lie over each other in
/// a text the one that begins first ends first.
fn least(mut all: Vec<&str>) -> Vec<Finder<'static>> {
    all.sort_unstable_by_key(|one| one.len());
    let mut least: Vec<&str> = Vec::new();
    for one in all {
        if !least.iter().any(|other| one.contains(other)) {
            least.push(one);
        }
    }
    let finders = least.into_iter().map(|one| Finder::new(one).into_owned());
    finders.collect()
}

fn begun(secret: &[u8], bytes: &[u8]) -> usize {
    if bytes.last().is_none_or(|last| !secret.contains(last)) {
        return 0;
    }
    let longest = (secret.len() - 1).min(bytes.len());
    let mut lengths = (1..=longest).rev();
    lengths
        .find(|&len| bytes.ends_with(&secret[..len]))
        .unwrap_or(0)
}

fn is_sought_in_answers(secret: &str) -> bool {
    let has = |is: fn(&u8) -> bool| secret.as_bytes().iter().any(is);
    secret.len() >= SHORTEST_IN_ANSWERS && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// True of `authorization`, `api-key`, `x-goog-api-key`, `helicone-auth`, `x-amz-security-token` and the like; not
/// of `x-api-key-version` or `x-token-limit`, whose last word is another.
fn is_secret(name: &HeaderName) -> bool {
    let last = name.as_str().rsplit(['-', '_']).next();
    last.is_some_and(|word| NAMES.contains(&word))
}

/// The credentials without their scheme (RFC 9110, 11.4): `Bearer …`, `Basic …`.
fn credentials(value: &HeaderValue) -> Option<&str> {
    let value = value.to_str().ok()?.trim();
    Some(match value.split_once(' ') {
        Some((_, credentials)) if !credentials.contains(' ') => credentials,
        _ => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(key: Option<&str>, headers: &[(&'static str, &'static str)]) -> Secrets {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Secrets::new(key.map(Secret::from).as_ref(), &headers.collect())
    }

    fn found(secrets: &Secrets, within: Within, text: &str) -> Vec<String> {
        let (mut at, mut found) = (0, Vec::new());
        while let Some(range) = secrets.find(within, &text.as_bytes()[at..]) {
            found.push(text[at..][range.clone()].to_owned());
            at += range.end;
        }
        found
    }

    #[test]
    fn a_header_is_a_secret_by_its_name() {
        for (name, secret) in [
            ("authorization", true),
            ("api-key", true),
            ("x-apikey", true),
            ("x-goog-api-key", true),
            ("helicone-auth", true),
            ("cf-aig-authorization", true),
            ("x-amz-security-token", true),
            ("x_client_secret", true),
            ("x-access-token", true),
            ("x-api-key-version", false),
            ("x-auth-mode", false),
            ("x-token-limit", false),
            ("x-monkey", false),
            ("x-team", false),
            ("x-author", false),
            ("http-referer", false),
            ("anthropic-beta", false),
            ("x-max-tokens", false),
        ] {
            assert_eq!(is_secret(&HeaderName::from_static(name)), secret, "{name}");
        }
        let headers = [
            ("x-team", "gpt-4o-mini-team"),
            ("x-own-key", "canary-header-2"),
        ];
        let all = secrets(Some("sk-canary-1"), &headers);
        let text = "gpt-4o-mini-team, canary-header-2, sk-canary-1";
        let wanted = ["canary-header-2", "sk-canary-1"];
        assert_eq!(found(&all, Within::Error, text), wanted);
    }

    #[test]
    fn credentials_are_without_their_scheme() {
        for (value, wanted) in [
            ("Bearer sk-canary-1", "sk-canary-1"),
            ("Basic Y2FuYXJ5Og==", "Y2FuYXJ5Og=="),
            ("canary-as-it-is", "canary-as-it-is"),
            ("three words canary", "three words canary"),
        ] {
            let value = HeaderValue::from_static(value);
            assert_eq!(credentials(&value), Some(wanted));
        }
    }

    #[test]
    fn what_an_answer_may_speak_of_is_left_in_it_and_what_is_short_in_errors_too() {
        for (key, in_answers) in [
            ("not-needed", false),
            ("token-abc123", false),
            ("sk-12345678", false),
            ("1234567890123456", false),
            ("only-letters-of-a-key", false),
            ("sk-canary-key-15", true),
        ] {
            let secrets = secrets(Some(key), &[]);
            let text = format!("{{\"n\": {key}}}");
            assert_eq!(found(&secrets, Within::Error, &text), [key]);
            let of_answer = found(&secrets, Within::Answer, &text);
            assert_eq!(of_answer, in_answers.then_some(key).as_slice());
            assert_eq!(secrets.is_empty(Within::Answer), !in_answers);
        }
        assert!(secrets(Some("none"), &[("x-key", "short")]).is_empty(Within::Error));
    }

    #[test]
    fn one_that_holds_a_short_one_is_looked_for_in_answers() {
        let short = [("x-key", "canary-15")];
        let both = secrets(Some("sk-canary-15-and-more"), &short);
        let text = "sk-canary-15-and-more";
        assert_eq!(found(&both, Within::Error, text), ["canary-15"]);
        assert_eq!(found(&both, Within::Answer, text), [text]);
    }

    #[test]
    fn of_one_within_another_the_shorter_is_enough() {
        let both = secrets(
            Some("canary-15"),
            &[("authorization", "Bearer sk-canary-15")],
        );
        assert_eq!(found(&both, Within::Error, "sk-canary-15"), ["canary-15"]);
    }

    #[test]
    fn none_is_printed() {
        let text = format!("{:?}", secrets(Some("sk-canary-1"), &[]));
        assert_eq!(text, "1 [redacted]");
    }
}
