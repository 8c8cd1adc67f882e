use super::{
    TargetError, azure,
    routes::{Route, Routes},
};
use crate::{Endpoint, Paths, Provider, StreamUsage};
use http::{
    Uri,
    uri::{Authority, Scheme},
};

/// A base URL in its parts, checked.
#[derive(Clone, Debug)]
pub(super) struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or with a leading slash and no trailing one.
    path: String,
    query: Option<String>,
}

// ===== impl Base =====

impl Base {
    pub(super) fn parse(url: &str) -> Result<Self, TargetError> {
        let refuse = |problem| Err(TargetError::ApiBase(problem));
        if url.is_empty() {
            return refuse("it is empty");
        }
        if url.contains(['<', '>']) {
            return refuse("it holds a placeholder in angle brackets");
        }
        if url.contains('#') {
            return refuse("it has a fragment (#…)");
        }
        if !url.contains("://") {
            return refuse("it has no scheme; write http:// or https:// in front");
        }
        let Ok(uri) = url.parse::<Uri>() else {
            return refuse("it is not a URL");
        };
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return refuse("it has no host");
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return refuse("its scheme is neither http nor https");
        }
        if authority.as_str().contains('@') {
            return refuse("it holds a user or a password; put the key into api_key");
        }
        if authority.host().is_empty() {
            return refuse("it has no host");
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && !matches!(authority.port_u16(), Some(1..)) {
            return refuse("its port is not a number from 1 to 65535");
        }
        let (path, query) = parts.path_and_query.as_ref().map_or(("", None), |both| {
            (both.path(), both.query().filter(|query| !query.is_empty()))
        });
        let mut path = path.trim_end_matches('/');
        // A URL copied with its endpoint: no provider has endpoints below endpoints.
        if let Some((before, _)) = Endpoint::at_end_of(path) {
            path = before;
        }
        Ok(Self {
            scheme,
            authority,
            path: path.to_owned(),
            query: query.map(str::to_owned),
        })
    }

    /// True if `provider` takes `stream_options.include_usage` there.
    pub(super) fn reports_stream_usage(
        &self,
        provider: &Provider,
        api_version: Option<&str>,
    ) -> bool {
        match provider.stream_usage() {
            StreamUsage::OnRequest => true,
            StreamUsage::AtOwnAddress => {
                let own = provider.default_api_base().unwrap_or_default();
                let own = own.parse::<Uri>().unwrap_or_default();
                // A region's address has its name in front: eu.api.openai.com.
                let before = own
                    .host()
                    .and_then(|own| self.authority.host().strip_suffix(own));
                before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            StreamUsage::ByVersion => {
                azure::reports_stream_usage(&self.path, self.query.as_deref(), api_version)
            }
            StreamUsage::Unknown => false,
        }
    }

    /// Where the endpoints of `provider` are below this base.
    pub(super) fn routes(
        self,
        provider: &Provider,
        model: &str,
        api_version: Option<&str>,
    ) -> Routes {
        let query = self.query.as_deref();
        let (usual, beside) = match provider.paths() {
            Paths::Versioned => (Route::below(self.path, self.query), None),
            Paths::Root => {
                let root = self.path.strip_suffix("/v1").unwrap_or(&self.path);
                let usual = Route {
                    versioned: true,
                    ..Route::below(root.to_owned(), self.query)
                };
                (usual, None)
            }
            Paths::Azure => azure::openai(&self.path, query, model, api_version),
            Paths::Foundry => {
                let host = self.authority.host();
                (
                    azure::foundry(host, self.path.clone(), query, api_version),
                    None,
                )
            }
        };
        Routes {
            scheme: self.scheme,
            authority: self.authority,
            usual,
            beside,
        }
    }
}
