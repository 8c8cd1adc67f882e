//! The resolver against a name server on loopback, and connections to one address under another name.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use headworks_provider::{
    client::{Client, ClientParams, is_unconnected},
    discover::{Follow, Lookup, LookupError, News, Resolver},
};
use headworks_upstream::{DeadPort, NameAnswer, NameServer, Upstream};
use http::Request;
use http_body_util::Full;
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tower::ServiceExt;

/// Far above anything a loopback takes: it ends a test that would hang, and decides nothing else.
const LIMIT: Duration = Duration::from_secs(30);

const HOST: &str = "engines.example";

fn resolver(server: &NameServer, limit: Duration) -> Resolver {
    Resolver::with_servers([server.addr()], limit).unwrap()
}

fn loopback(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

#[tokio::test]
async fn all_addresses_are_found_and_each_lookup_asks_anew_whatever_may_be_kept() {
    for ttl in [0, 3600] {
        let addresses = vec![loopback(1), loopback(2)];
        let server = NameServer::start(NameAnswer::Addresses(addresses, ttl)).await;
        let resolver = resolver(&server, LIMIT);
        let mut found = resolver.addresses(HOST).await.unwrap();
        found.sort();
        assert_eq!(found, [loopback(1), loopback(2)]);
        server.answer(NameAnswer::Addresses(vec![loopback(3)], ttl));
        assert_eq!(resolver.addresses(HOST).await.unwrap(), [loopback(3)]);
    }
}

#[tokio::test]
async fn a_host_without_ipv4_is_known_by_ipv6_and_one_with_both_by_ipv4() {
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let server = NameServer::start(NameAnswer::Addresses(vec![v6], 0)).await;
    let resolver = resolver(&server, LIMIT);
    assert_eq!(resolver.addresses(HOST).await.unwrap(), [v6]);
    server.answer(NameAnswer::Addresses(vec![v6, loopback(1)], 0));
    assert_eq!(resolver.addresses(HOST).await.unwrap(), [loopback(1)]);
}

#[tokio::test]
async fn each_way_to_fail_is_told_from_the_others() {
    let server = NameServer::start(NameAnswer::NoSuchName).await;
    let asked = |limit| {
        let resolver = resolver(&server, limit);
        async move { resolver.addresses(HOST).await.unwrap_err() }
    };
    assert!(matches!(asked(LIMIT).await, LookupError::NoAddress));
    server.answer(NameAnswer::Addresses(Vec::new(), 0));
    assert!(matches!(asked(LIMIT).await, LookupError::NoAddress));
    server.answer(NameAnswer::Failure);
    assert!(matches!(asked(LIMIT).await, LookupError::Failed(_)));
    server.answer(NameAnswer::Silence);
    let limit = Duration::from_millis(50);
    assert!(matches!(asked(limit).await, LookupError::Late(late) if late == limit));
}

#[tokio::test]
async fn a_host_is_followed_through_failures_of_the_name_server() {
    let server = NameServer::start(NameAnswer::loopback(&[1])).await;
    let resolver = resolver(&server, Duration::from_millis(200));
    let mut follow = Follow::new(resolver, HOST, Duration::from_millis(10));
    let mut news = async || tokio::time::timeout(LIMIT, follow.news()).await.unwrap();

    assert!(matches!(news().await, News::Addresses(found) if found == [loopback(1)]));
    for failure in [
        NameAnswer::NoSuchName,
        NameAnswer::Failure,
        NameAnswer::Silence,
    ] {
        server.answer(failure);
        assert!(matches!(news().await, News::Failing(_)));
        server.answer(NameAnswer::loopback(&[1]));
        assert!(matches!(news().await, News::Found));
    }
    server.answer(NameAnswer::loopback(&[1, 2]));
    assert!(matches!(news().await, News::Addresses(found) if found.len() == 2));
}

#[tokio::test]
async fn a_connector_goes_to_its_address_and_the_host_stays_in_the_header() {
    let upstreams = Upstream::start_beside(2).await;
    let port = upstreams[0].addr().port();
    let params = ClientParams::default();
    let connectors = params.connectors().unwrap();
    for (last, upstream) in (1..).zip(&upstreams) {
        let client: Client<Full<Bytes>> = params.client(connectors.to(loopback(last)));
        let url = format!("http://{HOST}:{port}/v1/models");
        let request = Request::get(url).body(Full::default()).unwrap();
        client.oneshot(request).await.unwrap();
        assert_eq!(upstream.received().len(), 1);
        let host = format!("{HOST}:{port}");
        assert_eq!(upstream.last().header("host"), Some(&*host));
    }
}

#[tokio::test]
async fn a_connector_goes_to_its_address_and_the_host_stays_in_the_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let params = ClientParams::default();
    let connector = params.connectors().unwrap().to(loopback(1));
    let client: Client<Full<Bytes>> = params.client(connector);
    let url = format!("https://{HOST}:{port}/");
    let call = tokio::spawn(client.oneshot(Request::get(url).body(Full::default()).unwrap()));

    let (mut stream, _) = listener.accept().await.unwrap();
    let mut hello = Vec::new();
    while !hello
        .windows(HOST.len())
        .any(|part| part == HOST.as_bytes())
    {
        let read = tokio::time::timeout(LIMIT, stream.read_buf(&mut hello)).await;
        assert_ne!(
            read.unwrap().unwrap(),
            0,
            "the name is in the first message"
        );
    }
    drop(stream);
    assert!(is_unconnected(&call.await.unwrap().unwrap_err()));
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_got_no_answer() {
    let params = ClientParams::default();
    let client: Client<Full<Bytes>> = params.client(params.connector().unwrap());
    let ask = async |url: String| {
        let request = Request::get(url).body(Full::default()).unwrap();
        client.clone().oneshot(request).await.unwrap_err()
    };
    let nobody = DeadPort::new();
    let refused: &(dyn Error + 'static) = &ask(nobody.base_url()).await;
    assert!(is_unconnected(refused), "{refused}");

    let upstream = Upstream::start().await;
    upstream.answer(headworks_upstream::Answer::reset());
    let reset: &(dyn Error + 'static) = &ask(upstream.base_url()).await;
    assert!(!is_unconnected(reset), "{reset}");
    assert_eq!(Ipv4Addr::LOCALHOST, upstream.addr().ip());
}
