//! Where a deployment lives and how to sign in to it.
//!
//! A layer that takes a request as a client wrote it for *a* model and makes it one for *this* deployment:
//! its URL, its credentials, its name for the model. What the caller's own connection, account and address
//! would have said is taken off; everything else passes, in both directions, to the byte.
//!
//! | part | what it is |
//! |---|---|
//! | [`Provider`] | a table: prefix, address, way of signing in, where the key is usually kept, what it tells of its quotas and of usage |
//! | [`Endpoint`] | a table: what can be asked for, and by which canonical path |
//! | [`Target`] | one deployment, from settings named as `LiteLLM` names them, checked and worked out once |
//! | [`SignInLayer`] | the layer: puts a [`Target`] into each request |
//! | [`client`] | the HTTP client below it |
//! | [`discover`] | the addresses of a host, looked up again and again |
//! | [`simulated`] | a provider inside the process instead |
//! | [`Transport`] | either of the two, as one type |
//! | [`verdict`] | what a provider's errors mean, and the layer that says so |
//!
//! It differs from `headworks-alias`, which also changes what a request asks for, in what it knows: an alias
//! is a name among the gateway's own, this is the last name before the wire.
//!
//! # Where it belongs in the stack
//!
//! Innermost of a deployment's own stack, straight around the client: whatever counts, limits or times a
//! deployment must see its requests before they carry secrets, and a retry must be able to hand the same
//! request to another deployment.
//!
//! # What passes
//!
//! Request headers that stay here: the caller's credentials (`authorization`, `x-api-key`, `api-key`,
//! `x-goog-api-key`, `cookie`, …) and account (`openai-organization`, `openai-project`), its address
//! (`forwarded`, `x-forwarded-*`, `x-real-ip`), the gateway's own (`x-litellm-*`, `x-headworks-*`), the
//! connection's (RFC 9110, 7.6.1, and what `connection` names), and what is said anew for the new message
//! (`host`, `content-length`, `expect`). `accept-encoding` becomes `identity`, so that the layers outside can
//! read usage in the answer. The query goes along without `api-version` and without parameters that carry
//! keys (`key`, `api_key`, `access_token`, …).
//!
//! Response headers that stay here: the connection's, `set-cookie`, and `alt-svc` and
//! `strict-transport-security`, which speak of the provider's host and would be taken for the gateway's.
//!
//! # Example
//!
//! ```
//! use headworks_core::{Secret, WithModel};
//! use headworks_provider::{SignInLayer, Target};
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! // A body that knows how to name another model; `headworks-openai` has one for JSON and for forms.
//! struct Prompt(&'static str);
//! impl WithModel for Prompt {
//!     type Body = String;
//!     fn with_model(self, model: &str) -> String {
//!         format!("{model}: {}", self.0)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let target = Target::builder("groq/llama-3.3-70b-versatile")
//!     .api_key(Secret::from("gsk-ours"))
//!     .build()?;
//!
//! // In place of an HTTP client: it shows what would be sent.
//! let client = service_fn(async |request: Request<String>| {
//!     assert_eq!(request.headers()["authorization"], "Bearer gsk-ours");
//!     let sent = format!("{} {}", request.uri(), request.body());
//!     Ok::<_, Infallible>(Response::new(sent))
//! });
//! let deployment = ServiceBuilder::new()
//!     .layer(SignInLayer::new(target))
//!     .service(client);
//!
//! let request = Request::post("/v1/chat/completions")
//!     .header("authorization", "Bearer the-callers-own")
//!     .body(Prompt("Hello"))?;
//! let sent = deployment.oneshot(request).await?.into_body();
//! assert_eq!(
//!     sent,
//!     "https://api.groq.com/openai/v1/chat/completions llama-3.3-70b-versatile: Hello",
//! );
//! # Ok(())
//! # }
//! ```

pub mod client;
pub mod discover;
mod endpoint;
pub mod future;
mod headers;
mod layer;
mod provider;
mod service;
pub mod simulated;
mod table;
mod target;
mod transport;
pub mod verdict;

pub use endpoint::Endpoint;
pub use layer::SignInLayer;
pub use provider::{Auth, Paths, Provider, Quotas, StreamUsage};
pub use service::SignIn;
pub use target::{Target, TargetBuilder, TargetError};
pub use transport::{Transport, TransportBody, TransportFuture};
