//! Runs the program against upstreams on loopback.

use headworks_upstream::{Answer, Upstream};
use std::time::Duration;
use tokio::{process::Command, time::timeout};

#[tokio::test]
async fn every_attempt_is_numbered_on_the_wire_and_told_with_its_deployment() {
    let upstreams = Upstream::start_many(2).await;
    upstreams[0].answer(Answer::status(503));
    let urls = upstreams.iter().map(Upstream::base_url).collect::<Vec<_>>();

    let program = Command::new(env!("CARGO_BIN_EXE_own-layer"))
        .args(&urls)
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(30), program)
        .await
        .expect("the program ends in time")
        .unwrap();

    assert!(output.status.success(), "{output:?}");
    assert_eq!(upstreams[0].last().header("x-attempt"), Some("1"));
    assert_eq!(upstreams[1].last().header("x-attempt"), Some("2"));
    let said = String::from_utf8_lossy(&output.stdout);
    let lines = said.lines().collect::<Vec<_>>();
    let first = format!("attempt 1: 503 Service Unavailable by {} in ", urls[0]);
    let second = format!("attempt 2: 200 OK by {} in ", urls[1]);
    assert!(lines[0].starts_with(&first), "{said}");
    assert!(lines[1].starts_with(&second), "{said}");
    assert!(lines[2].contains("Hello from upstream"), "{said}");
}
