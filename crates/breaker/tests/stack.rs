//! Retry, balance and a breaker for each deployment, as they stand in a stack.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_balance::{Balance, Endpoint, Strategy};
use headworks_breaker::{Breaker, BreakerLayer, BreakerPolicy, Circuit};
use headworks_core::{BoxError, NotAdmitted, Reason, Refusal};
use headworks_retry::{RetryLayer, RetryPolicy};
use http::{Request, Response, StatusCode};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, ServiceExt};

/// A deployment that can be made sick, and counts its calls.
#[derive(Clone, Default)]
struct Deployment(Arc<(AtomicBool, AtomicUsize)>);

impl Deployment {
    fn sick(self) -> Self {
        self.0.0.store(true, Ordering::Relaxed);
        self
    }

    fn heal(&self) {
        self.0.0.store(false, Ordering::Relaxed);
    }

    fn calls(&self) -> usize {
        self.0.1.swap(0, Ordering::Relaxed)
    }
}

impl Service<Request<()>> for Deployment {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let (sick, calls) = &*self.0;
        calls.fetch_add(1, Ordering::Relaxed);
        let mut response = Response::new(String::new());
        if sick.load(Ordering::Relaxed) {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        ready(Ok(response))
    }
}

fn circuit() -> Circuit {
    Circuit::new(BreakerPolicy::new().jitter(0.0))
}

/// An endpoint behind a breaker, of whose circuit the balance is told beforehand if it is `gated`.
fn endpoint(
    deployment: &Deployment,
    circuit: &Circuit,
    gated: bool,
) -> Endpoint<Breaker<Deployment>> {
    static IDS: AtomicUsize = AtomicUsize::new(0);
    let id = IDS.fetch_add(1, Ordering::Relaxed).to_string();
    let breaker = BreakerLayer::new(circuit.clone()).layer(deployment.clone());
    let endpoint = Endpoint::new(id, breaker).slow_start(Duration::ZERO);
    if gated {
        let circuit = circuit.clone();
        endpoint.gate(move || circuit.standing(Instant::now()))
    } else {
        endpoint
    }
}

/// Sends so many requests through retry and balance; each is to be answered well.
async fn serve<const N: usize>(endpoints: [Endpoint<Breaker<Deployment>>; N], requests: usize) {
    let balance = Balance::new("group", &Strategy::RoundRobin, endpoints);
    let stack = RetryLayer::new(RetryPolicy::new(2)).layer(balance);
    for _ in 0..requests {
        let answer = stack.clone().oneshot(Request::new(())).await;
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sick_deployment_is_rested_unseen_and_comes_back_by_one_probe() {
    let (well, sick) = (Deployment::default(), Deployment::default().sick());
    let (one, other) = (circuit(), circuit());
    let endpoints = || [endpoint(&well, &one, true), endpoint(&sick, &other, true)];

    serve(endpoints(), 100).await;
    assert_eq!((well.calls(), sick.calls()), (100, 5));

    // Its time is over, it is asked once, and rests twice as long.
    advance(Duration::from_secs(5)).await;
    serve(endpoints(), 100).await;
    assert_eq!((well.calls(), sick.calls()), (100, 1));
    advance(Duration::from_secs(9)).await;
    serve(endpoints(), 100).await;
    assert_eq!((well.calls(), sick.calls()), (100, 0));

    sick.heal();
    advance(Duration::from_secs(1)).await;
    serve(endpoints(), 100).await;
    assert_eq!(well.calls(), 50);
    assert_eq!(sick.calls(), 50);
}

#[tokio::test(start_paused = true)]
async fn who_was_chosen_and_does_not_admit_is_passed_over_for_another() {
    let (well, sick) = (Deployment::default(), Deployment::default().sick());
    let (one, other) = (circuit(), circuit());
    // The balance is not told, as if each request had lost the race for the circuit.
    serve(
        [endpoint(&well, &one, false), endpoint(&sick, &other, false)],
        100,
    )
    .await;
    assert_eq!((well.calls(), sick.calls()), (100, 5));
}

#[tokio::test(start_paused = true)]
async fn when_all_of_them_rest_the_refusal_says_until_when() {
    let (sick, circuit) = (Deployment::default().sick(), circuit());
    let mut balance = Balance::new(
        "group",
        &Strategy::RoundRobin,
        [endpoint(&sick, &circuit, true)],
    );
    let mut ask = async || -> Result<_, BoxError> {
        let answer = balance.ready().await?.call(Request::new(())).await?;
        Ok(answer.status())
    };
    for _ in 0..5 {
        assert_eq!(ask().await.unwrap(), StatusCode::BAD_GATEWAY);
    }
    let error = ask().await.unwrap_err();
    let refusal = error.downcast_ref::<Refusal>().unwrap();
    assert_eq!(refusal.retry_after(), Some(Duration::from_secs(5)));
    let admitted = circuit.acquire(Instant::now()).map(drop);
    let resting = Reason::Resting(Duration::from_secs(5));
    assert_eq!(admitted, Err(NotAdmitted::new(resting)));
}
