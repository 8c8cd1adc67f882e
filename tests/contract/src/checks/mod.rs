//! The checks, one function each. [`suite!`](crate::suite) calls them; so may a test that needs only one.

mod allocations;
mod bodies;
mod cancel;
mod errors;
mod instances;
mod readiness;
mod records;
mod state;
mod traits;

pub use allocations::allocations_are_bounded;
pub use bodies::{bodies_pass_as_they_are, request_body_passes, response_body_passes};
pub use cancel::what_is_dropped_ends_within;
pub use errors::inner_errors_are_the_source;
pub use instances::{
    a_clone_for_each_request, behind_a_buffer, one_instance_for_all, only_what_was_polled_ready,
};
pub use readiness::readiness_passes_through;
pub use records::each_outcome_is_recorded_once;
pub use state::state_is_shared;
pub use traits::auto_traits;

use crate::{DATA, request};
use bytes::Bytes;
use headworks_core::BoxError;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::pin;
use tower::{Service, ServiceExt};

/// Sends one request and reads the good answer to its end.
async fn answers<S, B>(service: &mut S)
where
    S: Service<crate::Request, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let service = service.ready().await.map_err(Into::into).unwrap();
    let response = service.call(request()).await.map_err(Into::into).unwrap();
    read_to_the_end(response).await;
}

async fn read_to_the_end<B>(response: Response<B>)
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    assert_eq!(response.status(), 200);
    let collected = pin!(response.into_body()).collect().await;
    let collected = collected.map_err(Into::into).unwrap();
    assert_eq!(collected.to_bytes(), DATA.concat());
}
