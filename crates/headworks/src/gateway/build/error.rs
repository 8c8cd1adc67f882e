use headworks_alias::AliasError;
use headworks_config::Error as ConfigError;
use headworks_fallback::FallbackError;
use std::{error::Error, fmt, io};

/// Why a configuration, though well-formed, makes no gateway.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// Some deployments cannot be reached as they are described; says where in the file, and why.
    Deployments(ConfigError),
    /// The aliases lead nowhere or in a circle.
    Aliases(AliasError),
    /// The fallbacks lead nowhere or in a circle.
    Fallbacks(FallbackError),
    /// The system's certificates cannot be read.
    Roots(io::Error),
    /// The system's settings for DNS cannot be read.
    Resolver(io::Error),
    /// There is nothing that counts tokens.
    Tokenizer(io::Error),
    /// Where Redis is cannot be understood.
    Redis(io::Error),
}

// ===== impl BuildError =====

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployments(error) => error.fmt(f),
            Self::Aliases(error) => error.fmt(f),
            Self::Fallbacks(error) => error.fmt(f),
            Self::Roots(error) => write!(
                f,
                "the system's certificates cannot be used ({error}); install them, or set \
                 `headworks.tls_roots: bundled`"
            ),
            Self::Resolver(error) => write!(
                f,
                "the system's settings for DNS cannot be used ({error}); say where addresses are looked up by \
                 `headworks.dns_servers`"
            ),
            Self::Tokenizer(error) => {
                write!(f, "`headworks.tokenizer` cannot be honoured: {error}")
            }
            Self::Redis(error) => write!(
                f,
                "Redis cannot be where the configuration says it is: {error}"
            ),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Deployments(error) => Some(error),
            Self::Aliases(error) => Some(error),
            Self::Fallbacks(error) => Some(error),
            Self::Roots(error)
            | Self::Resolver(error)
            | Self::Tokenizer(error)
            | Self::Redis(error) => Some(error),
        }
    }
}
