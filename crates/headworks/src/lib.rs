//! Load balancing for LLM traffic as composable Tower layers, and a gateway made of them.
//!
//! Requests for one model are spread over the many deployments that can answer it; what fails is tried
//! elsewhere; the client notices nothing. Take one layer, several, or all of them assembled:
//!
//! | to | take |
//! |---|---|
//! | resolve aliases to groups | [`alias`] |
//! | bound connecting, attempts and whole requests in time | [`timeout`] |
//! | try again, elsewhere when it can be | [`retry`] |
//! | go on to another group | [`fallback`] |
//! | choose a deployment | [`balance`] |
//! | rest one that fails, and let it back by a probe | [`breaker`] |
//! | keep its limits of requests and tokens | [`limit`] |
//! | address it and sign in | [`provider`] |
//! | count and time what it does | [`meter`] |
//! | check it before clients meet it | [`health`] |
//! | find and splice a model in a body, follow a stream | [`openai`] |
//! | read `LiteLLM`'s `config.yaml` | [`config`] |
//! | have all of it | [`Gateway`] |
//!
//! # Difference from its neighbour
//!
//! `headworks-gateway` is the program: a listener, a log, signals. This is the library it is made of; what a
//! request meets is all here.
//!
//! # Where it belongs in the stack
//!
//! [`Gateway`] is a whole server's service: nest it in an axum router or hand it to hyper. It is
//! infallible, cheap to clone, and takes any body. The layers go around your own HTTP client, or between
//! layers of your own.
//!
//! # Example
//!
//! ```
//! use headworks::{Gateway, config::Config};
//! use http::{Request, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use bytes::Bytes;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), headworks::BoxError> {
//! let config = r#"
//! model_list:
//!   - model_name: gpt-4o
//!     litellm_params: { model: simulated/paris, weight: 1 }
//!   - model_name: gpt-4o
//!     litellm_params: { model: simulated/tokyo, weight: 0 }
//! "#;
//! let gateway = Gateway::new(&Config::parse(config, "config.yaml")?.config)?;
//!
//! let body = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}"#;
//! let request = Request::post("/v1/chat/completions").body(Full::new(Bytes::from(body)))?;
//! let response = gateway.oneshot(request).await?;
//!
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(response.headers()["x-litellm-model-name"], "simulated/paris");
//! let answer = response.into_body().collect().await?.to_bytes();
//! assert!(answer.starts_with(b"{"));
//! # Ok(())
//! # }
//! ```

pub use headworks_alias as alias;
pub use headworks_balance as balance;
pub use headworks_breaker as breaker;
pub use headworks_config as config;
pub use headworks_core as core;
pub use headworks_core::BoxError;
pub use headworks_fallback as fallback;
pub use headworks_limit as limit;
pub use headworks_openai as openai;
pub use headworks_provider as provider;
pub use headworks_retry as retry;
pub use headworks_timeout as timeout;

mod gateway;
pub mod health;
pub mod meter;

pub use gateway::{
    BuildError, Gateway, GatewayBuilder, GroupPlan, LimitPlan, RequestPlan, ResponseBody,
    ResponseFuture, Standing,
};

/// The README's stack compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
