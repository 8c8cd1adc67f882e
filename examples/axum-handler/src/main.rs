//! An axum service of one's own that asks a model in one of its handlers.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Request, Response, StatusCode},
    response::IntoResponse,
    routing::post,
};
use headworks_balance::{Balance, Endpoint, Strategy};
use headworks_core::{BoxError, DeploymentId};
use headworks_openai::RequestBody;
use headworks_provider::{
    SignIn, SignInLayer, Target,
    simulated::{Params, Simulated},
};
use headworks_retry::{RetryLayer, RetryPolicy};
use headworks_timeout::{AttemptTimeout, AttemptTimeoutLayer, DeadlineLayer};
use serde_json::{Value, json};
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

/// The stack, boxed so that the state has a type one can write down.
type Chat = BoxCloneSyncService<Request<RequestBody>, Response<Body>, BoxError>;

/// One deployment's own stack.
type Deployment = AttemptTimeout<SignIn<Simulated>>;

/// Whatever went wrong: the caller of our service learns no more than that.
struct Failed(BoxError);

/// The longest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("try: curl -d 'Who lets the water in?' http://127.0.0.1:3000/ask");
    Ok(axum::serve(listener, app()?).await?)
}

fn app() -> Result<Router, BoxError> {
    Ok(Router::new().route("/ask", post(ask)).with_state(chat()?))
}

/// Two deployments of one model: what fails on the one is tried on the other.
fn chat() -> Result<Chat, BoxError> {
    let flaky = Params::default().error_rate(StatusCode::SERVICE_UNAVAILABLE, 0.5);
    let steady = Params::default();
    let group = [deployment("flaky", flaky)?, deployment("steady", steady)?];
    let stack = ServiceBuilder::new()
        .map_response(|answer: Response<_>| answer.map(Body::new))
        .layer(DeadlineLayer::new(Duration::from_secs(60)))
        .layer(RetryLayer::new(RetryPolicy::new(2)))
        .service(Balance::new("assistant", &Strategy::RoundRobin, group));
    Ok(BoxCloneSyncService::new(stack))
}

/// One deployment, inside the process. A real one has its model and its key in the target, and the client of
/// `headworks_provider::client` where [`Simulated`] stands.
fn deployment(id: &str, params: Params) -> Result<Endpoint<Deployment>, BoxError> {
    let target = Target::builder(format!("simulated/{id}")).build()?;
    let service = ServiceBuilder::new()
        .layer(AttemptTimeoutLayer::new(Duration::from_secs(20)))
        .layer(SignInLayer::new(target))
        .service(Simulated::new(params));
    Ok(Endpoint::new(id, service))
}

async fn ask(State(chat): State<Chat>, question: String) -> Result<impl IntoResponse, Failed> {
    let body = json!({
        "model": "assistant",
        "messages": [{ "role": "user", "content": question }],
    });
    let body = RequestBody::json(body.to_string().into())?;
    let answer = chat
        .oneshot(Request::post("/v1/chat/completions").body(body)?)
        .await?;

    let by = answer.extensions().get().map(DeploymentId::to_string);
    let answer = to_bytes(answer.into_body(), MAX_ANSWER).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    let text = text.ok_or("the answer has no text")?.to_owned();
    Ok(([("x-answered-by", by.unwrap_or_default())], text))
}

// ===== impl Failed =====

impl<E: Into<BoxError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        eprintln!("cannot answer: {}", self.0);
        StatusCode::BAD_GATEWAY.into_response()
    }
}

#[cfg(test)]
mod tests;
