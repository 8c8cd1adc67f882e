use super::{Header, Inner, Target, TargetError, base::Base};
use crate::{Auth, Endpoint, Provider, headers};
use headworks_core::Secret;
use http::{HeaderName, HeaderValue, Uri, header};
use std::{fmt, sync::Arc};

/// Collects what a deployment's settings say; [`build`](Self::build) checks it.
///
/// Strings are taken as they stand in a configuration; an empty one counts as not set, as in `LiteLLM`.
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct TargetBuilder {
    model: String,
    provider: Option<String>,
    api_base: Option<String>,
    api_key: Option<Secret>,
    api_version: Option<String>,
    organization: Option<String>,
    headers: Vec<(String, Secret)>,
}

/// `LiteLLM`'s name for the account a request is billed to, and `OpenAI`'s header for it.
const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
pub(super) const API_KEY: HeaderName = HeaderName::from_static("api-key");
pub(super) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

// ===== impl TargetBuilder =====

impl TargetBuilder {
    pub(super) const fn new(model: String) -> Self {
        Self {
            model,
            provider: None,
            api_base: None,
            api_key: None,
            api_version: None,
            organization: None,
            headers: Vec::new(),
        }
    }

    /// Names the provider, whatever the model's prefix (`custom_llm_provider`).
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = set(name.into());
        self
    }

    /// Where the deployment lives; the provider's own address if not set.
    pub fn api_base(mut self, url: impl Into<String>) -> Self {
        self.api_base = set(url.into());
        self
    }

    /// The key to sign in with; none is sent if not set.
    pub fn api_key(mut self, key: Secret) -> Self {
        self.api_key = (!key.expose().is_empty()).then_some(key);
        self
    }

    /// The `api-version` of Azure; `LiteLLM`'s default if not set. `v1`, `latest` and `preview` choose the
    /// newer form, `/openai/v1`.
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = set(version.into());
        self
    }

    /// The account to bill, sent as `openai-organization`.
    pub fn organization(mut self, name: impl Into<String>) -> Self {
        self.organization = set(name.into());
        self
    }

    /// A header of every request to this deployment (`extra_headers`). It wins over the caller's and over
    /// the key's, so that it can carry any other way of signing in.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Checks the settings and works out every URL and header of the deployment.
    ///
    /// # Errors
    ///
    /// [`TargetError`] names the first setting that cannot be used, and what to write instead.
    pub fn build(self) -> Result<Target, TargetError> {
        let forced = self.provider.as_deref();
        let has_base = self.api_base.is_some();
        let (provider, model) = Provider::of_model(&self.model, forced, has_base)?;
        let written = match (&self.api_base, provider.default_api_base()) {
            (Some(base), _) => base.trim(),
            (None, Some(base)) => base,
            (None, None) => return Err(TargetError::NoApiBase(provider.name())),
        };
        let base = Base::parse(written)?;
        let reports_stream_usage = base.reports_stream_usage(provider, self.api_version.as_deref());
        let routes = base.routes(provider, model, self.api_version.as_deref());
        let mut uris = [const { None::<Uri> }; Endpoint::ALL.len()];
        for endpoint in Endpoint::ALL {
            uris[endpoint.index()] = Some(routes.endpoint(endpoint)?);
        }
        let (api_base, _) = written.split_once('?').unwrap_or((written, ""));
        let (credential, native) = credentials(provider, api_base, self.api_key.as_ref())?;
        Ok(Target(Arc::new(Inner {
            provider,
            model: model.into(),
            api_base: api_base.into(),
            uris: uris.map(Option::unwrap_or_default),
            models: routes.models(provider)?,
            routes,
            credential,
            native,
            headers: extra(self.organization, self.headers)?,
            reports_stream_usage,
        })))
    }
}

impl fmt::Debug for TargetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What has not been checked may hold a secret anywhere, the base URL not excepted.
        f.debug_struct("TargetBuilder")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

fn set(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

/// What signs in: for the provider's usual protocol, and for Anthropic's.
fn credentials(
    provider: &Provider,
    api_base: &str,
    key: Option<&Secret>,
) -> Result<(Option<Header>, Option<Header>), TargetError> {
    let Some(key) = key else {
        return Ok((None, None));
    };
    let key = key.expose();
    let bearer = || Ok((header::AUTHORIZATION, sensitive(&format!("Bearer {key}"))?));
    let plain = |name| Ok((name, sensitive(key)?));
    Ok(match provider.auth() {
        Auth::Bearer => (Some(bearer()?), Some(bearer()?)),
        // LiteLLM: serverless endpoints outside these two domains take a bearer token.
        Auth::ApiKey if provider.name() == "azure_ai" && !is_azure_resource(api_base) => {
            (Some(bearer()?), Some(bearer()?))
        }
        Auth::ApiKey => (Some(plain(API_KEY)?), Some(plain(API_KEY)?)),
        Auth::Anthropic => (Some(bearer()?), Some(plain(X_API_KEY)?)),
        Auth::None => (None, None),
    })
}

fn is_azure_resource(api_base: &str) -> bool {
    let host = api_base.parse::<Uri>().ok();
    let host = host.as_ref().and_then(Uri::host).unwrap_or_default();
    host.ends_with(".services.ai.azure.com") || host.ends_with(".openai.azure.com")
}

fn sensitive(value: &str) -> Result<HeaderValue, TargetError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| TargetError::ApiKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The headers of every request, checked: none may say how the message is framed.
fn extra(
    organization: Option<String>,
    headers: Vec<(String, Secret)>,
) -> Result<Box<[Header]>, TargetError> {
    let organization = organization.map(|name| (ORGANIZATION.as_str().to_owned(), name.into()));
    organization
        .into_iter()
        .chain(headers)
        .map(|(name, value)| {
            let refuse = |problem| TargetError::Header {
                name: name.as_str().into(),
                problem,
            };
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| refuse("is not a header's name"))?;
            if headers::is_framing(&parsed) {
                return Err(refuse(
                    "says how the message is framed, which the client decides",
                ));
            }
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| refuse("has a value with a character that no header can hold"))?;
            value.set_sensitive(true);
            Ok((parsed, value))
        })
        .collect()
}
