//! Runs the program against upstreams on loopback.

use headworks_upstream::{Answer, DeadPort, Upstream};
use std::{io, process::Output, time::Duration};
use tokio::{process::Command, time::timeout};

/// Runs the program on `url`, for no longer than a test may take.
async fn run(url: String) -> io::Result<Output> {
    let program = Command::new(env!("CARGO_BIN_EXE_hyper-client"))
        .arg(url)
        .kill_on_drop(true)
        .output();
    timeout(Duration::from_secs(30), program).await?
}

#[tokio::test]
async fn an_upstream_that_is_busy_twice_is_asked_a_third_time() {
    let upstream = Upstream::start().await;
    upstream.answer_next(Answer::status(503));
    upstream.answer_next(Answer::status(429).header("retry-after-ms", "20"));
    upstream.answer(Answer::bytes("here you are"));

    let output = run(upstream.base_url()).await.unwrap();

    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"200 OK\nhere you are\n");
    assert_eq!(upstream.received().len(), 3);
}

#[tokio::test]
async fn the_answer_to_the_last_attempt_is_handed_on() {
    let upstream = Upstream::start().await;
    upstream.answer(Answer::status(503).header("retry-after-ms", "1"));

    let output = run(upstream.base_url()).await.unwrap();

    assert_eq!(output.stdout, b"503 Service Unavailable\n\n");
    assert_eq!(upstream.received().len(), 3);
}

#[tokio::test]
async fn where_nobody_listens_the_error_says_so() {
    let nobody = DeadPort::new();

    let output = run(nobody.base_url()).await.unwrap();

    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("ConnectionRefused"), "{error}");
}
