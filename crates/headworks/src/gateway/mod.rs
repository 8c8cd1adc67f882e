//! The assembled gateway.

mod account;
mod body;
mod build;
mod discovery;
mod exchange;
mod fallbacks;
mod fault;
mod future;
mod headers;
mod info;
mod key;
mod mock;
mod names;
mod network;
mod patience;
mod plan;
mod policy;
mod quota;
mod reach;
mod read;
mod redact;
mod route;
mod secrets;
mod stack;
mod standing;
mod tags;
mod view;

pub use self::{
    body::ResponseBody,
    build::{BuildError, GatewayBuilder},
    future::ResponseFuture,
    plan::{GroupPlan, RequestPlan},
    quota::LimitPlan,
    standing::Standing,
};

use self::{
    discovery::Discovery,
    exchange::{Asked, Asking, Call},
    fault::Fault,
    headers::DeploymentHeaders,
    info::Info,
    names::Names,
    plan::Plans,
    read::Read,
    route::{Own, Route},
    stack::Stack,
    standing::Stand,
};
use bytes::Bytes;
use headworks_alias::Aliases;
use headworks_config::Config;
use headworks_core::{BoxError, DeploymentId, Secret};
use headworks_openai::RequestBody;
use headworks_provider::Endpoint;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body::Body;
use http_body_util::Full;
use std::{
    borrow::Cow,
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower::Service;

/// How long a client may pause while it sends a body. No client that works stops for half a minute.
const PATIENCE: Duration = Duration::from_secs(30);

/// The whole gateway as one [`Service`]: it takes a client's request and answers it, always.
///
/// Cheap to clone (two reference counts and the layers' own), so it can be handed to axum, tonic or hyper as
/// it is; every clone shares one state. The request's body may be any body.
///
/// # What an answer tells of itself
///
/// Beside the headers of `LiteLLM` (`x-litellm-model-id`, `-attempted-retries`, `-attempted-fallbacks`, …), each
/// list bounded to 16 members, of deployments nothing but their ids:
///
/// | header | on | says |
/// |---|---|---|
/// | `x-headworks-attempts` | every answer for which a deployment was asked | each attempt, oldest first: where, how it ended, how long that took: `a=rate_limited;120ms, b=success;840ms` |
/// | `x-headworks-fallback-reason` | answers after fallbacks | why the first group was left: `capacity` |
/// | `x-headworks-error` | errors the gateway itself decided on, not a deployment | in one word what, the `code` of the body too: `all_resting`, `rate_limited`, `no_match`, `unknown_model`, `context_too_large`, `timeout`, … |
/// | `x-headworks-refused` | such errors where deployments did not take the request | which and why: `a=resting;12s, b=full` |
/// | `x-headworks-unknown-model` | answers of a default fallback | the name that nobody knows |
/// | `retry-after` | errors that a wait mends, if it is known which | whole seconds, rounded up |
/// | `x-should-retry: false` | errors that would end the same way again, or only after more than a minute | what `OpenAI`'s and Anthropic's SDKs need to hear, to not try again at once |
///
/// A deployment's own error is passed on with its status and its body.
///
/// What is left of the group that answered, or refused, is in `x-ratelimit-limit-requests`,
/// `x-ratelimit-remaining-requests` and the two of `-tokens`: the sum over its deployments, those of one
/// `quota_group` counted once, of what `rpm` and `tpm` (or what has been learned) leave in this minute; never less
/// than 0. One that some deployment of the group has no limit on is left out. Where limits are weights they are counted
/// all the same, by each instance for itself, and nobody is refused at 0. Tokens are counted as estimated until an
/// answer has ended. Over Redis it is what was left for all at the last exchange. Of a group with more than 16
/// quotas the sum is up to 50 ms old. A provider's own `x-ratelimit-…` are those of one deployment: they are in the
/// copies alone (`llm_provider-x-ratelimit-…`).
///
/// Built from a configuration by [`Gateway::new`], or by [`Gateway::builder`] where there is more to say. It
/// must be built and called inside a tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct Gateway {
    stack: Stack,
    shared: Arc<Shared>,
}

