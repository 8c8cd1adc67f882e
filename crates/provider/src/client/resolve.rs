use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiFuture, GaiResolver, Name};
use pin_project::pin_project;
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};
use tower_service::Service;

/// Finds the addresses of a host: by the operating system, or the one address it has been given, whatever
/// the host is called.
#[derive(Clone, Debug)]
pub struct Resolve(Source);

/// The future of [`Resolve`].
#[pin_project]
#[derive(Debug)]
pub struct ResolveFuture(#[pin] Finding);

/// The addresses of a host, without ports.
#[derive(Debug)]
pub struct Resolved(Found);

#[derive(Clone, Debug)]
enum Source {
    System(GaiResolver),
    Given(IpAddr),
}

#[pin_project(project = FindingProj)]
#[derive(Debug)]
enum Finding {
    System(#[pin] GaiFuture),
    Given(IpAddr),
}

#[derive(Debug)]
enum Found {
    System(GaiAddrs),
    Given(Option<IpAddr>),
}

// ===== impl Resolve =====

impl Resolve {
    pub(super) fn by_system() -> Self {
        Self(Source::System(GaiResolver::new()))
    }

    pub(super) const fn to(address: IpAddr) -> Self {
        Self(Source::Given(address))
    }
}

impl Service<Name> for Resolve {
    type Response = Resolved;
    type Error = io::Error;
    type Future = ResolveFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Source::System(resolver) => resolver.poll_ready(cx),
            Source::Given(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, name: Name) -> ResolveFuture {
        ResolveFuture(match &mut self.0 {
            Source::System(resolver) => Finding::System(resolver.call(name)),
            Source::Given(address) => Finding::Given(*address),
        })
    }
}

// ===== impl ResolveFuture =====

impl Future for ResolveFuture {
    type Output = io::Result<Resolved>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            FindingProj::System(finding) => finding.poll(cx).map_ok(Found::System),
            FindingProj::Given(address) => Poll::Ready(Ok(Found::Given(Some(*address)))),
        }
        .map_ok(Resolved)
    }
}

// ===== impl Resolved =====

impl Iterator for Resolved {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match &mut self.0 {
            Found::System(addresses) => addresses.next(),
            // The port is that of the URL.
            Found::Given(address) => address.take().map(|address| SocketAddr::new(address, 0)),
        }
    }
}
