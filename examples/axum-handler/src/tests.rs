use super::app;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};

#[tokio::test]
async fn every_question_is_answered_though_a_deployment_fails_half_of_its_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ask", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app().unwrap()).into_future());
    let client = Client::builder(TokioExecutor::new()).build_http::<String>();

    let mut answered_by = Vec::new();
    for _ in 0..20 {
        let request = Request::post(&url).body("Who lets the water in?".into());
        let answer = timeout(Duration::from_secs(10), client.request(request.unwrap()))
            .await
            .expect("an answer comes in time")
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let by = answer.headers()["x-answered-by"]
            .to_str()
            .unwrap()
            .to_owned();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&text);
        assert!(text.starts_with(&format!("Hello from {by}")), "{text}");
        answered_by.push(by);
    }

    let flaky = answered_by.iter().filter(|by| *by == "flaky").count();
    assert!((1..10).contains(&flaky), "{answered_by:?}");
}
