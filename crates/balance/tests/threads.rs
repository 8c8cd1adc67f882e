//! Many threads at once: nobody is refused while somebody takes requests, and nothing is left in flight.

#![expect(clippy::expect_used, reason = "a helper of a test")]

use bytes::Bytes;
use headworks_balance::{Balance, Endpoint, Strategy, WaitPolicy};
use headworks_core::Reason;
use http::{Request, Response};
use http_body_util::Full;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};
use tokio_test::{assert_ready, task};
use tower::Service;

const CALLS: usize = 5_000;

/// Answers at once.
#[derive(Clone)]
struct Instant;

impl Service<Request<()>> for Instant {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new("abc".into())))
    }
}

fn endpoint(id: &str, open: &Arc<AtomicBool>) -> Endpoint<Instant> {
    let open = open.clone();
    let resting = Reason::Resting(Duration::from_secs(1));
    let gate = move || open.load(Ordering::Relaxed).then_some(()).ok_or(resting);
    Endpoint::new(id, Instant).gate(gate)
}

/// Calls, and holds on to some of the answers.
fn call(mut balance: Balance<Instant>) {
    let mut held = Vec::new();
    for call in 0..CALLS {
        let answer = assert_ready!(task::spawn(balance.call(Request::new(()))).poll());
        held.push(answer.expect("somebody always takes requests"));
        if call % 7 == 0 {
            held.clear();
        }
    }
}

fn come_and_go(balance: &Balance<Instant>, open: &Arc<AtomicBool>, done: &AtomicBool) {
    let mut rng = fastrand::Rng::with_seed(7);
    while !done.load(Ordering::Relaxed) {
        let registry = balance.registry();
        let _: bool = match rng.u8(..3) {
            0 => registry.remove("c"),
            1 => registry.insert(endpoint("c", open)),
            _ => open.fetch_xor(true, Ordering::Relaxed),
        };
        thread::yield_now();
    }
}

#[test]
fn one_that_always_takes_requests_is_always_found() {
    for strategy in [
        Strategy::WeightedShuffle,
        Strategy::RoundRobin,
        Strategy::SmoothRoundRobin,
        Strategy::default().sticky(),
        Strategy::LeastBusy,
        Strategy::LeastLatency,
        Strategy::LeastUsed,
        Strategy::Cheapest,
    ] {
        println!("{strategy:?}");
        let always = Arc::new(AtomicBool::new(true));
        let sometimes = Arc::new(AtomicBool::new(true));
        let endpoints = ["a", "b", "c", "d", "e"].map(|id| endpoint(id, &sometimes));
        let endpoints = endpoints.into_iter().chain([endpoint("f", &always)]);
        let balance = Balance::new("g", &strategy, endpoints);
        let snapshot = balance.registry().snapshot();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let callers: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| call(balance.clone())))
                .collect();
            scope.spawn(|| come_and_go(&balance, &sometimes, &done));
            let ended: Vec<_> = callers.into_iter().map(ScopedJoinHandle::join).collect();
            done.store(true, Ordering::Relaxed);
            assert!(ended.iter().all(Result::is_ok), "{strategy:?}");
        });
        let members = snapshot.members().iter();
        assert!(
            members
                .clone()
                .all(|member| member.state().in_flight() == 0),
            "{strategy:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn whoever_waits_is_served_whichever_thread_makes_room() {
    let endpoints = ["a", "b"].map(|id| Endpoint::new(id, Instant).max_in_flight(1));
    let balance = Balance::new("g", &Strategy::RoundRobin, endpoints);
    let balance = balance.wait(WaitPolicy::new(Duration::from_secs(60)));
    let calls = (0..50).map(|_| {
        let mut balance = balance.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                let answer = balance.call(Request::new(())).await;
                let held = answer.expect("it may wait for as long as it takes");
                tokio::task::yield_now().await;
                drop(held);
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no call fails");
    }
    let snapshot = balance.registry().snapshot();
    assert!(
        snapshot
            .members()
            .iter()
            .all(|m| m.state().in_flight() == 0)
    );
}
