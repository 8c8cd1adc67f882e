//! Azure's ways of arranging endpoints.
//!
//! Source: learn.microsoft.com, "Azure `OpenAI` in Microsoft Foundry Models REST API reference" and "API version
//! lifecycle"; what is done without an `api_version` is `LiteLLM`'s choice (1.109).

use super::routes::{Route, is_named, pairs};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

/// The query of the base URL and the `api-version` that joins it.
struct Version<'v> {
    base_query: Option<&'v str>,
    set: Option<&'v str>,
}

/// `LiteLLM`'s default for deployments with no `api_version` (`AZURE_DEFAULT_API_VERSION`).
const DEFAULT_VERSION: &str = "2025-02-01-preview";

/// What `LiteLLM` asks for responses with when no version is set (`AZURE_DEFAULT_RESPONSES_API_VERSION`).
const DEFAULT_RESPONSES_VERSION: &str = "preview";

const PARAMETER: &str = "api-version";

/// What may stand in a path segment or a query value as it is (RFC 3986, unreserved).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The two forms of Azure `OpenAI`: the deployment in the path and a dated version, or `/openai/v1`, where
/// the body's `model` names the deployment and no version is needed. The usual route, and that of responses
/// where it differs.
///
/// The base may end at the resource, at `/openai`, at `/openai/v1`, or at a deployment.
pub(super) fn openai(
    path: &str,
    base_query: Option<&str>,
    model: &str,
    api_version: Option<&str>,
) -> (Route, Option<Route>) {
    let version = Version {
        base_query,
        set: api_version,
    };
    let resource = path.find("/openai/").map_or_else(
        || path.strip_suffix("/openai").unwrap_or(path),
        |openai| &path[..openai],
    );
    let v1 = format!("{resource}/openai/v1");
    if path.ends_with("/openai/v1") || version.is_v1() {
        return (Route::below(v1, version.query(None)), None);
    }
    let deployments = format!("{resource}/openai/deployments/");
    let deployment = if path.starts_with(&deployments) {
        path.to_owned()
    } else {
        format!("{deployments}{}", utf8_percent_encode(model, UNRESERVED))
    };
    let usual = Route::below(deployment, version.query(Some(DEFAULT_VERSION)));
    let responses = if version.is_set() {
        Route::below(format!("{resource}/openai"), version.query(None))
    } else {
        Route::below(v1, version.query(Some(DEFAULT_RESPONSES_VERSION)))
    };
    (usual, Some(responses))
}

/// True if what is reached there takes `stream_options`: `/openai/v1`, and of the dated versions those from
/// 2024-09-01-preview on ("API version lifecycle: changes between preview releases").
pub(super) fn reports_stream_usage(
    path: &str,
    base_query: Option<&str>,
    api_version: Option<&str>,
) -> bool {
    let version = Version {
        base_query,
        set: api_version,
    };
    let dated = version.get();
    let dated = dated.as_deref().unwrap_or(DEFAULT_VERSION);
    path.ends_with("/openai/v1")
        || version.is_v1()
        || dated.get(..10).is_some_and(|date| date >= "2024-09-01")
}

/// Azure AI Foundry: a hub keeps its models below `/models`, a serverless endpoint at its root.
pub(super) fn foundry(
    host: &str,
    path: String,
    base_query: Option<&str>,
    api_version: Option<&str>,
) -> Route {
    let version = Version {
        base_query,
        set: api_version,
    };
    let is_hub = path.is_empty() && host.ends_with(".services.ai.azure.com");
    let prefix = if is_hub { "/models".to_owned() } else { path };
    Route::below(prefix, version.query(None))
}

// ===== impl Version =====

impl<'v> Version<'v> {
    /// The version in the base URL, as it is written there.
    fn in_base(&self) -> Option<&'v str> {
        let mut pairs = self.base_query.into_iter().flat_map(pairs);
        let (_, pair) = pairs.find(|(name, _)| is_named(name, PARAMETER))?;
        pair.split_once('=').map(|(_, version)| version)
    }

    /// The version of the settings, else that of the base URL.
    fn get(&self) -> Option<Cow<'v, str>> {
        let encoded = |version: &'v str| utf8_percent_encode(version, UNRESERVED).into();
        self.set
            .map(encoded)
            .or_else(|| self.in_base().map(Cow::Borrowed))
    }

    fn is_set(&self) -> bool {
        self.get().is_some()
    }

    /// True for the words that stand for Azure's newer form (`LiteLLM` takes the same three).
    fn is_v1(&self) -> bool {
        matches!(self.get().as_deref(), Some("v1" | "latest" | "preview"))
    }

    /// The query to send: the base's own, and the version unless `v1` or `latest`, which need none.
    fn query(&self, default: Option<&str>) -> Option<String> {
        let kept = self.base_query.into_iter().flat_map(pairs);
        let kept = kept.filter(|(name, _)| !is_named(name, PARAMETER));
        let mut query: Vec<String> = kept.map(|(_, pair)| pair.to_owned()).collect();
        match self.get().as_deref().or(default) {
            None | Some("v1" | "latest") => {}
            Some(version) => query.push(format!("{PARAMETER}={version}")),
        }
        (!query.is_empty()).then(|| query.join("&"))
    }
}
