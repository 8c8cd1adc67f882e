use std::{error::Error, fmt};

/// Why the settings of a deployment do not say where it lives.
///
/// No variant holds a URL, a key or the value of a header: any of them may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// No model is named.
    NoModel,
    /// The model has no provider's prefix, no well-known name, and there is no `api_base`.
    NoProvider(Box<str>),
    /// Nobody knows this provider.
    UnknownProvider {
        /// What was found.
        found: Box<str>,
        /// The known name that is most like it.
        nearest: &'static str,
    },
    /// The provider is known, but offers no API that can be passed through.
    NativeOnly(&'static str),
    /// The provider has no address of its own, and the deployment gives none.
    NoApiBase(&'static str),
    /// The `api_base` is no place to send a request to.
    ApiBase(&'static str),
    /// The key holds a character that no header can.
    ApiKey,
    /// A header cannot be sent.
    Header {
        /// Its name.
        name: Box<str>,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModel => f.write_str("no model is named"),
            Self::NoProvider(model) => write!(
                f,
                "the provider of model {model:?} is not known; write openai/{model} or another provider's \
                 prefix, or give it an api_base"
            ),
            Self::UnknownProvider { found, nearest } => write!(
                f,
                "unknown provider {found:?}; the nearest known one is {nearest:?}"
            ),
            Self::NativeOnly(name) => write!(
                f,
                "provider {name:?} speaks a protocol of its own, which is not supported; an OpenAI-compatible \
                 endpoint of it can be used as openai/… with an api_base"
            ),
            Self::NoApiBase(name) => {
                write!(f, "provider {name:?} has no default address; set api_base")
            }
            Self::ApiBase(problem) => write!(f, "api_base is not usable: {problem}"),
            Self::ApiKey => f.write_str(
                "api_key holds a character that no header can, such as a line break at its end",
            ),
            Self::Header { name, problem } => write!(f, "header {name:?} {problem}"),
        }
    }
}

impl Error for TargetError {}
