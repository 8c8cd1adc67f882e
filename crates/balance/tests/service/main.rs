//! What a `Balance` does with a request, whatever its strategy.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod choice;
mod endings;
mod sharing;

use bytes::Bytes;
use headworks_balance::{Balance, Endpoint, Groups, Strategy};
use headworks_core::{Attempts, BoxError, DeploymentId, Group, Outcome, Refusal};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt, service_fn};
use tower_test::mock;

type Body = Full<Bytes>;
type Mock = mock::Mock<Request<()>, Response<Body>>;
type Handle = mock::Handle<Request<()>, Response<Body>>;

fn request(attempts: &Attempts) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().insert(attempts.clone());
    request
}

fn strategies() -> [Strategy; 8] {
    [
        Strategy::WeightedShuffle,
        Strategy::RoundRobin,
        Strategy::SmoothRoundRobin,
        Strategy::default().sticky(),
        Strategy::LeastBusy,
        Strategy::LeastLatency,
        Strategy::LeastUsed,
        Strategy::Cheapest,
    ]
}

/// A service that answers with this status.
fn status(
    status: u16,
) -> impl Service<Request<()>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(move |_: Request<()>| {
        let mut response = Response::new(Body::from("abc"));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    })
}

fn in_flight<S, C>(balance: &Balance<S, C>) -> usize {
    let snapshot = balance.registry().snapshot();
    snapshot
        .members()
        .iter()
        .map(|m| m.state().in_flight())
        .sum()
}

/// One endpoint that is a mock.
fn lone() -> (Balance<Mock>, Handle) {
    let (mock, handle) = mock::pair();
    let endpoint = Endpoint::new("a", mock);
    (Balance::new("g", &Strategy::RoundRobin, [endpoint]), handle)
}

fn verdict(attempts: &Attempts) -> Option<Outcome> {
    attempts
        .last_verdict(&"a".into())
        .map(|verdict| verdict.outcome)
}

/// The words of the strategies, in their order.
const WHY: [&str; 8] = [
    "weighted shuffle",
    "round robin",
    "smooth round robin",
    "sticky",
    "least busy",
    "least latency",
    "least used",
    "cheapest",
];

fn refusal(error: &BoxError) -> &Refusal {
    error.downcast_ref().expect("a refusal")
}
