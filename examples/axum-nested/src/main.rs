//! The whole gateway nested in an axum app, beside routes of the app's own and under one trace.

use axum::{Router, routing::get};
use headworks::{BoxError, Gateway, config::Config};
use tower_http::trace::TraceLayer;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "tower_http=debug".into());
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("try: curl http://127.0.0.1:3000/llm/v1/models");
    Ok(axum::serve(listener, app()?).await?)
}

fn app() -> Result<Router, BoxError> {
    // What the configuration says that will not be honoured is in the notices beside it.
    let loaded = Config::parse(include_str!("config.yaml"), "config.yaml")?;
    let gateway = Gateway::new(&loaded.config)?;
    Ok(Router::new()
        .route(
            "/",
            get(async || "The app's own page. Models are under /llm.\n"),
        )
        .nest_service("/llm", gateway)
        .layer(TraceLayer::new_for_http()))
}

#[cfg(test)]
mod tests;
