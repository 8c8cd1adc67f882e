//! Ids of deployments that were given none.
//!
//! `LiteLLM` hashes the whole entry in the order of the file, the key included: reordering lines or rotating
//! a key changes the id, and whoever knows all but the key can test a guess of it. Here the id follows from
//! what a deployment *is* (group, model, where it lives), whatever the order of keys and entries, so that
//! limits, metrics and pins survive an edited weight.
//!
//! # What an id tells about the key
//!
//! Two deployments may differ in nothing but the key, so it has to count. What counts are [`KEY_BITS`] bits of
//! a salted hash of it, which go into the id in place of the key. An id is public (it stands in response
//! headers, in metrics, in `/model/info`), and whoever holds one and knows the rest of the entry can find
//! these bits, and no more than these: one in 65,536 of all keys has the same. A provider's key has 128 bits
//! of randomness and more, so 112 stay unknown; and of a list of a million guesses some fifteen fit, so that
//! not even a guess is confirmed. No number of rounds would do as well: they slow a guess down, and leave it
//! confirmed. The salt is the rest of the entry: the same key leaves other bits in another deployment's id,
//! so ids do not tell that two deployments share one, unless they share all else.
//!
//! Two keys of otherwise equal entries agree in these bits with a chance of 1 : 65,536. They are then told
//! apart by a suffix, like entries that are equal in all.

use sha2::{Digest, Sha256};

/// Enough to tell apart the handful of keys that share all other settings, too few to confirm a guess.
const KEY_BITS: u32 = 16;

/// Bytes of the hash that are kept: 64 bits, collisions among a million deployments 1 : 37 million.
const LENGTH: usize = 8;

/// What an id is made of.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    public: Vec<(&'static str, String)>,
    secret: Vec<(String, String)>,
}

// ===== impl Identity =====

impl Identity {
    /// Adds what tells this deployment from others and may be known.
    pub(crate) fn public(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.public.push((name, value.to_owned()));
        }
    }

    /// Adds what tells this deployment from others and may be a key.
    pub(crate) fn secret(&mut self, name: &str, value: String) {
        self.secret.push((name.to_owned(), value));
    }

    /// Adds a URL without what may be a password in it; that counts as a secret.
    pub(crate) fn url(&mut self, name: &'static str, url: Option<&str>) {
        let Some(url) = url else { return };
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let path = path.trim_end_matches('/');
        self.public
            .push((name, format!("{scheme}://{host}/{path}")));
        for (part, value) in [("query", query), ("user", user)] {
            if !value.is_empty() {
                self.secret
                    .push((format!("{name} {part}"), value.to_owned()));
            }
        }
    }

    /// The id: 16 hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        let public = hash(
            self.public
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let mut secret: Vec<_> = self.secret.iter().collect();
        secret.sort();
        let salted = std::iter::once(("salt", hex(&public))).chain(
            secret
                .into_iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        let key = hash(salted);
        let bits = u32::from_be_bytes([key[0], key[1], key[2], key[3]]) >> (u32::BITS - KEY_BITS);
        let bits = if self.secret.is_empty() {
            String::new()
        } else {
            bits.to_string()
        };
        let id = hash([("deployment", hex(&public)), ("key", bits)]);
        hex(&id[..LENGTH])
    }
}

/// Hashes names and values so that no two lists of them run together.
fn hash<N: AsRef<str>, V: AsRef<str>>(parts: impl IntoIterator<Item = (N, V)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (name, value) in parts {
        for part in [name.as_ref(), value.as_ref()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn identity(group: &str, key: &str) -> Identity {
        let mut identity = Identity::default();
        identity.public("group", Some(group));
        identity.url("api_base", Some("https://example.com/v1"));
        identity.secret("api_key", key.to_owned());
        identity
    }

    #[test]
    fn an_id_is_the_same_on_every_start() {
        assert_eq!(identity("g", "sk-a").id(), identity("g", "sk-a").id());
        // Pinned: counters and dashboards are kept under it.
        assert_eq!(identity("g", "sk-a").id(), "5e485ae978147870");
    }

    #[test]
    fn group_and_key_tell_deployments_apart() {
        assert_ne!(identity("g", "sk-a").id(), identity("h", "sk-a").id());
        assert_ne!(identity("g", "sk-a").id(), identity("g", "sk-b").id());
    }

    #[test]
    fn a_key_leaves_sixteen_bits_at_most() {
        // 2,000 keys in 65,536 pigeonholes collide some thirty times; a hash of the whole key never would.
        let mut ids = HashMap::<String, usize>::new();
        for key in 0..2_000 {
            *ids.entry(identity("g", &format!("sk-{key}")).id())
                .or_default() += 1;
        }
        let collisions = 2_000 - ids.len();
        assert!((5..100).contains(&collisions), "{collisions}");
    }

    #[test]
    fn a_password_in_a_url_counts_as_a_key_and_a_last_slash_as_nothing() {
        let of = |url| {
            let mut identity = Identity::default();
            identity.url("api_base", Some(url));
            identity
        };
        let plain = of("https://example.com/v1");
        let signed = of("https://me:pass@example.com/v1/?sig=x");
        assert_eq!(plain.public, signed.public);
        assert_eq!(signed.secret.len(), 2);
        assert_ne!(plain.id(), signed.id());
    }
}
