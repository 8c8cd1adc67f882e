use crate::bounded;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header, request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// A plain HTTP client of one gateway. Everything it waits for is bounded.
#[derive(Clone, Debug)]
pub struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    base_url: String,
    key: Option<String>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

// ===== impl Client =====

impl Client {
    /// Speaks HTTP/1.1 with whoever is at `base_url`.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
            base_url: base_url.into(),
            key: None,
        }
    }

    /// Speaks HTTP/2 instead, without asking first.
    #[must_use]
    pub fn http2(self) -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        Self {
            http: builder.http2_only(true).build_http(),
            ..self
        }
    }

    /// Sends `key` as the bearer of each request.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url));
        match &self.key {
            Some(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
            None => request,
        }
    }

    /// Asks for `path`.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Full::default());
        Answer::of(self.send(request.unwrap()).await).await
    }

    /// Sends JSON to `path`.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, body.to_string()).await
    }

    /// Sends these bytes, said to be JSON, to `path`.
    pub async fn post_bytes(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        Answer::of(self.open(path, body).await).await
    }

    /// Sends these bytes, said to be JSON, to `path`, and leaves the answer's body to be read.
    pub async fn open(&self, path: &str, body: impl Into<Bytes>) -> Response<Incoming> {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()));
        self.send(request.unwrap()).await
    }

    /// Sends a request.
    ///
    /// # Panics
    ///
    /// If no answer comes.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let answer = bounded(self.http.request(request)).await;
        answer.expect("an answer")
    }
}

// ===== impl Answer =====

impl Answer {
    /// Reads an answer to its end.
    ///
    /// # Panics
    ///
    /// If the body breaks off.
    pub async fn of(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = bounded(body.collect()).await;
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.expect("a body to its end").to_bytes(),
        }
    }

    /// A header's value.
    ///
    /// # Panics
    ///
    /// If it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        let value = value.unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().expect("a header of text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error in the body, which must have the form of `OpenAI`'s.
    ///
    /// # Panics
    ///
    /// If it has not.
    #[must_use]
    pub fn error(&self) -> Value {
        let error = self.json()["error"].take();
        for key in ["message", "type", "code"] {
            assert!(error[key].is_string(), "no {key} in {self:?}");
        }
        assert!(error.get("param").is_some(), "no param in {self:?}");
        error
    }
}

/// Reads a body until it has said `what`, and tells everything it has said so far.
///
/// # Panics
///
/// If it ends before, or takes too long.
pub async fn read_until(body: &mut Incoming, what: &str) -> String {
    let mut said = String::new();
    while !said.contains(what) {
        let frame = bounded(body.frame()).await;
        let frame = frame.unwrap_or_else(|| panic!("it ended after {said:?}"));
        if let Ok(data) = frame.expect("a body in order").into_data() {
            said.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }
    said
}
