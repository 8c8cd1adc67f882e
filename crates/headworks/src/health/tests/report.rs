//! `GET /health`.

use super::*;
use serde_json::{Value, json};

async fn told(health: &Health, query: Option<&str>) -> Value {
    let report = health.report(query).await;
    let text = String::from_utf8(report.to_vec()).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_has_litellms_shape_and_no_secret() {
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    add(&mut checks, "a", &circuit(), &Fake::new(200));
    add(&mut checks, "b", &circuit(), &Fake::new(401));
    let health = checks.build();
    let shape = json!({
        "healthy_count": 1,
        "healthy_endpoints": [{
            "api_base": "https://a.test/v1", "model": "hosted_vllm/llama", "model_id": "a",
            "model_name": "g", "checked_seconds_ago": 0,
        }],
        "unhealthy_count": 1,
        "unhealthy_endpoints": [{
            "api_base": "https://b.test/v1", "model": "hosted_vllm/llama", "model_id": "b",
            "model_name": "g", "checked_seconds_ago": 0, "error": "status 401: auth",
        }],
    });
    assert_eq!(told(&health, None).await, shape);
    assert!(!format!("{health:?}").contains(CANARY));
}

#[tokio::test(start_paused = true)]
async fn a_model_narrows_it_to_deployments_or_else_to_a_group() {
    let fakes = [Fake::new(200), Fake::new(200), Fake::new(200)];
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    for (fake, (id, group, model)) in fakes.iter().zip([
        ("a", "g", "openai/x"),
        ("b", "g", "openai/y"),
        ("c", "h", "openai/x"),
    ]) {
        let subject = Subject::new(id, group, target(id), circuit(), fake.service());
        checks.add(subject.model(model));
    }
    let health = checks.build();
    for (query, ids) in [
        ("model=openai%2Fx", vec!["a", "c"]),
        ("model=g", vec!["a", "b"]),
        ("model=nobody", vec![]),
        ("model=", vec!["a", "b", "c"]),
    ] {
        let report = told(&health, Some(query)).await;
        let healthy = report["healthy_endpoints"].as_array().unwrap();
        let found: Vec<_> = healthy
            .iter()
            .map(|entry| entry["model_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "{query}");
        assert_eq!(report["healthy_count"], ids.len());
    }
    // Who is not asked about is not checked.
    assert_eq!(fakes.map(|fake| fake.count()), [3, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn without_a_background_all_are_checked_at_the_same_time_on_each_request() {
    let fakes = [Fake::new(200), Fake::new(500)].map(|fake| fake.takes(seconds(7)));
    let mut checks = HealthBuilder::new(HealthPolicy::new());
    checks.add(subject("a", &circuit(), fakes[0].service()).background(false));
    add(&mut checks, "b", &circuit(), &fakes[1]);
    let health = checks.build();
    for round in 1..=2 {
        let begun = Instant::now();
        let report = told(&health, None).await;
        assert_eq!(begun.elapsed(), seconds(7));
        assert_eq!(report["healthy_count"], 1);
        assert_eq!(report["unhealthy_count"], 1);
        assert_eq!(fakes[0].count(), round);
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_background_it_tells_what_was_found_last() {
    let fakes = [Fake::new(200), Fake::new(200), Fake::new(200)];
    let mut checks = HealthBuilder::new(HealthPolicy::new().background(true));
    add(&mut checks, "a", &circuit(), &fakes[0]);
    add(&mut checks, "b", &circuit(), &fakes[1]);
    checks.add(subject("c", &circuit(), fakes[2].service()).background(false));
    let health = checks.build();
    // Nobody has been checked yet: a report does not wait for the round.
    let begun = Instant::now();
    let report = told(&health, None).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!((&report["healthy_count"], fakes[2].count()), (&json!(2), 0));

    sleep(seconds(100)).await;
    let before = fakes[0].count();
    fakes[0].says(500);
    let report = told(&health, None).await;
    assert_eq!(report["healthy_count"], 2);
    assert!(report["healthy_endpoints"][0]["checked_seconds_ago"].as_u64() >= Some(90));
    assert_eq!(fakes[0].count(), before);
    sleep(seconds(300)).await;
    let report = told(&health, None).await;
    assert_eq!(
        report["unhealthy_endpoints"][0]["error"],
        "status 500: server fault"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_ends_the_checks_it_began() {
    let fake = Fake::new(200).takes(seconds(30));
    let mut checks = HealthBuilder::new(HealthPolicy::new().concurrency(1));
    add(&mut checks, "a", &circuit(), &fake);
    add(&mut checks, "b", &circuit(), &fake);
    let health = checks.build();
    assert!(timeout(seconds(5), health.report(None)).await.is_err());
    sleep(seconds(300)).await;
    assert_eq!(fake.count(), 1);
    // The slot is free again.
    assert_eq!(health.finding(&"a".into()), None);
    let report = told(&health, None).await;
    assert_eq!(report["healthy_count"], 2);
}
