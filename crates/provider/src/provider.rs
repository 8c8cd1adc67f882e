use crate::table::{NATIVE_ONLY, TABLE};
use crate::target::TargetError;
use headworks_core::{HintReader, Left};
use http::HeaderMap;

/// What is known of a provider beforehand: where it lives, how one signs in, where its key is usually kept.
///
/// A row of a table; [`Target`](crate::Target) turns it, with the settings of one deployment, into URLs and
/// headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    pub(crate) name: &'static str,
    pub(crate) base: Option<&'static str>,
    pub(crate) paths: Paths,
    pub(crate) auth: Auth,
    pub(crate) key_env: &'static [&'static str],
    pub(crate) base_env: &'static [&'static str],
    pub(crate) quotas: Quotas,
    pub(crate) stream_usage: StreamUsage,
}

/// How a provider arranges its endpoints below the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paths {
    /// The base URL ends with the version (`…/v1`); endpoints follow: `{base}/chat/completions`.
    Versioned,
    /// The base URL is the root of the server; the version belongs to the endpoint:
    /// `{base}/v1/chat/completions`. A base that ends with `/v1` all the same is understood.
    Root,
    /// Azure `OpenAI`: `{base}/openai/deployments/{model}/chat/completions?api-version=…`, or
    /// `{base}/openai/v1/chat/completions` in the newer form.
    Azure,
    /// Azure AI Foundry models: `{base}/models/chat/completions` below `services.ai.azure.com`, else as
    /// [`Versioned`](Self::Versioned).
    Foundry,
}

/// How one signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// `api-key: …`
    ApiKey,
    /// `x-api-key: …` for Anthropic's own protocol, `authorization: Bearer …` for its `OpenAI` one.
    Anthropic,
    /// Not at all.
    None,
}

/// What a provider means by those headers about its quotas that do not say it themselves.
///
/// Most do: Anthropic's, Cerebras' and Mistral's have unit or period in their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quotas {
    /// `-requests` are those of a minute, as at `OpenAI`.
    ByMinute,
    /// `-requests` are those of a day.
    RequestsByDay,
    /// Headers without any unit count requests.
    Unlabelled,
}

/// Whether a provider takes `stream_options.include_usage` with a streamed chat completion or completion, and
/// then ends the stream with the tokens used.
///
/// What does not know the member may refuse the request, as Mistral does, so nobody is asked who is not known
/// to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamUsage {
    /// It does, wherever it is.
    OnRequest,
    /// It does at its own address. Elsewhere its prefix stands for any server that is compatible with it.
    AtOwnAddress,
    /// Azure `OpenAI`: from API version 2024-09-01-preview on.
    ByVersion,
    /// It refuses it, tells the usage anyway, or has not said.
    Unknown,
}

// ===== impl Provider =====

impl Provider {
    /// Every provider, by name.
    pub const ALL: &'static [Self] = TABLE;

    /// The provider a prefix names: `groq` in `groq/llama-3.3-70b-versatile`.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let row = TABLE.binary_search_by(|row| row.name.cmp(name)).ok()?;
        TABLE.get(row)
    }

    /// The prefix, also the word for it in metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it lives unless a deployment says otherwise; `None` if every user has an address of their own.
    #[must_use]
    pub const fn default_api_base(&self) -> Option<&'static str> {
        self.base
    }

    /// How its endpoints follow from the base URL.
    #[must_use]
    pub const fn paths(&self) -> Paths {
        self.paths
    }

    /// How one signs in.
    #[must_use]
    pub const fn auth(&self) -> Auth {
        self.auth
    }

    /// The environment variables `LiteLLM` reads the key from when a deployment has none, first choice first.
    #[must_use]
    pub const fn key_env(&self) -> &'static [&'static str] {
        self.key_env
    }

    /// The environment variables `LiteLLM` reads the base URL from when a deployment has none, first choice
    /// first.
    #[must_use]
    pub const fn api_base_env(&self) -> &'static [&'static str] {
        self.base_env
    }

    /// What is to be known about the headers it tells of its quotas by.
    #[must_use]
    pub const fn quotas(&self) -> Quotas {
        self.quotas
    }

    /// Whether streams may be asked for their usage.
    /// [`Target::reports_stream_usage`](crate::Target::reports_stream_usage) goes by the address too.
    #[must_use]
    pub const fn stream_usage(&self) -> StreamUsage {
        self.stream_usage
    }

    /// Reads its hints: when to come back, and what is left.
    #[must_use]
    pub const fn hints(&self) -> HintReader {
        match self.quotas {
            Quotas::ByMinute => HintReader::new(),
            Quotas::RequestsByDay => HintReader::new().requests_per_day(),
            Quotas::Unlabelled => HintReader::new().unlabelled_requests(),
        }
    }

    /// What it says with an answer is left of each of its quotas; see [`HintReader::left`].
    pub fn left<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = Left> + use<'h> {
        self.hints().left(headers)
    }

    /// True for the one inside this process, [`simulated`](crate::simulated).
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.name == SIMULATED
    }

    /// The provider of `model` and the name it knows the model by.
    ///
    /// `forced` is `LiteLLM`'s `custom_llm_provider`: it names the provider, and only its own prefix is taken
    /// off the model. Otherwise the prefix names it; a bare name that is plainly `OpenAI`'s or Anthropic's is
    /// theirs, and any other bare name belongs to an OpenAI-compatible server if there is an address for one.
    pub(crate) fn of_model<'m>(
        model: &'m str,
        forced: Option<&str>,
        has_api_base: bool,
    ) -> Result<(&'static Self, &'m str), TargetError> {
        let split = model.split_once('/');
        let (provider, name) = match (forced, split) {
            (Some(forced), Some((prefix, rest))) if prefix == forced => (lookup(forced)?, rest),
            (Some(forced), _) => (lookup(forced)?, model),
            (None, Some((prefix, rest))) => (lookup(prefix)?, rest),
            (None, None) => match family(model).and_then(Self::find) {
                Some(provider) => (provider, model),
                None if has_api_base => (lookup(OPENAI)?, model),
                None => return Err(TargetError::NoProvider(model.into())),
            },
        };
        if name.is_empty() {
            return Err(TargetError::NoModel);
        }
        Ok((provider, name))
    }
}

