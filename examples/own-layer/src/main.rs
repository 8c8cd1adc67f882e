//! A stack with a layer of one's own between ours.

mod stamp;

use headworks_balance::{Balance, Endpoint, Strategy};
use headworks_core::BoxError;
use headworks_openai::RequestBody;
use headworks_provider::{SignInLayer, Target, client::ClientParams};
use headworks_retry::{RetryLayer, RetryPolicy};
use headworks_timeout::AttemptTimeoutLayer;
use http::Request;
use http_body_util::BodyExt;
use stamp::StampLayer;
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let params = ClientParams::default();
    let client = params.client(params.connector()?);

    // A deployment for each URL on the command line, all of them good for the same model, the first asked first.
    let mut endpoints = Vec::new();
    for (order, url) in (1..).zip(std::env::args().skip(1)) {
        let target = Target::builder("openai/gpt-4o").api_base(&url).build()?;
        let deployment = ServiceBuilder::new()
            .layer(AttemptTimeoutLayer::new(Duration::from_secs(10)))
            .layer(SignInLayer::new(target))
            .service(client.clone());
        endpoints.push(Endpoint::new(url.as_str(), deployment).order(order));
    }

    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryPolicy::new(2)))
        // Ours ends here. Inside of retry it sees every attempt; outside of balance it sees them before
        // they have a deployment, and learns from the answer which one it was.
        .layer(StampLayer)
        .service(Balance::new("gpt-4o", &Strategy::RoundRobin, endpoints));

    let question = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}"#;
    let request =
        Request::post("/v1/chat/completions").body(RequestBody::json(question.into())?)?;
    let answer = stack.oneshot(request).await?.into_body().collect().await?;
    println!("{}", String::from_utf8_lossy(&answer.to_bytes()));
    Ok(())
}
