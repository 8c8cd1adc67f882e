//! What clones, threads and a registry that changes have in common.

use crate::*;
use headworks_balance::Picker;
use std::task::{Context, Poll};

#[tokio::test]
async fn an_endpoint_is_polled_ready_and_that_very_clone_is_called() {
    #[derive(Default)]
    struct Probe(bool);
    impl Clone for Probe {
        fn clone(&self) -> Self {
            Self(false)
        }
    }
    impl Service<Request<()>> for Probe {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;
        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.0 {
                return Poll::Ready(Ok(()));
            }
            self.0 = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(std::mem::take(&mut self.0), "called before it was ready");
            std::future::ready(Ok(Response::default()))
        }
    }
    for strategy in strategies() {
        let endpoints = ["a", "b"].map(|id| Endpoint::new(id, Probe::default()));
        let mut balance = Balance::new("g", &strategy, endpoints);
        for _ in 0..10 {
            let mut future = task::spawn(balance.call(Request::new(())));
            assert_pending!(future.poll());
            assert!(future.is_woken());
            assert_ready_ok!(future.poll());
        }
    }
}

#[tokio::test]
async fn a_limit_of_requests_in_flight_is_exact() {
    for strategy in strategies() {
        let (mock, _handle) = mock::pair::<Request<()>, Response<Body>>();
        let endpoints = ["a", "b"].map(|id| Endpoint::new(id, mock.clone()).max_in_flight(25));
        let balance = Balance::new("g", &strategy, endpoints);
        let calls = |mut balance: Balance<Mock>| {
            tokio::task::spawn_blocking(move || {
                (0..50)
                    .map(|_| task::spawn(balance.call(Request::new(()))))
                    .collect::<Vec<_>>()
            })
        };
        let (one, two) = tokio::join!(calls(balance.clone()), calls(balance.clone()));
        let mut futures: Vec<_> = one.unwrap().into_iter().chain(two.unwrap()).collect();
        assert_eq!(in_flight(&balance), 50);
        let refused = futures
            .iter_mut()
            .map(|future| future.enter(|cx, f| f.poll(cx)).is_ready());
        assert_eq!(refused.filter(|refused| *refused).count(), 50);
        drop(futures);
        assert_eq!(in_flight(&balance), 0);
    }
}

#[tokio::test]
async fn requests_run_on_while_endpoints_come_and_go() {
    for strategy in strategies() {
        let (old, mut handle) = mock::pair::<Request<()>, Response<Body>>();
        let mut balance = Balance::new("g", &strategy, [Endpoint::new("a", old)]);
        let mut future = task::spawn(balance.call(Request::new(())));
        assert_pending!(future.poll());
        let (new, mut new_handle) = mock::pair();
        balance.registry().insert(Endpoint::new("a", new));
        assert_eq!(in_flight(&balance), 1, "a replacement takes over the count");

        let mut next = task::spawn(balance.call(Request::new(())));
        assert_pending!(next.poll());
        assert!(new_handle.next_request().await.is_some());
        assert!(balance.registry().remove("a"));
        handle
            .next_request()
            .await
            .unwrap()
            .1
            .send_response(Response::default());
        assert_ready_ok!(future.poll());
    }
}

#[tokio::test]
async fn a_clone_is_the_same_balance() {
    let endpoints = ["a", "b"].map(|id| Endpoint::new(id, status(200)));
    let balance = Balance::new("g", &Strategy::RoundRobin, endpoints);
    let ask = async || {
        let response = balance.clone().oneshot(Request::new(())).await.unwrap();
        let id = response.extensions().get::<DeploymentId>();
        id.unwrap().clone()
    };
    let first = ask().await;
    assert_ne!(
        ask().await,
        first,
        "its turns are those of the clone before"
    );
    assert_eq!(ask().await, first);
}

#[test]
fn it_crosses_threads() {
    fn assert<T: Send + Sync>(_: &T) {}
    fn send<T: Send>(_: &T) {}
    let (mut balance, _handle) = lone();
    assert(&balance);
    assert(&Groups::from_iter([(Group::from("g"), balance.clone())]));
    send(&balance.call(Request::new(())));
    fn picker(_: &dyn Picker) {}
    picker(&headworks_balance::RoundRobin::new());
}
