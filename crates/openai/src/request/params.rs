use super::InvalidRequest;
use crate::json::{Cursor, Kind};
use bytes::Bytes;
use std::{fmt, time::Duration};

macro_rules! own_keys {
    ($($(#[$doc:meta])* $key:ident = $name:literal: $form:ident,)*) => {
        /// A parameter of ours in the body of a request. It is taken out of what goes to a provider.
        ///
        /// These are the keys that `LiteLLM` takes from a body for its router; the numbers are the sections
        /// of the notes on its behaviour in which each is described.
        ///
        /// | key | value | section |
        /// |---|---|---|
        /// | `num_retries` | whole number | 1.6, precedence |
        /// | `timeout`, `request_timeout`, `stream_timeout` | seconds; 0 stands for absent | 1.6 |
        /// | `router_settings_override` | any | 1.6 |
        /// | `fallbacks`, `context_window_fallbacks`, `content_policy_fallbacks`, `disable_fallbacks`, `max_fallbacks`, `include_fallback_errors` | any | 1.6, 5 |
        /// | `priority` | any | 1.6, 2.15 |
        /// | `tags`, `metadata.tags` | any; a list | 1.6, 2.9 |
        /// | `enable_tag_filtering` | boolean | 2.9 |
        /// | `litellm_metadata` | any | 2.3 |
        /// | `litellm_session_id` | any | 2.13 |
        /// | `allowed_model_region` | string | 6.6 |
        /// | `keepalive_seconds` | any | 1.6 |
        /// | `fastest_response` | any | 1.3 |
        /// | `api_key`, `api_base` | any | 1.2, client-side credentials |
        /// | `mock_response` | string | 1.2, 5.4 |
        /// | `mock_testing_fallbacks`, `mock_testing_context_fallbacks`, `mock_testing_content_policy_fallbacks`, `mock_testing_rate_limit_error`, `mock_timeout` | boolean | 5.4 |
        /// | `mock_delay` | seconds | 1.5, 5.4 |
        ///
        /// Some names are a provider's as well as `LiteLLM`'s. `priority` and `tags` are taken, as `LiteLLM`
        /// takes them: vLLM's `priority` cannot be reached through either. `user`, `service_tier` and
        /// `metadata` are left in place, being parameters of `OpenAI`'s; a `tags` in `metadata` that is a
        /// list is taken out of it, because `OpenAI`'s metadata holds strings alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the table above says what each is")]
        pub enum OwnKey {
            $($(#[$doc])* $key,)*
        }

        impl OwnKey {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$key),*];

            /// The key as it is written in a body.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            const fn form(self) -> Form {
                match self {
                    $(Self::$key => Form::$form,)*
                }
            }
        }
    };
}

own_keys! {
    NumRetries = "num_retries": Count,
    Timeout = "timeout": Seconds,
    RequestTimeout = "request_timeout": Seconds,
    StreamTimeout = "stream_timeout": Seconds,
    RouterSettingsOverride = "router_settings_override": Any,
    Fallbacks = "fallbacks": Any,
    ContextWindowFallbacks = "context_window_fallbacks": Any,
    ContentPolicyFallbacks = "content_policy_fallbacks": Any,
    DisableFallbacks = "disable_fallbacks": Any,
    MaxFallbacks = "max_fallbacks": Any,
    IncludeFallbackErrors = "include_fallback_errors": Any,
    Priority = "priority": Any,
    Tags = "tags": Any,
    MetadataTags = "metadata.tags": Any,
    EnableTagFiltering = "enable_tag_filtering": Flag,
    LitellmMetadata = "litellm_metadata": Any,
    LitellmSessionId = "litellm_session_id": Any,
    AllowedModelRegion = "allowed_model_region": Text,
    KeepaliveSeconds = "keepalive_seconds": Any,
    FastestResponse = "fastest_response": Any,
    ApiKey = "api_key": Any,
    ApiBase = "api_base": Any,
    MockResponse = "mock_response": Text,
    MockTestingFallbacks = "mock_testing_fallbacks": Flag,
    MockTestingContextFallbacks = "mock_testing_context_fallbacks": Flag,
    MockTestingContentPolicyFallbacks = "mock_testing_content_policy_fallbacks": Flag,
    MockTestingRateLimitError = "mock_testing_rate_limit_error": Flag,
    MockTimeout = "mock_timeout": Flag,
    MockDelay = "mock_delay": Seconds,
}

/// The [`OwnKey`]s a request came with.
#[derive(Clone, Default)]
pub struct Params(Vec<Param>);

#[derive(Clone)]
struct Param {
    key: OwnKey,
    raw: Bytes,
    value: Value,
}

/// What the value of a key must be.
#[derive(Clone, Copy)]
enum Form {
    Count,
    Seconds,
    Flag,
    Text,
    Any,
}

#[derive(Clone)]
pub(super) enum Value {
    Count(u32),
    Seconds(Duration),
    Flag(bool),
    Text(Box<str>),
    Any,
}

// ===== impl OwnKey =====

impl OwnKey {
    /// True of the keys that make up a failure or a delay. `LiteLLM` refuses them unless
    /// `dangerously_allow_mock_testing_request_params` is set.
    #[must_use]
    pub const fn is_mock_testing(self) -> bool {
        matches!(
            self,
            Self::MockTestingFallbacks
                | Self::MockTestingContextFallbacks
                | Self::MockTestingContentPolicyFallbacks
                | Self::MockTestingRateLimitError
                | Self::MockTimeout
                | Self::MockDelay
        )
    }

    /// The key of a member of the body or a field of a form. `metadata.tags` is none of these: it is the
    /// path to a member of a member, and one of that very name belongs to somebody else.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let mut keys = Self::ALL.iter().filter(|key| **key != Self::MetadataTags);
        keys.find(|key| key.as_str().as_bytes() == name).copied()
    }

    /// Passes the JSON value ahead; `None` if it stands for absent.
    pub(super) fn read(self, cursor: &mut Cursor<'_>) -> Result<Option<Value>, InvalidRequest> {
        let found = cursor.kind()?;
        let at = cursor.at();
        let wanted = match self.form() {
            Form::Count | Form::Seconds => Some(Kind::Number),
            Form::Flag => Some(Kind::Boolean),
            Form::Text => Some(Kind::String),
            Form::Any => None,
        };
        if found == Kind::Null {
            cursor.skip()?;
            return Ok(None);
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            return Err(InvalidRequest::wrong_type(
                self.as_str(),
                wanted.a(),
                found.a(),
                at,
            ));
        }
        match wanted {
            Some(Kind::Number) => self.parse(cursor.number()?, at),
            Some(Kind::Boolean) => Ok(Some(Value::Flag(cursor.boolean()?))),
            Some(Kind::String) => match cursor.string()?.to_text() {
                Some(text) => self.parse(&text, at),
                None => Err(InvalidRequest::wrong_value(
                    self.as_str(),
                    "Unicode text",
                    at,
                )),
            },
            _ => {
                cursor.skip()?;
                Ok(Some(Value::Any))
            }
        }
    }

    /// Reads a value from text: a JSON number, the content of a JSON string, or a field of a form.
    pub(super) fn parse(self, text: &str, at: usize) -> Result<Option<Value>, InvalidRequest> {
        let refused = |wanted| InvalidRequest::wrong_value(self.as_str(), wanted, at);
        Ok(Some(match self.form() {
            Form::Count => {
                let count = text.parse();
                Value::Count(count.map_err(|_| refused("a whole number from 0 to 4294967295"))?)
            }
            Form::Seconds => {
                let seconds = text.parse().ok();
                let duration = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
                match duration.ok_or_else(|| refused("a number of seconds, 0 or more"))? {
                    Duration::ZERO => return Ok(None),
                    duration => Value::Seconds(duration),
                }
            }
            Form::Flag => match text {
                "true" | "True" => Value::Flag(true),
                "false" | "False" => Value::Flag(false),
                _ => return Err(refused("`true` or `false`")),
            },
            Form::Text => Value::Text(text.into()),
            Form::Any => Value::Any,
        }))
    }
}