/// What every clone shares and no layer of the stack holds.
struct Shared {
    master_key: Option<Secret>,
    max_request_bytes: usize,
    plans: Plans,
    limits: Option<LimitPlan>,
    lefts: quota::Lefts,
    views: view::Views,
    total_timeout: Option<Duration>,
    stream_keepalive: Option<Duration>,
    mock_faults: bool,
    names: Names,
    aliases: Aliases,
    info: Info,
    deployments: HashMap<DeploymentId, DeploymentHeaders>,
    metrics: Option<Box<dyn Fn() -> String + Send + Sync>>,
    health: crate::health::Health,
    stands: HashMap<DeploymentId, Stand>,
    discovery: Discovery,
    /// Lives as long as the gateway does.
    sharing: quota::Sharing,
    draining: AtomicBool,
}

// ===== impl Gateway =====

impl Gateway {
    /// The gateway a configuration describes.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if a deployment's provider, URL or headers cannot be used.
    pub fn new(config: &Config) -> Result<Self, BuildError> {
        Self::builder(config).build()
    }

    /// Begins to build the gateway a configuration describes.
    #[must_use]
    pub fn builder(config: &Config) -> GatewayBuilder<'_> {
        GatewayBuilder::new(config)
    }

    /// The plan of every group: the worst that may become of a request, in the order of the configuration.
    #[must_use]
    pub fn plans(&self) -> &[GroupPlan] {
        self.shared.plans.all()
    }

    /// The plan of one group, if there is one of this name.
    #[must_use]
    pub fn plan(&self, group: &str) -> Option<&GroupPlan> {
        self.shared.plans.find(group)
    }

    /// The plan of one request, which may ask for retries and bring fallbacks of its own. `None` for one that
    /// is refused as it stands, or asks no deployment anything.
    #[must_use]
    pub fn plan_of(&self, request: &Request<Bytes>) -> Option<RequestPlan> {
        let Route::Proxy(_, model) = Route::of(request.method(), request.uri().path()) else {
            return None;
        };
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let body = RequestBody::parse(content_type, request.body().clone()).ok()?;
        let asked = Asked::of(&self.shared, request.headers(), model.as_deref(), &body).ok()?;
        Some(asked.plan)
    }

    /// What the limits of the configuration are for, and who counts them; `None` where nothing is limited and
    /// nothing is shared.
    #[must_use]
    pub fn limits(&self) -> Option<&LimitPlan> {
        self.shared.limits.as_ref()
    }

    /// How the deployment of this id stands now: what its breaker does, and how much is under way there. `None`
    /// for an id that no deployment has.
    #[must_use]
    pub fn standing(&self, deployment: &str) -> Option<Standing> {
        self.shared.stands.get(deployment).map(Stand::now)
    }

    /// Says that the process is about to stop: readiness answers 503 from now on, so that no new clients are
    /// sent here. Requests are still answered.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Gives what this process holds of limits that are shared over Redis back to the others, for when its requests have
    /// ended and it is about to. It takes one exchange, some milliseconds; half a second at most if Redis does not answer.
    /// Requests are still answered, by what `headworks.redis.when_silent` says.
    ///
    /// ```
    /// # use headworks::{Gateway, config::Config};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), headworks::BoxError> {
    /// # let config = "model_list: [{model_name: m, litellm_params: {model: simulated/a}}]";
    /// let gateway = Gateway::new(&Config::parse(config, "config.yaml")?.config)?;
    /// // No new clients, and those that are there are waited for.
    /// gateway.drain();
    /// gateway.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(&self) {
        self.shared.sharing.end().await;
    }
}

impl<B> Service<Request<B>> for Gateway
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture<B>;

    /// Always ready: what a request has to wait for depends on its model, and is told in its answer.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let call = Call {
            id: headers::call_id(&parts.headers),
            received: Instant::now(),
        };
        let (endpoint, model) = match self.shared.route(&parts) {
            Ok(Routed::Proxy(endpoint, model)) => (endpoint, model),
            Ok(Routed::Health(report)) => {
                return ResponseFuture::health(report, call, parts.method == Method::HEAD);
            }
            Ok(Routed::Own(mut response)) => {
                headers::own(response.headers_mut(), &call);
                return ResponseFuture::own(response);
            }
            Err(fault) => {
                let mut response = fault.into_response(route::dialect(parts.uri.path()));
                headers::own(response.headers_mut(), &call);
                return ResponseFuture::own(response);
            }
        };
        let asking = Asking::new(self.shared.clone(), parts, endpoint, model, call);
        let read = Read::new(
            body,
            asking.declared_length(),
            self.shared.max_request_bytes,
            PATIENCE,
        );
        ResponseFuture::reading(read, asking, self.stack.clone())
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("names", &self.shared.names)
            .field("deployments", &self.shared.deployments.len())
            .finish_non_exhaustive()
    }
}

