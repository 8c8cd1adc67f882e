//! The service that is called. With `protoc` at hand, all of this is generated from
//!
//! ```proto
//! package waterworks;
//! message Site { string name = 1; }
//! message Level { uint32 centimetres = 1; string by = 2; }
//! service Gauge { rpc Watch(Site) returns (stream Level); }
//! ```

use headworks_core::BoxError;
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client::{Grpc, GrpcService},
    codegen::Body as HttpBody,
};
use tonic_prost::ProstCodec;

/// Where the water stands.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Site {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

/// How high it stands, and who says so.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Level {
    #[prost(uint32, tag = "1")]
    pub(crate) centimetres: u32,
    #[prost(string, tag = "2")]
    pub(crate) by: String,
}

/// Calls a gauge by `S`: a channel, or a stack of layers around many.
#[derive(Clone, Debug)]
pub(crate) struct GaugeClient<S> {
    inner: Grpc<S>,
}

pub(crate) const WATCH: &str = "/waterworks.Gauge/Watch";

// ===== impl GaugeClient =====

impl<S> GaugeClient<S>
where
    S: GrpcService<Body, ResponseBody: HttpBody<Error: Into<BoxError>> + Send + 'static>,
{
    pub(crate) fn new(inner: S) -> Self {
        Self {
            inner: Grpc::new(inner),
        }
    }

    /// The levels of a site as they change.
    pub(crate) async fn watch(&mut self, site: Site) -> Result<Response<Streaming<Level>>, Status> {
        let ready = self.inner.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))?;
        let path = PathAndQuery::from_static(WATCH);
        let codec = ProstCodec::<Site, Level>::default();
        let request = Request::new(site);
        self.inner.server_streaming(request, path, codec).await
    }
}
