use crate::{
    read::{Field, Section},
    report::Report,
};
use std::time::Duration;

/// The top-level key `headworks`: what `LiteLLM` has no key for.
///
/// ```yaml
/// headworks:
///   total_timeout: 120     # seconds for a request with all its attempts; default none
///   connect_timeout: 5     # seconds to connect to an upstream
///   upstream_http: 1       # or 2
///   tls_roots: bundled     # or native
///   pool_idle_timeout: 60  # seconds an idle upstream connection is kept
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSettings {
    /// One deadline over all attempts of a request. Default: none, as in `LiteLLM`.
    pub total_timeout: Option<Duration>,
    /// How long connecting to an upstream may take. Default: 5 s, that of `LiteLLM`'s own HTTP handler.
    pub connect_timeout: Duration,
    /// What is spoken with upstreams. Default: HTTP/1.1.
    pub upstream_http: HttpVersion,
    /// Whose word is taken for an upstream's certificate. Default: the bundled roots.
    pub tls_roots: TlsRoots,
    /// How long an idle connection to an upstream is kept. Default: 60 s, below the 75 s after which nginx,
    /// in front of many an upstream, closes one.
    pub pool_idle_timeout: Duration,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1: a connection for each request under way, so that one slow connection delays one request.
    #[default]
    Http1,
    /// HTTP/2: one connection for all.
    Http2,
}

/// The certificate authorities that upstreams are checked against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsRoots {
    /// Mozilla's list, built in: the same on every machine.
    #[default]
    Bundled,
    /// Those the operating system trusts, for upstreams with a company's certificate.
    Native,
}

// ===== impl OwnSettings =====

impl OwnSettings {
    pub(crate) fn read(section: &Section<'_>, report: &mut Report) -> Self {
        let default = Self::default();
        let get = |name| section.get(name);
        Self {
            total_timeout: get("total_timeout").and_then(|field| positive(&field, report)),
            connect_timeout: get("connect_timeout")
                .and_then(|field| positive(&field, report))
                .unwrap_or(default.connect_timeout),
            upstream_http: get("upstream_http")
                .and_then(|field| HttpVersion::read(&field, report))
                .unwrap_or(default.upstream_http),
            tls_roots: get("tls_roots")
                .and_then(|field| TlsRoots::read(&field, report))
                .unwrap_or(default.tls_roots),
            pool_idle_timeout: get("pool_idle_timeout")
                .and_then(|field| positive(&field, report))
                .unwrap_or(default.pool_idle_timeout),
        }
    }
}

/// Our own times need no 0 that means "not set": leaving the key out does that.
fn positive(field: &Field<'_>, report: &mut Report) -> Option<Duration> {
    const ACCEPTED: &str = "a number of seconds above 0";
    field.number(report, ACCEPTED, |seconds| seconds > 0.0)?;
    field.time(report, ACCEPTED, 1.0)
}

impl Default for OwnSettings {
    fn default() -> Self {
        Self {
            total_timeout: None,
            connect_timeout: Duration::from_secs(5),
            upstream_http: HttpVersion::default(),
            tls_roots: TlsRoots::default(),
            pool_idle_timeout: Duration::from_secs(60),
        }
    }
}

// ===== impl HttpVersion =====

impl HttpVersion {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        match field.text(report)?.trim() {
            "1" | "1.1" => Some(Self::Http1),
            "2" | "2.0" => Some(Self::Http2),
            _ => {
                field.refuse(report, "1 or 2", "");
                None
            }
        }
    }
}

// ===== impl TlsRoots =====

impl TlsRoots {
    fn read(field: &Field<'_>, report: &mut Report) -> Option<Self> {
        match field.string(report)? {
            "bundled" => Some(Self::Bundled),
            "native" => Some(Self::Native),
            _ => {
                field.refuse(report, "`bundled` or `native`", "");
                None
            }
        }
    }
}
