use bytes::Bytes;
use headworks_core::{Attempts, BoxError, Group, RequestedModel};
use http::{Request, Response, header};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

/// A layer that makes a service of HTTP out of `I`: what every check asks for, in one word.
///
/// Implemented by every layer that fits.
pub trait Subject<I>:
    Layer<I, Service = <Self as Subject<I>>::Wrapped> + Clone + Send + Sync + 'static
{
    /// The service it makes.
    type Wrapped: Service<crate::Request, Response = Response<Self::Body>, Error = Self::Error, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static;
    /// Its response body.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
    /// Its error.
    type Error: Into<BoxError> + Send + 'static;
}

impl<L, I, S, B> Subject<I> for L
where
    L: Layer<I, Service = S> + Clone + Send + Sync + 'static,
    S: Service<crate::Request, Response = Response<B>, Future: Send>,
    S: Clone + Send + Sync + 'static,
    S::Error: Into<BoxError> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Wrapped = S;
    type Body = B;
    type Error = S::Error;
}

/// A fourth extension makes the map of them grow; as behind an edge that has set several, the layer that
/// sets one more is not the one to pay for it.
#[derive(Clone, Copy)]
struct Room;

/// A request of the checks.
#[must_use]
pub fn request() -> crate::Request {
    request_of("{\"model\":\"gpt-4o\"}".into(), &Attempts::new(2))
}

/// A request of the checks with a body and a ledger of its own.
pub fn request_of<B>(body: B, ledger: &Attempts) -> Request<B> {
    Request::post("http://upstream.test/v1/chat/completions")
        .header(header::CONTENT_TYPE, "application/json")
        .extension(RequestedModel::from("gpt-4o"))
        .extension(Group::from("gpt-4o"))
        .extension(ledger.clone())
        .extension(Room)
        .body(body)
        .expect("a request of valid parts")
}
