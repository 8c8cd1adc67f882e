//! What reaches deployments over the network: the clients, and the addresses of hosts that have many.

use super::{
    build::BuildError,
    discovery::Discovery,
    reach::{Addresses, Direct, Reach, Spread},
    stack::{CheckClient, Client},
};
use headworks_balance::Registry;
use headworks_config::{Config, Deployment, HttpVersion, TlsRoots};
use headworks_openai::SplicedBody;
use headworks_provider::{
    Target,
    client::{self, ClientParams, Connector, Connectors, Protocol, Roots},
    discover::{Follow, Resolver},
};
use headworks_timeout::{ConnectTimeout, ConnectTimeoutLayer};
use http::Uri;
use http_body::Body;
use std::{io, net::IpAddr, time::Duration};
use tower::Layer;

/// Everything that connections are made with, and the client that all deployments share.
pub(super) struct Network {
    wire: Wire,
    client: Client,
    /// `None` where nobody needs it.
    resolver: Option<Resolver>,
    interval: Duration,
}

#[derive(Clone)]
struct Wire {
    params: ClientParams,
    connectors: Connectors,
    timeout: ConnectTimeoutLayer,
}

// ===== impl Network =====

impl Network {
    pub(super) fn new(config: &Config) -> Result<Self, BuildError> {
        let own = &config.headworks;
        let wire = Wire::new(config).map_err(BuildError::Roots)?;
        let is_discovered = |deployment: &Deployment| deployment.kubernetes_pod_discovery;
        let resolver = config.deployments.iter().any(is_discovered).then(|| {
            let servers = own.dns_servers.iter().copied();
            if own.dns_servers.is_empty() {
                Resolver::system(own.dns_timeout)
            } else {
                Resolver::with_servers(servers, own.dns_timeout)
            }
        });
        Ok(Self {
            client: wire.client(wire.connectors.by_name()),
            wire,
            resolver: resolver.transpose().map_err(BuildError::Resolver)?,
            interval: own.dns_refresh_interval,
        })
    }

    /// For checks, which have a pool of their own: that a connection which was opened for a client still works
    /// does not show that another can be opened.
    pub(super) fn checker(&self) -> CheckClient {
        self.wire.client(self.wire.connectors.by_name())
    }

    /// How to reach a deployment that is not inside the process: by the one client for all, or at each address
    /// of its host, in step with `discovery` from now on.
    pub(super) fn reach(
        &self,
        deployment: &Deployment,
        target: &Target,
        discovery: &mut Discovery,
    ) -> Reach {
        let by_name = Direct::from(self.client.clone());
        let base = target.api_base().parse::<Uri>().unwrap_or_default();
        let (Some(resolver), Some(host), true) = (
            &self.resolver,
            base.host().filter(|host| is_name(host)),
            deployment.kubernetes_pod_discovery,
        ) else {
            return by_name.into();
        };
        let registry = Registry::new();
        let wire = self.wire.clone();
        let addresses = Addresses::new(registry.clone(), move |address| wire.to(address));
        let follow = Follow::new(resolver.clone(), host, self.interval);
        let id = deployment.id.clone();
        discovery.add(id, &base, registry.clone(), addresses, follow);
        Reach::Spread(Spread::new(host, registry, by_name))
    }
}

// ===== impl Wire =====

impl Wire {
    fn new(config: &Config) -> io::Result<Self> {
        let own = &config.headworks;
        let params = ClientParams::default()
            .protocol(match own.upstream_http {
                HttpVersion::Http1 => Protocol::Http1,
                HttpVersion::Http2 => Protocol::Http2,
            })
            .roots(match own.tls_roots {
                TlsRoots::Bundled => Roots::Bundled,
                TlsRoots::Native => Roots::Native,
            })
            .pool_idle_timeout(own.pool_idle_timeout);
        Ok(Self {
            connectors: params.connectors()?,
            params,
            timeout: ConnectTimeoutLayer::new(own.connect_timeout),
        })
    }

    fn client<B>(&self, connector: Connector) -> client::Client<B, ConnectTimeout<Connector>>
    where
        B: Body + Send,
        B::Data: Send,
    {
        self.params.client(self.timeout.layer(connector))
    }

    /// A client with a pool of its own, so that what is pooled for one address is not used for another.
    fn to(&self, address: IpAddr) -> Direct {
        let connector = self.connectors.to(address);
        self.client::<SplicedBody>(connector).into()
    }
}

/// True if there is something to look up.
fn is_name(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_err()
}
