use std::fmt;
use subtle::ConstantTimeEq;

/// A key or password. It prints as `[redacted]`, cannot be compared with `==`, and is read only by
/// [`expose`](Self::expose), so that every place where it leaves can be found.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in time that depends on the lengths alone.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret.into())
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_print() {
        let secret = Secret::from("sk-canary");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert!(secret.matches(b"sk-canary"));
        assert!(!secret.matches(b"sk-canarz"));
        assert!(!secret.matches(b"sk-"));
    }
}
