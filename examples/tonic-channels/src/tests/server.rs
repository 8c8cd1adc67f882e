//! A gauge that does as it is told, over a real socket.

use crate::gauge::{Level, Site};
use parking_lot::Mutex;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::http,
    server::{Grpc, NamedService, ServerStreamingService},
    transport::Server,
};
use tonic_prost::ProstCodec;
use tower::Service;

/// One server.
#[derive(Clone)]
pub(super) struct Gauge(Arc<Inner>);

/// What it does with a call.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// One level, and no end until [`Gauge::end_streams`].
    Watch,
    /// UNAVAILABLE, in a head that is all there is.
    FailInHead,
    /// UNAVAILABLE, in trailers that follow a good head.
    FailInTrailers,
}

struct Inner {
    url: String,
    fate: Fate,
    asked: AtomicUsize,
    streams: Mutex<Vec<Levels>>,
}

type Levels = mpsc::Sender<Result<Level, Status>>;

// ===== impl Gauge =====

impl Gauge {
    pub(super) async fn start(fate: Fate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let gauge = Self(Arc::new(Inner {
            url,
            fate,
            asked: AtomicUsize::new(0),
            streams: Mutex::default(),
        }));
        let server = Server::builder().add_service(gauge.clone());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        gauge
    }

    pub(super) fn url(&self) -> &str {
        &self.0.url
    }

    /// How many calls have come.
    pub(super) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Ends the streams that are open.
    pub(super) fn end_streams(&self) {
        self.0.streams.lock().clear();
    }
}

impl NamedService for Gauge {
    const NAME: &'static str = "waterworks.Gauge";
}

impl Service<http::Request<Body>> for Gauge {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert_eq!(request.uri().path(), crate::gauge::WATCH);
        let gauge = self.clone();
        Box::pin(async {
            let mut grpc = Grpc::new(ProstCodec::<Level, Site>::default());
            Ok(grpc.server_streaming(gauge, request).await)
        })
    }
}

impl ServerStreamingService<Site> for Gauge {
    type Response = Level;
    type ResponseStream = ReceiverStream<Result<Level, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<Site>) -> Self::Future {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let down = Status::unavailable("the float is stuck");
        let (levels, stream) = mpsc::channel(1);
        let first = match self.0.fate {
            Fate::FailInHead => return ready(Err(down)),
            Fate::FailInTrailers => Err(down),
            Fate::Watch => {
                self.0.streams.lock().push(levels.clone());
                Ok(Level {
                    centimetres: 42,
                    by: self.0.url.clone(),
                })
            }
        };
        levels.try_send(first).unwrap();
        ready(Ok(Response::new(ReceiverStream::new(stream))))
    }
}
