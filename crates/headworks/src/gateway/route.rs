//! Which path is what. Endpoints that are answered by a deployment differ by a row of
//! [`Endpoint`]'s table; what the gateway answers itself is listed here.

use super::exchange;
use headworks_openai::Dialect;
use headworks_provider::Endpoint;
use http::Method;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// A deployment answers. The model may stand in the path (`/openai/deployments/{model}/…`).
    Proxy(Endpoint, Option<Cow<'a, str>>),
    /// The gateway answers itself.
    Own(Own<'a>),
    /// The path is known, but not with this method; these are.
    WrongMethod(&'static str),
    /// No such path.
    Unknown,
}

/// What the gateway answers itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Own<'a> {
    /// `GET /v1/models`: every name that can be asked for.
    Models,
    /// `GET /v1/models/{id}`: one of them.
    Model(Cow<'a, str>),
    /// `GET /v1/model/info`: every deployment.
    ModelInfo,
    /// `GET /model/{id}/kubernetes_pods`: the addresses of one deployment.
    Pods(Cow<'a, str>),
    /// `GET /v1/model_group/info`: every group.
    ModelGroupInfo,
    /// `GET /metrics`: Prometheus text.
    Metrics,
    /// `GET /health`: every deployment, checked.
    Health,
    /// `GET /health/liveliness`: the process runs.
    Liveliness,
    /// `GET /health/readiness`: new requests are welcome.
    Readiness,
}

impl Own<'_> {
    /// Liveness, readiness and metrics are asked by orchestrators and scrapers that hold no key.
    pub(super) const fn needs_key(&self) -> bool {
        match self {
            Self::Models
            | Self::Model(_)
            | Self::ModelInfo
            | Self::Pods(_)
            | Self::ModelGroupInfo
            | Self::Health => true,
            Self::Liveliness | Self::Readiness | Self::Metrics => false,
        }
    }
}

impl<'a> Route<'a> {
    /// Finds the route of a request. A slash at the end of its path makes no difference: `LiteLLM` answers it
    /// with a redirection, which costs a turn and which not every client follows with its body.
    pub(super) fn of(method: &Method, path: &'a str) -> Self {
        let path = trimmed(path);
        if let Some((endpoint, model)) = proxied(path) {
            return match *method {
                Method::POST => Self::Proxy(endpoint, model),
                _ => Self::WrongMethod("POST"),
            };
        }
        match own(path) {
            Some(own) if method == Method::GET || method == Method::HEAD => Self::Own(own),
            Some(_) => Self::WrongMethod("GET, HEAD"),
            None => Self::Unknown,
        }
    }
}

/// The path without a slash at its end.
fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// How whoever asks for this path is to be told of an error.
pub(super) fn dialect(path: &str) -> Dialect {
    let endpoint = proxied(trimmed(path)).map(|(endpoint, _)| endpoint);
    endpoint.map_or(Dialect::OpenAi, exchange::dialect)
}

fn proxied(path: &str) -> Option<(Endpoint, Option<Cow<'_, str>>)> {
    if let Some(endpoint) = Endpoint::from_path(path) {
        return Some((endpoint, None));
    }
    let rest = path
        .strip_prefix("/openai/deployments/")
        .or_else(|| path.strip_prefix("/engines/"))
        .or_else(|| path.strip_prefix("/v1/engines/"))?;
    // A model's name may hold slashes; the endpoint is the longest there is at the end.
    let (at, endpoint) = rest
        .match_indices('/')
        .find_map(|(at, _)| Some((at, Endpoint::from_path(&rest[at..])?)))?;
    let model = percent_decode_str(&rest[..at]).decode_utf8().ok()?;
    (!model.is_empty()).then_some((endpoint, Some(model)))
}

fn own(path: &str) -> Option<Own<'_>> {
    let unversioned = path.strip_prefix("/v1").unwrap_or(path);
    match unversioned {
        "/models" => return Some(Own::Models),
        "/model/info" => return Some(Own::ModelInfo),
        "/model_group/info" => return Some(Own::ModelGroupInfo),
        _ => {}
    }
    if let Some(id) = unversioned.strip_prefix("/models/") {
        let id = percent_decode_str(id).decode_utf8().ok()?;
        return Some(Own::Model(id));
    }
    let pods = unversioned.strip_prefix("/model/");
    if let Some(id) = pods.and_then(|rest| rest.strip_suffix("/kubernetes_pods")) {
        let id = percent_decode_str(id).decode_utf8().ok()?;
        return Some(Own::Pods(id));
    }
    match path {
        // LiteLLM's own spelling, and the usual one.
        "/health/liveliness" | "/health/liveness" => Some(Own::Liveliness),
        "/health/readiness" => Some(Own::Readiness),
        "/health" => Some(Own::Health),
        "/metrics" => Some(Own::Metrics),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_with_and_without_its_version() {
        for endpoint in Endpoint::ALL {
            let path = endpoint.path();
            let bare = path.strip_prefix("/v1").unwrap();
            for path in [path, bare] {
                assert_eq!(Route::of(&Method::POST, path), Route::Proxy(endpoint, None));
                let slashed = format!("{path}/");
                assert_eq!(
                    Route::of(&Method::POST, &slashed),
                    Route::Proxy(endpoint, None)
                );
                assert_eq!(dialect(&slashed), exchange::dialect(endpoint));
                assert_eq!(
                    Route::of(&Method::GET, path),
                    Route::WrongMethod("POST"),
                    "{path}"
                );
            }
            let azure = format!("/openai/deployments/gpt-4o{bare}");
            assert_eq!(
                Route::of(&Method::POST, &azure),
                Route::Proxy(endpoint, Some("gpt-4o".into()))
            );
        }
    }

    #[test]
    fn a_model_in_the_path_may_hold_slashes_and_escapes() {
        for (path, model) in [
            (
                "/openai/deployments/azure/gpt/chat/completions",
                "azure/gpt",
            ),
            ("/engines/a%2Fb%20c/chat/completions", "a/b c"),
        ] {
            assert_eq!(
                Route::of(&Method::POST, path),
                Route::Proxy(Endpoint::ChatCompletions, Some(model.into()))
            );
        }
        assert_eq!(
            Route::of(&Method::POST, "/openai/deployments//chat/completions"),
            Route::Unknown
        );
    }

    #[test]
    fn own_answers_are_found() {
        let own = |path| match Route::of(&Method::GET, path) {
            Route::Own(own) => Some(own),
            _ => None,
        };
        assert_eq!(own("/v1/models"), Some(Own::Models));
        assert_eq!(own("/models"), Some(Own::Models));
        assert_eq!(own("/v1/models/"), Some(Own::Models));
        assert_eq!(own("/health/readiness/"), Some(Own::Readiness));
        assert_eq!(own("/health//"), None);
        assert_eq!(own("/v1/models/a/b"), Some(Own::Model("a/b".into())));
        assert_eq!(own("/model/info"), Some(Own::ModelInfo));
        assert_eq!(own("/v1/model_group/info"), Some(Own::ModelGroupInfo));
        assert_eq!(own("/health/liveness"), Some(Own::Liveliness));
        assert_eq!(own("/health/readiness"), Some(Own::Readiness));
        assert_eq!(own("/metrics"), Some(Own::Metrics));
        assert_eq!(own("/v1/health/readiness"), None);
        assert_eq!(Route::of(&Method::GET, "/"), Route::Unknown);
    }
}
