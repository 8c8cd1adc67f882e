use super::TargetError;
use crate::{Endpoint, Paths, Provider};
use http::{
    Uri,
    uri::{Authority, Parts, PathAndQuery, Scheme},
};
use percent_encoding::percent_decode_str;

/// Where the endpoints of one deployment are.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) usual: Route,
    /// Azure keeps responses, and the list of models, beside the deployments, not below them.
    pub(super) beside: Option<Route>,
}

/// How the URL of an endpoint is made of its path.
#[derive(Debug)]
pub(super) struct Route {
    /// What stands before the endpoint's path.
    pub(super) prefix: String,
    /// Whether the endpoint's own `/v1` follows the prefix.
    pub(super) versioned: bool,
    /// What is sent in the query of every request.
    pub(super) query: Option<String>,
}

/// The parameters of a caller's query that go upstream, as the caller wrote them.
#[derive(Debug)]
pub(super) struct Forwarded<'q>(Vec<&'q str>);

/// The list of models, as `OpenAI` and Anthropic document it.
const MODELS: &str = "/v1/models";

/// What Azure AI Foundry has instead: the one model that is behind the address.
const INFO: &str = "/v1/info";

/// Query parameters of the caller that stay here: Azure's version is the deployment's business, the others
/// carry the caller's key.
const NOT_FORWARDED: [&str; 7] = [
    "api-version",
    "key",
    "api-key",
    "api_key",
    "access_token",
    "subscription-key",
    "token",
];

// ===== impl Route =====

impl Route {
    /// Endpoints without their version follow `prefix`.
    pub(super) const fn below(prefix: String, query: Option<String>) -> Self {
        Self {
            prefix,
            versioned: false,
            query,
        }
    }
}

// ===== impl Routes =====

impl Routes {
    /// The URL of `endpoint` with nothing of the caller's.
    pub(super) fn endpoint(&self, endpoint: Endpoint) -> Result<Uri, TargetError> {
        self.plain(endpoint.path())
    }

    /// The URL of what says which models there are.
    pub(super) fn models(&self, provider: &Provider) -> Result<Uri, TargetError> {
        self.plain(match provider.paths() {
            Paths::Foundry => INFO,
            Paths::Versioned | Paths::Root | Paths::Azure => MODELS,
        })
    }

    fn plain(&self, path: &str) -> Result<Uri, TargetError> {
        self.join(path, None)
            .ok_or(TargetError::ApiBase("it is too long"))
    }

    /// What a caller's query comes to: `None` if nothing of it is forwarded.
    pub(super) fn forwarded<'q>(&self, path: &str, query: &'q str) -> Option<Forwarded<'q>> {
        let ours = self.route(path).query.as_deref();
        let keep = |(name, _): &(&str, &str)| {
            let refused = NOT_FORWARDED.iter().any(|refused| is_named(name, refused));
            let set = ours.is_some_and(|ours| pairs(ours).any(|(set, _)| is_named(name, set)));
            !refused && !set
        };
        let kept: Vec<&str> = pairs(query).filter(keep).map(|(_, pair)| pair).collect();
        (!kept.is_empty()).then_some(Forwarded(kept))
    }

    /// The URL of a path the gateway took in, canonical or not; `None` if it outgrows what a URI may be.
    pub(super) fn join(&self, path: &str, query: Option<&Forwarded<'_>>) -> Option<Uri> {
        let route = self.route(path);
        let mut joined = route.prefix.clone();
        joined.push_str(if route.versioned {
            path
        } else {
            path.strip_prefix("/v1").unwrap_or(path)
        });
        let queries = route.query.as_deref().into_iter();
        let queries = queries.chain(query.iter().flat_map(|query| query.0.iter().copied()));
        for (index, query) in queries.enumerate() {
            joined.push(if index == 0 { '?' } else { '&' });
            joined.push_str(query);
        }
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(joined).ok()?);
        Uri::from_parts(parts).ok()
    }

    fn route(&self, path: &str) -> &Route {
        match &self.beside {
            // `/v1/responses`, and what may stand below it.
            Some(beside) if path == MODELS || path.starts_with(Endpoint::Responses.path()) => {
                beside
            }
            _ => &self.usual,
        }
    }
}

/// The parameters of a query: each name, still encoded, and the whole pair.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| (pair.split_once('=').map_or(pair, |(name, _)| name), pair))
}

/// Compares an encoded name with a plain one, as the upstream would after decoding.
pub(super) fn is_named(encoded: &str, plain: &str) -> bool {
    percent_decode_str(encoded).eq(plain.bytes())
}
