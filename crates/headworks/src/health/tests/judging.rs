//! What an answer to a check says.

use super::*;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio_stream::iter;

/// What one check of a deployment that answers so finds.
async fn found_by(probe: Probe, fake: &Fake) -> Option<String> {
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    checks.add(subject("a", &circuit(), fake.service()).probe(probe));
    let health = checks.build();
    health.report(None).await;
    sickness(&health, "a")
}

fn chat() -> Probe {
    Probe::Completion(Completion::of_mode(None).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_status_is_sick_if_it_blames_the_deployment() {
    for (status, found) in [
        (200, None),
        (204, None),
        (302, None),
        (400, None),
        (401, Some("status 401: auth")),
        (403, Some("status 403: auth")),
        (408, Some("status 408: timeout")),
        (429, Some("status 429: rate limited")),
        (500, Some("status 500: server fault")),
        (503, Some("status 503: capacity")),
        (0, Some("no answer: connection refused")),
    ] {
        for probe in [Probe::Models, chat()] {
            let fake = Fake::new(status);
            assert_eq!(found_by(probe, &fake).await.as_deref(), found, "{status}");
            assert_eq!(fake.count(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_list_is_there_all_the_same() {
    for status in [404, 405, 501] {
        assert_eq!(found_by(Probe::Models, &Fake::new(status)).await, None);
    }
    assert!(found_by(chat(), &Fake::new(501)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn silence_is_sick_when_its_time_is_over() {
    let fake = Fake::new(200).takes(seconds(3600));
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    add(&mut checks, "a", &circuit(), &fake);
    checks.add(subject("b", &circuit(), fake.service()).timeout(seconds(5)));
    let health = checks.build();
    let begun = Instant::now();
    health.report(None).await;
    assert_eq!(begun.elapsed(), seconds(60));
    assert_eq!(sickness(&health, "a").unwrap(), "no answer within 60s");
    assert_eq!(sickness(&health, "b").unwrap(), "no answer within 5s");
    let found = health.finding(&"b".into()).unwrap();
    assert_eq!(found.at(), begun + seconds(5));
    assert_eq!(
        found.sickness().unwrap().verdict().outcome,
        Outcome::Timeout
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_none() {
    let service = service_fn(async |_: Request<Full<Bytes>>| {
        let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let frames = iter([Ok(Frame::data(Bytes::from_static(b"{"))), Err(cut)]);
        let body = BodyExt::boxed(StreamBody::new(frames));
        Ok::<_, Infallible>(Response::new(body))
    });
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    checks.add(subject("a", &circuit(), service));
    let health = checks.build();
    health.report(None).await;
    assert_eq!(
        sickness(&health, "a").unwrap(),
        "no answer: unexpected end of file"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_is_read_so_far_and_no_further() {
    let read = Arc::new(Mutex::new(0_usize));
    let reading = read.clone();
    let service = service_fn(move |_: Request<Full<Bytes>>| {
        let read = reading.clone();
        let frames = iter(std::iter::repeat_with(move || {
            *read.lock() += 1024;
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; 1024])))
        }));
        let body = StreamBody::new(frames);
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    checks.add(subject("a", &circuit(), service));
    let health = checks.build();
    health.report(None).await;
    assert_eq!(sickness(&health, "a"), None);
    assert_eq!(*read.lock(), 4 * 1024 * 1024 + 1024);
}

#[tokio::test(start_paused = true)]
async fn the_list_is_asked_for_with_the_deployments_key() {
    let fake = Fake::new(200);
    found_by(Probe::Models, &fake).await;
    let state = fake.0.lock();
    let (_, request) = &state.asked[0];
    assert_eq!(request.method(), http::Method::GET);
    assert_eq!(request.uri().path(), "/v1/models");
    assert_eq!(
        request.headers()["authorization"],
        format!("Bearer {CANARY}")
    );
}

#[tokio::test(start_paused = true)]
async fn a_completion_is_asked_for_in_litellms_words() {
    for (mode, path, body) in [
        (
            None,
            "/v1/chat/completions",
            serde_json::json!({
                "model": "llama", "max_tokens": 16,
                "messages": [{ "role": "user", "content": "test from litellm" }],
            }),
        ),
        (
            Some("completion"),
            "/v1/completions",
            serde_json::json!({ "model": "llama", "max_tokens": 16, "prompt": "test from litellm" }),
        ),
        (
            Some("embedding"),
            "/v1/embeddings",
            serde_json::json!({ "model": "llama", "input": ["test from litellm"] }),
        ),
        (
            Some("responses"),
            "/v1/responses",
            serde_json::json!({
                "model": "llama", "max_output_tokens": 16, "input": "test from litellm",
            }),
        ),
        (
            Some("rerank"),
            "/v1/rerank",
            serde_json::json!({
                "model": "llama", "query": "test from litellm", "documents": ["test", "test from litellm"],
            }),
        ),
        (
            Some("audio_speech"),
            "/v1/audio/speech",
            serde_json::json!({ "model": "llama", "input": "test from litellm", "voice": "alloy" }),
        ),
    ] {
        let fake = Fake::new(200);
        let probe = Probe::Completion(Completion::of_mode(mode).unwrap());
        assert_eq!(found_by(probe, &fake).await, None);
        let (_, request) = fake.0.lock().asked.remove(0);
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(request.uri().path(), path);
        assert_eq!(
            request.headers()["authorization"],
            format!("Bearer {CANARY}")
        );
        assert_eq!(request.headers()["content-type"], "application/json");
        let sent = request.into_body().collect().await.unwrap().to_bytes();
        let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent, body);
    }
    assert_eq!(Completion::of_mode(Some("image_generation")), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_this_process_is_well_and_not_asked() {
    let fake = Fake::new(500);
    assert_eq!(found_by(Probe::Nothing, &fake).await, None);
    assert_eq!(fake.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_over_in_a_moment_says_nothing_if_so_configured() {
    let fake = Fake::new(429);
    let mut checks = HealthBuilder::new(HealthPolicy::new().ignore_transient(true));
    add(&mut checks, "a", &circuit(), &fake);
    let health = checks.build();
    for (status, found) in [
        (429, None),
        (500, Some("status 500: server fault")),
        (408, Some("status 500: server fault")),
        (200, None),
    ] {
        fake.says(status);
        health.report(None).await;
        assert_eq!(sickness(&health, "a").as_deref(), found, "{status}");
    }
    // Silence is no answer of 408.
    let silent = fake.takes(seconds(3600));
    health.report(None).await;
    assert_eq!(sickness(&health, "a").unwrap(), "no answer within 60s");
    assert_eq!(silent.0.lock().status, StatusCode::OK);
}
