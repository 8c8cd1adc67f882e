use super::app;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{future::IntoFuture, time::Duration};
use tokio::{net::TcpListener, time::timeout};

/// Starts the app and sends it one request.
async fn send(path: &str, body: Option<&str>) -> Response<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app().unwrap()).into_future());

    let client = Client::builder(TokioExecutor::new()).build_http::<String>();
    let request = match body {
        Some(_) => Request::post(url).header(header::CONTENT_TYPE, "application/json"),
        None => Request::get(url),
    };
    let request = request.body(body.unwrap_or_default().to_owned()).unwrap();
    let answer = async {
        let (head, body) = client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(head, String::from_utf8_lossy(&body).into_owned())
    };
    timeout(Duration::from_secs(10), answer).await.unwrap()
}

#[tokio::test]
async fn the_apps_own_route_is_beside_the_gateway() {
    let answer = send("/", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.body().contains("own page"));
    assert_eq!(
        send("/v1/models", None).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_gateway_lists_its_models_under_the_prefix() {
    let answer = send("/llm/v1/models", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(
        answer.body().contains(r#""id":"assistant""#),
        "{}",
        answer.body()
    );
}

#[tokio::test]
async fn the_gateway_answers_under_the_prefix() {
    let body = r#"{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}"#;
    let answer = send("/llm/v1/chat/completions", Some(body)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().contains_key("x-litellm-model-id"));
    assert!(answer.body().contains("Hello from"), "{}", answer.body());
}