const OPENAI: &str = "openai";
const SIMULATED: &str = "simulated";

fn lookup(name: &str) -> Result<&'static Provider, TargetError> {
    if let Some(provider) = Provider::find(name) {
        return Ok(provider);
    }
    if let Ok(row) = NATIVE_ONLY.binary_search(&name) {
        return Err(TargetError::NativeOnly(NATIVE_ONLY[row]));
    }
    let distance = |row: &&Provider| strsim::damerau_levenshtein(row.name, name);
    let nearest = TABLE.iter().min_by_key(distance);
    Err(TargetError::UnknownProvider {
        found: name.into(),
        nearest: nearest.map_or(OPENAI, |row| row.name),
    })
}

/// Whose model a bare name plainly is.
///
/// `LiteLLM` keeps a list of every model name for this; the beginnings of the names say as much and do not age.
fn family(model: &str) -> Option<&'static str> {
    const FAMILIES: [(&str, &[&str]); 2] = [
        (
            OPENAI,
            &[
                "gpt-",
                "chatgpt-",
                "o1",
                "o3",
                "o4",
                "text-embedding-",
                "text-moderation-",
                "omni-moderation-",
                "dall-e-",
                "whisper-",
                "tts-",
                "codex-",
                "computer-use-",
                "davinci-",
                "babbage-",
                "ft:",
                "*",
            ],
        ),
        ("anthropic", &["claude-"]),
    ];
    let mut families = FAMILIES.into_iter();
    let (provider, _) = families.find(|(_, begins)| begins.iter().any(|b| model.starts_with(b)))?;
    Some(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(model: &str, forced: Option<&str>) -> (&'static str, String) {
        let (provider, model) = Provider::of_model(model, forced, false).unwrap();
        (provider.name(), model.to_owned())
    }

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        assert!(NATIVE_ONLY.is_sorted_by(|a, b| a < b));
        for row in Provider::ALL {
            assert_eq!(Provider::find(row.name), Some(row));
            assert_eq!(
                row.auth == Auth::None,
                row.key_env.is_empty(),
                "{}",
                row.name
            );
            assert!(!NATIVE_ONLY.contains(&row.name), "{}", row.name);
        }
    }

    #[test]
    fn the_prefix_names_the_provider_and_the_rest_the_model() {
        assert_eq!(of("azure/gpt-35", None), ("azure", "gpt-35".into()));
        assert_eq!(
            of("openrouter/anthropic/claude-sonnet-4", None),
            ("openrouter", "anthropic/claude-sonnet-4".into())
        );
    }

    #[test]
    fn a_bare_name_is_its_familys() {
        assert_eq!(of("gpt-4o", None), ("openai", "gpt-4o".into()));
        assert_eq!(of("o3-mini", None), ("openai", "o3-mini".into()));
        assert_eq!(
            of("claude-3-5-haiku-latest", None),
            ("anthropic", "claude-3-5-haiku-latest".into())
        );
        assert!(matches!(
            Provider::of_model("llama3", None, false),
            Err(TargetError::NoProvider(_))
        ));
        assert_eq!(
            Provider::of_model("llama3", None, true).unwrap().0.name(),
            "openai"
        );
    }

    #[test]
    fn a_forced_provider_takes_off_its_own_prefix_only() {
        assert_eq!(
            of("meta-llama/Llama-3", Some("hosted_vllm")),
            ("hosted_vllm", "meta-llama/Llama-3".into())
        );
        assert_eq!(of("azure/x", Some("azure")), ("azure", "x".into()));
    }

    #[test]
    fn an_unknown_prefix_is_told_the_nearest() {
        let error = Provider::of_model("gorq/llama", None, false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown provider \"gorq\"; the nearest known one is \"groq\""
        );
        let error = Provider::of_model("bedrock/titan", None, true).unwrap_err();
        assert!(matches!(error, TargetError::NativeOnly("bedrock")));
    }
}
