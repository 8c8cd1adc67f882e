use crate::{bounded, canary};
use bytes::Bytes;
use headworks::Gateway;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    server::conn::http1,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::io::duplex;

/// What a client got, to its end or to where it broke off.
#[derive(Clone, Debug)]
pub(crate) struct Saw {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// True if the body ended in order; false if the connection ended in the midst of it.
    pub(crate) complete: bool,
}

/// A client on a connection of its own: HTTP/1.1 as it is on the wire, over a pipe.
pub(crate) struct Client(SendRequest<Full<Bytes>>);

// ===== impl Client =====

impl Client {
    pub(crate) async fn of(gateway: &Gateway) -> Self {
        let (near, far) = duplex(64 * 1024);
        let service = TowerToHyperService::new(gateway.clone());
        let serving = http1::Builder::new().serve_connection(TokioIo::new(far), service);
        tokio::spawn(serving);
        let (sender, connection) = handshake(TokioIo::new(near))
            .await
            .expect("a pipe to a server");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends a request, and leaves the answer's body to be read.
    pub(crate) async fn open(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let response = bounded(self.0.send_request(request)).await;
        response.expect("the gateway always answers")
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Saw {
        Saw::of(self.open(request).await).await
    }

    pub(crate) async fn get(gateway: &Gateway, path: &str) -> Saw {
        let request = Request::get(path)
            .header(header::HOST, "gateway")
            .header(header::AUTHORIZATION, canary::bearer())
            .body(Full::default())
            .expect("a request of valid parts");
        Self::of(gateway).await.ask(request).await
    }
}

// ===== impl Saw =====

impl Saw {
    pub(crate) async fn of(response: Response<Incoming>) -> Self {
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let complete = loop {
            match bounded(body.frame()).await {
                Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) => break false,
                None => break true,
            }
        };
        let saw = Self {
            status: head.status,
            headers: head.headers,
            body: bytes.into(),
            complete,
        };
        canary::search(
            "the answer's headers",
            format!("{:?}", saw.headers).as_bytes(),
        );
        canary::search("the answer's body", &saw.body);
        saw
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A count in a header; zero if it is missing.
    pub(crate) fn count(&self, name: &str) -> usize {
        let value = self.header(name).and_then(|value| value.parse().ok());
        value.unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
