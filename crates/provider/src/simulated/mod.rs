//! A provider inside the process, for demonstrations, examples and tests: no socket, no key, no cost.
//!
//! [`Simulated`] answers every [`Endpoint`] in the shape its protocol documents, streamed
//! or whole, and behaves as its [`Params`] say: slow, flaky, rate limited, cut off in the middle. Time is
//! tokio's and chance is seeded, so that a test on a paused clock sees the same every time.
//!
//! The answer's `model` is the name the request asked for, and the text names it too, so that one can see
//! which deployment answered.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use headworks_provider::simulated::{Params, Simulated};
//! use http::{Request, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), headworks_provider::simulated::BoxError> {
//! let body = r#"{"model": "small", "messages": [{"role": "user", "content": "Hello"}]}"#;
//! let request = || Request::post("/v1/chat/completions").body(Full::<Bytes>::from(body)).unwrap();
//!
//! let one_a_minute = Simulated::new(Params::default().rpm(1));
//! let answer = one_a_minute.clone().oneshot(request()).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//! let answer = answer.into_body().collect().await?.to_bytes();
//! assert!(answer.windows(16).any(|text| text == b"Hello from small"));
//!
//! let refused = one_a_minute.oneshot(request()).await?;
//! assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(refused.headers()["retry-after"], "60");
//! # Ok(())
//! # }
//! ```

mod body;
mod events;
mod failure;
mod fate;
mod future;
mod params;
mod plain;
mod reply;
mod request;

#[cfg(test)]
mod tests;

pub use body::{Cut, ResponseBody};
pub use future::ResponseFuture;
pub use headworks_core::BoxError;
pub use params::Params;

use crate::Endpoint;
use fate::Shared;
use http::{Request, Response};
use http_body::Body;
use request::Form;
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// A deployment that lives in this process. See the [module docs](self).
///
/// Clones are one deployment: they share its rate limit and its chance.
///
/// # Errors
///
/// An error of the request's own body, and whatever an answer without a head stands for
/// (`litellm.APIConnectionError`, see [`Params::mock_response`]): an [`io::Error`](std::io::Error).
#[derive(Clone, Debug)]
pub struct Simulated {
    shared: Arc<Shared>,
}

// ===== impl Simulated =====

impl Simulated {
    /// A deployment that behaves as `params` say.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            shared: Arc::new(Shared::new(params)),
        }
    }
}

impl<B> Service<Request<B>> for Simulated
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = ResponseFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Whatever stands before it: an Azure deployment that is mocked is asked by Azure's path.
        let endpoint = Endpoint::at_end_of(request.uri().path()).map(|(_, endpoint)| endpoint);
        let form = Form::of(request.headers());
        ResponseFuture::new(self.shared.clone(), endpoint, form, request.into_body())
    }
}
