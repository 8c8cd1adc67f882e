//! The HTTP client below everything: `hyper-util`'s pooling client over TCP and TLS.
//!
//! Three types of other crates under one name, [`Client`], set up once in [`ClientParams`]: `TCP_NODELAY`
//! (a token must not wait for the next one), TCP keep-alive (a model may think for minutes without a byte),
//! both address families tried side by side (RFC 8305), idle connections closed after a while.
//!
//! Connecting is a `Service<Uri>`, so a layer may stand around the whole of it, TLS included. That is where a
//! connect timeout belongs, and where its error can be told from all others:
//!
//! ```
//! use bytes::Bytes;
//! use headworks_provider::client::{Client, ClientParams};
//! use http_body_util::Full;
//! use tower_layer::{Identity, Layer};
//!
//! let params = ClientParams::default();
//! // Any layer in place of `Identity`: a timeout, a counter, a limit.
//! let connector = Identity::new().layer(params.connector()?);
//! let client: Client<Full<Bytes>> = params.client(connector);
//! # drop(client);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Connections and cancellation
//!
//! Dropping the future of a call, or the body of its answer, before its end closes the connection over
//! HTTP/1.1 and resets the stream over HTTP/2: the provider stops at once. A request that finds its pooled
//! connection closed before anything was written is sent again on another one, by the client itself; that is
//! safe, and no layer sees it.
//!
//! # One address of many
//!
//! [`Connectors`] makes connectors that go to one address whatever the host resolves to. The URL stays as it
//! is, and with it the `host` header, HTTP/2's `:authority` and the name in the TLS handshake.
//!
//! # Protocols
//!
//! HTTP/1.1 is the default. Over HTTP/2 the client keeps one connection for each host and never opens a
//! second; when the provider's limit of streams (often 100) is reached, further requests wait in silence.

mod resolve;

pub use resolve::{Resolve, ResolveFuture, Resolved};

use headworks_core::BoxError;
use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connection, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use std::{
    error::Error,
    future::Future,
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower_service::Service;

/// Connects over TCP, with TLS for `https`.
pub type Connector = HttpsConnector<HttpConnector<Resolve>>;

/// The client: a cheap clone, always ready, a `Service<Request<B>>` and a pool shared by its clones.
pub type Client<B, C = Connector> = legacy::Client<BoxedConnect<C>, B>;

/// The protocol spoken with providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.1, a connection for each request under way.
    #[default]
    Http1,
    /// HTTP/2, one connection for each host: agreed on in the TLS handshake, or taken for granted in
    /// cleartext.
    Http2,
}

/// Whom to trust when a provider shows its certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// Mozilla's list, compiled in: the same everywhere, and loaded in well under a millisecond.
    #[default]
    Bundled,
    /// The operating system's store: what a company's own authority needs. It is read when the connector is
    /// built, which takes tens of milliseconds.
    Native,
}

/// How the client is set up.
#[derive(Clone, Debug)]
pub struct ClientParams {
    protocol: Protocol,
    roots: Roots,
    pool_idle_timeout: Duration,
}

/// Makes connectors that share what is costly about one: the roots, and sessions of TLS to be resumed.
#[derive(Clone, Debug)]
pub struct Connectors {
    tls: Arc<ClientConfig>,
}

/// Boxes the future of a connector, once for each connection, so that the connector may be of any kind: the
/// pool wants a future that can be moved, which few layers have.
#[derive(Clone, Debug)]
pub struct BoxedConnect<C>(C);

/// How long a connection may be silent before the kernel asks whether the other side is still there.
/// Providers' own SDKs use a minute; NAT gateways forget after as little as 350 s (AWS) or 240 s (Azure).
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// What `hyper-util` uses when told nothing; named because without a timer it would do nothing.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(90);

// ===== impl ClientParams =====

impl Default for ClientParams {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            roots: Roots::default(),
            pool_idle_timeout: POOL_IDLE_TIMEOUT,
        }
    }
}

impl ClientParams {
    /// The protocol spoken with providers. Default: HTTP/1.1.
    #[must_use]
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Whom to trust. Default: the bundled list.
    #[must_use]
    pub const fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// How long a connection is kept open unused. Default: 90 s.
    #[must_use]
    pub const fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// The connector these parameters describe.
    ///
    /// # Errors
    ///
    /// With [`Roots::Native`], when the system has no usable certificate.
    pub fn connector(&self) -> io::Result<Connector> {
        Ok(self.connectors()?.by_name())
    }

    /// What these parameters describe, for more than one connector.
    ///
    /// # Errors
    ///
    /// With [`Roots::Native`], when the system has no usable certificate.
    pub fn connectors(&self) -> io::Result<Connectors> {
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match self.roots {
            Roots::Bundled => builder.with_webpki_roots(),
            Roots::Native => builder.with_native_roots()?,
        };
        let mut tls = builder.with_no_client_auth();
        if self.protocol == Protocol::Http2 {
            tls.alpn_protocols = vec![b"h2".to_vec()];
        }
        let tls = Arc::new(tls);
        Ok(Connectors { tls })
    }

    /// A client over `connector`, which is [`connector`](Self::connector) or a layer around it.
    pub fn client<B, C>(&self, connector: C) -> Client<B, C>
    where
        C: Service<Uri> + Clone + Send + 'static,
        C::Response: Connection + Read + Write + Unpin + Send + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send + 'static,
        B: http_body::Body + Send,
        B::Data: Send,
    {
        legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.pool_idle_timeout)
            .http2_only(self.protocol == Protocol::Http2)
            .build(BoxedConnect(connector))
    }
}

// ===== impl Connectors =====

impl Connectors {
    /// Connects to what the operating system says are the addresses of a host.
    #[must_use]
    pub fn by_name(&self) -> Connector {
        self.resolving(Resolve::by_system())
    }

    /// Connects to `address`, whatever the host is called.
    #[must_use]
    pub fn to(&self, address: IpAddr) -> Connector {
        self.resolving(Resolve::to(address))
    }

    fn resolving(&self, resolve: Resolve) -> Connector {
        let mut tcp = HttpConnector::new_with_resolver(resolve);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        (tcp, self.tls.clone()).into()
    }
}

// ===== impl BoxedConnect =====

impl<C> Service<Uri> for BoxedConnect<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.0.call(uri))
    }
}

/// True if the request that ended in `error` was never sent, since no connection came about: it may be sent
/// elsewhere, whatever it asks for.
#[must_use]
pub fn is_unconnected(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<legacy::Error>() {
            return error.is_connect();
        }
        cause = error.source();
    }
    false
}
