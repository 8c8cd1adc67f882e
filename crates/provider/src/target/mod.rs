//! Where one deployment lives and how to sign in to it.

mod azure;
mod base;
mod builder;
mod error;
mod routes;

#[cfg(test)]
mod tests;

pub use builder::TargetBuilder;
pub use error::TargetError;

use crate::{
    Auth, Endpoint, Provider,
    service::{ANTHROPIC_VERSION, DEFAULT_ANTHROPIC_VERSION, IDENTITY},
};
use http::{HeaderName, HeaderValue, Request, Uri, header};
use routes::Routes;
use std::{fmt, sync::Arc};

/// Where one deployment lives and how to sign in to it, worked out once.
///
/// A clone is one reference count. `Debug` shows the provider, the model and the base URL; keys and the
/// values of headers never.
///
/// ```
/// use headworks_core::Secret;
/// use headworks_provider::{Endpoint, Target};
///
/// let target = Target::builder("azure/gpt-35")
///     .api_base("https://paris.openai.azure.com/")
///     .api_key(Secret::from("…"))
///     .api_version("2024-10-21")
///     .build()?;
///
/// assert_eq!(target.model(), "gpt-35");
/// assert_eq!(
///     target.uri(Endpoint::ChatCompletions).to_string(),
///     "https://paris.openai.azure.com/openai/deployments/gpt-35/chat/completions?api-version=2024-10-21",
/// );
/// # Ok::<(), headworks_provider::TargetError>(())
/// ```
///
/// # The base URL
///
/// `api_base` is taken as it is, as `LiteLLM` takes it: endpoints are appended, `/v1` is not. A vLLM server is
/// `http://host:8000/v1`; with `http://host:8000` requests go to `http://host:8000/chat/completions`. Ollama
/// and Anthropic are addressed by their root, with or without `/v1` at its end. A URL that was copied with
/// its endpoint (`…/v1/chat/completions`) is understood, and a query in it is sent with every request.
#[derive(Clone)]
pub struct Target(Arc<Inner>);

struct Inner {
    provider: &'static Provider,
    model: Box<str>,
    api_base: Box<str>,
    routes: Routes,
    uris: [Uri; Endpoint::ALL.len()],
    /// What [`Target::models_request`] asks for.
    models: Uri,
    credential: Option<Header>,
    /// What signs in where Anthropic's protocol is spoken.
    native: Option<Header>,
    headers: Box<[Header]>,
    reports_stream_usage: bool,
}

pub(crate) type Header = (HeaderName, HeaderValue);

// ===== impl Target =====

impl Target {
    /// Begins with `LiteLLM`'s `model`: a provider's prefix and the name the provider knows the model by.
    pub fn builder(model: impl Into<String>) -> TargetBuilder {
        TargetBuilder::new(model.into())
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &'static Provider {
        self.0.provider
    }

    /// The name the provider knows the model by.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// The base URL as it was written, without its query: what `LiteLLM` tells clients in
    /// `x-litellm-model-api-base`.
    #[must_use]
    pub fn api_base(&self) -> &str {
        &self.0.api_base
    }

    /// The URL of an endpoint. Whether the provider serves it is for the provider to say.
    #[must_use]
    pub fn uri(&self, endpoint: Endpoint) -> &Uri {
        &self.0.uris[endpoint.index()]
    }

    /// True if a stream from `endpoint` may be asked for the tokens it has used, by
    /// `stream_options.include_usage`: of a provider that is known to take it there
    /// ([`StreamUsage`](crate::StreamUsage)), chat completions and completions.
    #[must_use]
    pub fn reports_stream_usage(&self, endpoint: Endpoint) -> bool {
        self.0.reports_stream_usage
            && matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Completions)
    }

    /// A request that costs no tokens and needs the deployment's credentials: which models there are, or at
    /// Azure AI Foundry, which lists none, which model it is.
    ///
    /// It is signed in already, for a client as it is. A server that has no such list answers 404 or 405,
    /// which shows that it is there.
    ///
    /// Source: `OpenAI`, "List models", Anthropic, "List Models" (`/v1/models` both); Azure `OpenAI`,
    /// "Models - List" (beside the deployments); Azure AI Model Inference, "Get Info" (`/info`).
    ///
    /// ```
    /// use headworks_core::Secret;
    /// use headworks_provider::Target;
    ///
    /// let target = Target::builder("mistral/mistral-small-latest").api_key(Secret::from("…"));
    /// let request = target.build()?.models_request();
    /// assert_eq!(request.uri(), "https://api.mistral.ai/v1/models");
    /// assert!(request.headers()["authorization"].is_sensitive());
    /// # Ok::<(), headworks_provider::TargetError>(())
    /// ```
    #[must_use]
    pub fn models_request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = self.0.models.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        // Anthropic's list belongs to its own protocol.
        let credential = if self.0.provider.auth() == Auth::Anthropic {
            headers.insert(ANTHROPIC_VERSION, DEFAULT_ANTHROPIC_VERSION);
            &self.0.native
        } else {
            &self.0.credential
        };
        for (name, value) in credential.iter().chain(&*self.0.headers) {
            headers.insert(name, value.clone());
        }
        request
    }

    /// The URL for a request that came in for `path`, with what may go upstream of its query.
    ///
    /// Allocates only for a query that goes on or a path that is no [`Endpoint`].
    pub(crate) fn uri_for(&self, path: &str, query: Option<&str>) -> Uri {
        let endpoint = Endpoint::from_path(path);
        let path = endpoint.map_or(path, |endpoint| endpoint.path());
        let query = query.and_then(|query| self.0.routes.forwarded(path, query));
        let joined = match (endpoint, &query) {
            (Some(endpoint), None) => return self.uri(endpoint).clone(),
            (_, query) => self.0.routes.join(path, query.as_ref()),
        };
        // A URI has at most 64 KiB. What came in did; with the base in front it may not any more, and is
        // then sent without its query or to the root, for the provider to turn down.
        joined
            .or_else(|| self.0.routes.join(path, None))
            .or_else(|| self.0.routes.join("/", None))
            .unwrap_or_default()
    }

    /// What signs in at `endpoint`.
    pub(crate) fn credential(&self, endpoint: Option<Endpoint>) -> Option<&Header> {
        if endpoint.is_some_and(Endpoint::is_anthropic) {
            self.0.native.as_ref()
        } else {
            self.0.credential.as_ref()
        }
    }

    /// The headers of every request to this deployment.
    pub(crate) fn headers(&self) -> &[Header] {
        &self.0.headers
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("provider", &self.0.provider.name())
            .field("model", &self.0.model)
            .field("api_base", &self.0.api_base)
            .finish_non_exhaustive()
    }
}
