//! The stack around the channels.

use headworks_balance::{Balance, Endpoint, Strategy};
use headworks_core::{BoxError, GrpcClassifier};
use headworks_retry::{Peek, PeekLayer, RetryLayer, RetryPolicy};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tonic::{
    body::Body,
    codegen::{Body as HttpBody, Bytes},
    transport::Channel,
};
use tower::{Service, ServiceBuilder, filter::AsyncFilterLayer, util::MapRequest};

/// The balance of the channels.
pub(crate) type Channels = Balance<Reached, GrpcClassifier>;

/// One channel, and what belongs to it alone.
type Reached = Peek<MapRequest<Channel, fn(Request<Whole>) -> Request<Body>>, GrpcClassifier>;

/// The message of a request, in memory so that it can be sent again.
type Whole = Full<Bytes>;

/// Balances over `channels`, each under its name.
pub(crate) fn balance(channels: impl IntoIterator<Item = (String, Channel)>) -> Channels {
    let endpoints = channels.into_iter().map(|(name, channel)| {
        let into_tonics: fn(Request<Whole>) -> Request<Body> = |request| request.map(Body::new);
        let reached = ServiceBuilder::new()
            // A status that comes in trailers without a message is one to decide by, like one in the head.
            .layer(PeekLayer::new(GrpcClassifier::default()))
            .map_request(into_tonics)
            .service(channel);
        Endpoint::new(name, reached)
    });
    // A call counts where it is until the last message of its stream.
    Balance::new("gauges", &Strategy::LeastBusy, endpoints).classifier(GrpcClassifier::default())
}

/// The rest of the stack, around the balance. A generated client takes it where it takes a channel.
pub(crate) fn stack(
    channels: Channels,
) -> impl Service<
    Request<Body>,
    Response = Response<impl HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static>,
    Error = BoxError,
    Future: Send,
> + Clone {
    ServiceBuilder::new()
        // One message is soon read. A call that streams its requests cannot be sent again, and has a stack
        // without this and without retry.
        .layer(AsyncFilterLayer::new(collect))
        // Somewhere new after UNAVAILABLE, RESOURCE_EXHAUSTED and the like, until the first message is here.
        .layer(RetryLayer::new(
            RetryPolicy::new(2).classifier(GrpcClassifier::default()),
        ))
        .service(channels)
}

async fn collect(request: Request<Body>) -> Result<Request<Whole>, BoxError> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Request::from_parts(head, body.into()))
}
