//! Timeouts outside and inside of retry: the right order, and the two wrong ones.

use crate::upstream::{Step, Upstream, reply, status};
use headworks_core::{BoxError, Clock, Elapsed};
use headworks_retry::{RetryLayer, RetryPolicy};
use headworks_timeout::{AttemptTimeoutLayer, DeadlineLayer};
use http::Request;
use std::time::Duration;
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::new(2))
}

fn clock(error: &BoxError) -> Option<Clock> {
    error.downcast_ref().map(Elapsed::clock)
}

#[tokio::test(start_paused = true)]
async fn a_silent_deployment_costs_its_own_time_and_the_next_one_answers() {
    let (upstream, seen) = Upstream::among([1], [Step::Silence]);
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(secs(30)))
        .layer(retry())
        .layer(AttemptTimeoutLayer::new(secs(10)))
        .service(upstream);
    let response = stack.oneshot(Request::new("hi")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(seen.times(), [secs(0), secs(10)]);
}

#[tokio::test(start_paused = true)]
async fn with_the_attempts_time_outside_a_silent_deployment_uses_up_all_of_it() {
    let (upstream, seen) = Upstream::among([1], [Step::Silence]);
    let stack = ServiceBuilder::new()
        .layer(AttemptTimeoutLayer::new(secs(10)))
        .layer(retry())
        .service(upstream);
    let error = stack.oneshot(Request::new("hi")).await.err().unwrap();
    assert_eq!(clock(&error), Some(Clock::Attempt));
    assert_eq!(seen.count(), 1, "nobody else was asked");
}

#[tokio::test(start_paused = true)]
async fn with_the_deadline_inside_a_request_outlives_it() {
    let slow = || reply(503, |reply| reply.after = secs(9));
    for (inside, ended) in [(false, secs(10)), (true, secs(18))] {
        let began = Instant::now();
        let (upstream, _) = Upstream::among([9, 9], [slow(), slow()]);
        let deadline = DeadlineLayer::new(secs(10));
        if inside {
            let stack = ServiceBuilder::new().layer(retry()).layer(deadline);
            let answer = stack.service(upstream).oneshot(Request::new("hi")).await;
            assert_eq!(answer.unwrap().status(), 503);
        } else {
            let stack = ServiceBuilder::new().layer(deadline).layer(retry());
            let answer = stack.service(upstream).oneshot(Request::new("hi")).await;
            assert_eq!(clock(&answer.err().unwrap()), Some(Clock::Total));
        }
        assert_eq!(began.elapsed(), ended);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_whatever_attempt_runs() {
    let began = Instant::now();
    let (upstream, seen) = Upstream::among([0, 0], [status(503), Step::Silence]);
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(secs(10)))
        .layer(retry())
        .service(upstream);
    let error = stack.oneshot(Request::new("hi")).await.err().unwrap();
    assert_eq!(clock(&error), Some(Clock::Total));
    assert_eq!((seen.count(), began.elapsed()), (2, secs(10)));
    assert_eq!(seen.running(), 0);
}