// ===== impl Params =====

impl Params {
    /// How many further attempts the client allows.
    #[must_use]
    pub fn num_retries(&self) -> Option<u32> {
        match self.value(OwnKey::NumRetries) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// `timeout`, else `request_timeout`.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        let timeout = self.duration(OwnKey::Timeout);
        timeout.or_else(|| self.duration(OwnKey::RequestTimeout))
    }

    /// `stream_timeout`.
    #[must_use]
    pub fn stream_timeout(&self) -> Option<Duration> {
        self.duration(OwnKey::StreamTimeout)
    }

    /// The answer to give without asking anybody, or the name of an error.
    #[must_use]
    pub fn mock_response(&self) -> Option<&str> {
        self.text(OwnKey::MockResponse)
    }

    /// Where a deployment must stand to be given the request.
    #[must_use]
    pub fn allowed_model_region(&self) -> Option<&str> {
        self.text(OwnKey::AllowedModelRegion)
    }

    /// How long to wait before anything is done.
    #[must_use]
    pub fn mock_delay(&self) -> Option<Duration> {
        self.duration(OwnKey::MockDelay)
    }

    /// True if `key` came with a `true`.
    #[must_use]
    pub fn flag(&self, key: OwnKey) -> bool {
        matches!(self.value(key), Some(Value::Flag(true)))
    }

    /// The value of `key` as it was written: JSON, or the text of a field of a form. `null` is absent.
    #[must_use]
    pub fn raw(&self, key: OwnKey) -> Option<&Bytes> {
        self.param(key).map(|param| &param.raw)
    }

    /// The keys that came, in the order of the body.
    pub fn keys(&self) -> impl Iterator<Item = OwnKey> {
        self.0.iter().map(|param| param.key)
    }

    pub(super) fn push(&mut self, key: OwnKey, raw: Bytes, value: Value) {
        self.0.push(Param { key, raw, value });
    }

    fn text(&self, key: OwnKey) -> Option<&str> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn duration(&self, key: OwnKey) -> Option<Duration> {
        match self.value(key) {
            Some(Value::Seconds(duration)) => Some(*duration),
            _ => None,
        }
    }

    fn value(&self, key: OwnKey) -> Option<&Value> {
        self.param(key).map(|param| &param.value)
    }

    fn param(&self, key: OwnKey) -> Option<&Param> {
        self.0.iter().find(|param| param.key == key)
    }
}

/// Shows the keys alone: an `api_key` may be among them.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}
