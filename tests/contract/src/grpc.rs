//! As much of gRPC as it takes to send one message there and back.

use bytes::{Buf, BufMut, Bytes};
use headworks_core::BoxError;
use http::{Request, Response, uri::PathAndQuery};
use http_body::Body as HttpBody;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use tonic::{
    Status,
    body::Body,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::UnaryService,
};
use tower_service::Service;

/// Answers each unary call with what it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

/// What a generated client asks of the service it is put around.
pub trait Client:
    GrpcService<Body, ResponseBody: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static>
{
}

impl<S> Client for S where
    S: GrpcService<
            Body,
            ResponseBody: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
        >
{
}

/// Messages are bytes.
#[derive(Clone, Copy, Debug, Default)]
struct BytesCodec;

const MESSAGE: Bytes = Bytes::from_static(b"a message");

/// Calls `service` by tonic's client and gets its message back.
pub(crate) async fn call(service: impl Client) {
    let mut client = Grpc::new(service);
    client.ready().await.map_err(Into::into).unwrap();
    let path = PathAndQuery::from_static("/contract.Echo/Unary");
    let answer = client
        .unary(tonic::Request::new(MESSAGE), path, BytesCodec)
        .await;
    assert_eq!(answer.unwrap().into_inner(), MESSAGE);
}

// ===== impl Echo =====

impl<B> Service<Request<B>> for Echo
where
    B: HttpBody + Send + 'static,
    B::Error: Into<BoxError> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(async {
            let mut grpc = tonic::server::Grpc::new(BytesCodec);
            Ok(grpc.unary(Self, request).await)
        })
    }
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = std::future::Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        std::future::ready(Ok(tonic::Response::new(request.into_inner())))
    }
}

// ===== impl BytesCodec =====

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
