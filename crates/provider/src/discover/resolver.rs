use super::{Lookup, LookupError};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::timeout;

/// Asks name servers for the addresses of hosts, each time anew: nothing is cached.
///
/// A host that has IPv4 addresses is known by them alone, since an engine with one address of either kind
/// would be taken for two.
#[derive(Clone)]
pub struct Resolver {
    inner: TokioResolver,
    limit: Duration,
}

// ===== impl Resolver =====

impl Resolver {
    /// Asks the name servers of the operating system, in its way: with its search domains, and looking into its
    /// file of hosts first. A lookup may take `limit`.
    ///
    /// # Errors
    ///
    /// When the system's settings cannot be read.
    pub fn system(limit: Duration) -> io::Result<Self> {
        let builder = TokioResolver::builder_tokio().map_err(io::Error::other)?;
        Self::new(builder, limit)
    }

    /// Asks these name servers, over UDP and, where an answer is too long for that, TCP. A lookup may take
    /// `limit`.
    ///
    /// # Errors
    ///
    /// When the system's file of hosts cannot be read.
    pub fn with_servers(
        servers: impl IntoIterator<Item = SocketAddr>,
        limit: Duration,
    ) -> io::Result<Self> {
        let servers = servers.into_iter().map(|server| {
            let at = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
            NameServerConfig::new(server.ip(), true, connections)
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Self::new(builder, limit)
    }

    fn new(
        mut builder: hickory_resolver::ResolverBuilder<TokioRuntimeProvider>,
        limit: Duration,
    ) -> io::Result<Self> {
        let options: &mut ResolverOpts = builder.options_mut();
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        // Half of what a lookup may take, so that a lost datagram can be sent again.
        options.timeout = limit / 2;
        options.attempts = 1;
        let inner = builder.build().map_err(io::Error::other)?;
        Ok(Self { inner, limit })
    }
}

impl Lookup for Resolver {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let Ok(answer) = timeout(self.limit, self.inner.lookup_ip(host)).await else {
            return Err(LookupError::Late(self.limit));
        };
        match answer {
            Ok(found) => Ok(found.iter().collect()),
            Err(NetError::Timeout) => Err(LookupError::Late(self.limit)),
            Err(error) if error.is_nx_domain() => Err(LookupError::NoAddress),
            Err(error) if error.is_no_records_found() => Err(LookupError::NoAddress),
            Err(error) => Err(LookupError::Failed(error.into())),
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