// ===== impl Shared =====

enum Routed {
    Proxy(Endpoint, Option<String>),
    Own(Response<Full<Bytes>>),
    Health(crate::health::ReportFuture),
}

impl Shared {
    /// Where a request goes, before a byte of its body is read.
    fn route(&self, parts: &Parts) -> Result<Routed, Fault> {
        let path = parts.uri.path();
        let route = Route::of(&parts.method, path);
        let open = matches!(&route, Route::Own(own) if !own.needs_key());
        if let Some(master) = self.master_key.as_ref().filter(|_| !open) {
            key::check(master, &parts.headers)?;
        }
        match route {
            Route::Proxy(endpoint, model) => {
                Ok(Routed::Proxy(endpoint, model.map(Cow::into_owned)))
            }
            Route::Own(Own::Health) => Ok(Routed::Health(self.health.report(parts.uri.query()))),
            Route::Own(own) => {
                let response = self.answer(&own)?;
                Ok(Routed::Own(match parts.method {
                    Method::HEAD => without_body(response),
                    _ => response.map(Full::new),
                }))
            }
            Route::WrongMethod(allowed) => Err(Fault::wrong_method(&parts.method, path, allowed)),
            Route::Unknown => Err(Fault::no_route(&parts.method, path)),
        }
    }

    fn answer(&self, own: &Own<'_>) -> Result<Response<Bytes>, Fault> {
        Ok(match own {
            Own::Models => json(StatusCode::OK, self.info.models()),
            Own::Model(name) => match self.names.get(name) {
                Some(name) => json(StatusCode::OK, Info::model(name)),
                None => return Err(Fault::unknown_model(name, &self.names.near(name))),
            },
            Own::ModelInfo => json(StatusCode::OK, self.info.deployments()),
            Own::Pods(deployment) => match self.discovery.pods(deployment) {
                Some(pods) => json(StatusCode::OK, pods.to_string().into()),
                None => return Err(Fault::no_discovery(deployment)),
            },
            Own::ModelGroupInfo => json(StatusCode::OK, self.info.groups()),
            Own::Liveliness => json(StatusCode::OK, Bytes::from_static(br#""I'm alive!""#)),
            Own::Readiness if self.draining.load(Ordering::Relaxed) => json(
                StatusCode::SERVICE_UNAVAILABLE,
                Bytes::from_static(br#"{"status":"shutting_down"}"#),
            ),
            Own::Readiness => json(
                StatusCode::OK,
                Bytes::from_static(br#"{"status":"healthy","db":"Not connected"}"#),
            ),
            // Answered by a future of its own, in `route`.
            Own::Health => return Err(Fault::no_route(&Method::GET, "/health")),
            Own::Metrics => match &self.metrics {
                Some(render) => {
                    let text = HeaderValue::from_static("text/plain; version=0.0.4");
                    written(StatusCode::OK, text, render().into())
                }
                None => return Err(Fault::no_route(&Method::GET, "/metrics")),
            },
        })
    }
}

/// The answer to `GET /health`.
fn health(report: Bytes, call: &Call, head: bool) -> Response<Full<Bytes>> {
    let mut response = json(StatusCode::OK, report);
    headers::own(response.headers_mut(), call);
    if head {
        without_body(response)
    } else {
        response.map(Full::new)
    }
}

fn json(status: StatusCode, bytes: Bytes) -> Response<Bytes> {
    let json = HeaderValue::from_static("application/json");
    written(status, json, bytes)
}

fn written(status: StatusCode, content_type: HeaderValue, bytes: Bytes) -> Response<Bytes> {
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// The answer to `HEAD`: the length is that of the body which is left out.
fn without_body(mut response: Response<Bytes>) -> Response<Full<Bytes>> {
    let length = response.body().len().into();
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response.map(|_| Full::default())
}
