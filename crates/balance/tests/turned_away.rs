//! Deployments that do not admit what was sent to them, and those that are asked although they rest.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use headworks_balance::{Balance, Endpoint, Strategy, WaitPolicy, WhenAllRest};
use headworks_core::{
    Attempts, BoxError, DeploymentId, LastResort, NotAdmitted, Outcome, Reason, Refusal, Returned,
    Why,
};
use http::{Request, Response};
use http_body_util::Full;
use parking_lot::Mutex;
use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tokio_test::{assert_ready, task};
use tower::Service;

/// Says no for a reason, to the next request alone or to each, whatever its gate says; else it answers.
#[derive(Clone, Default)]
struct Door {
    no: Arc<Mutex<Option<Reason>>>,
    /// The requests that were let in: whether each was a last resort.
    seen: Arc<Mutex<Vec<bool>>>,
    once: bool,
}

impl Door {
    fn shut(reason: Reason) -> Self {
        let door = Self::default();
        *door.no.lock() = Some(reason);
        door
    }

    fn shut_once(reason: Reason) -> Self {
        Self {
            once: true,
            ..Self::shut(reason)
        }
    }
}

impl Service<Request<String>> for Door {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let mut no = self.no.lock();
        let reason = if self.once { no.take() } else { *no };
        ready(match reason {
            Some(reason) => Err(Returned::new(request, NotAdmitted::new(reason)).into()),
            None => {
                let last_resort = request.extensions().get::<LastResort>().is_some();
                self.seen.lock().push(last_resort);
                Ok(Response::new(request.into_body().into()))
            }
        })
    }
}

fn endpoint(id: &str, door: &Door) -> Endpoint<Door> {
    Endpoint::new(id, door.clone()).slow_start(Duration::ZERO)
}

fn balance(endpoints: impl IntoIterator<Item = Endpoint<Door>>) -> Balance<Door> {
    Balance::new("g", &Strategy::RoundRobin, endpoints)
}

fn request(attempts: &Attempts) -> Request<String> {
    let mut request = Request::new("hello".to_owned());
    request.extensions_mut().insert(attempts.clone());
    request
}

fn refusal(error: &BoxError) -> &Refusal {
    error.downcast_ref().unwrap()
}

fn in_flight(balance: &Balance<Door>) -> usize {
    let snapshot = balance.registry().snapshot();
    let members = snapshot.members().iter();
    members.map(|member| member.state().in_flight()).sum()
}

const fn resting(secs: u64) -> Reason {
    Reason::Resting(Duration::from_secs(secs))
}

#[tokio::test]
async fn a_lost_race_costs_neither_an_attempt_nor_a_wait() {
    for strategy in [
        Strategy::RoundRobin,
        Strategy::WeightedShuffle,
        Strategy::SmoothRoundRobin,
        Strategy::WeightedShuffle.sticky(),
        Strategy::LeastBusy,
    ] {
        let (shut, open) = (Door::shut(Reason::Full), Door::default());
        let endpoints = ["a", "b", "c", "d"].map(|id| {
            let door = if id == "d" { &open } else { &shut };
            endpoint(id, door)
        });
        let mut balance = Balance::new("g", &strategy, endpoints);
        for _ in 0..10 {
            let attempts = Attempts::new(0);
            let mut future = task::spawn(balance.call(request(&attempts)));
            let response = assert_ready!(future.poll()).unwrap();
            assert_eq!(
                response.extensions().get(),
                Some(&DeploymentId::from("d")),
                "{strategy:?}"
            );
            assert_eq!(in_flight(&balance), 1, "nothing is held elsewhere");
            assert_eq!((attempts.begun(), attempts.attempts().len()), (1, 1));
            assert!(!attempts.tried(&"a".into()));
            let passed_over = attempts.passed_over();
            assert!(
                passed_over
                    .iter()
                    .all(|passed| passed.reason == Reason::Full)
            );
        }
    }
}

#[tokio::test]
async fn when_nobody_admits_it_the_refusal_says_why_and_until_when() {
    let doors = [Door::shut(resting(7)), Door::shut(Reason::Full)];
    let endpoints = [endpoint("a", &doors[0]), endpoint("b", &doors[1])];
    let mut balance = balance(endpoints);
    let attempts = Attempts::new(0);
    let error = balance.call(request(&attempts)).await.unwrap_err();
    let reasons = [("a".into(), resting(7)), ("b".into(), Reason::Full)];
    assert_eq!(refusal(&error).candidates(), reasons);
    assert_eq!(attempts.begun(), 0);
    assert_eq!(in_flight(&balance), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_asks_those_who_did_not_admit_it_again() {
    let door = Door::shut_once(Reason::Full);
    let wait = WaitPolicy::new(Duration::from_secs(1));
    let mut balance = balance([endpoint("a", &door)]).wait(wait);
    let since = Instant::now();
    let attempts = Attempts::new(0);
    assert!(balance.call(request(&attempts)).await.is_ok());
    assert_eq!(since.elapsed(), Duration::from_millis(100));
    assert_eq!(attempts.begun(), 1);

    // One that never does is asked a few times, and not for ever.
    let door = Door::shut(Reason::Full);
    balance.registry().insert(endpoint("a", &door));
    let request = request(&Attempts::new(0));
    assert!(balance.call(request).await.is_err());
    assert_eq!(since.elapsed(), Duration::from_millis(1_100));
}

#[tokio::test]
async fn whoever_takes_it_when_reasons_are_asked_for_is_not_one_of_them() {
    let door = Door::default();
    let looks = AtomicUsize::new(0);
    let opens = move || match looks.fetch_add(1, Ordering::Relaxed) {
        0 => Err(Reason::Full),
        _ => Ok(()),
    };
    let mut balance = balance([endpoint("a", &door).gate(opens)]);
    let attempts = Attempts::new(0);
    let response = balance.call(request(&attempts)).await.unwrap();
    assert_eq!(response.extensions().get(), Some(&DeploymentId::from("a")));
    assert_eq!(*door.seen.lock(), [false], "it is no last resort");
    assert_eq!((attempts.begun(), in_flight(&balance)), (1, 1));
}

#[tokio::test]
async fn a_request_that_does_not_come_back_is_the_callers() {
    let service = tower::service_fn(|_: Request<String>| {
        ready(Err::<Response<Full<Bytes>>, _>(NotAdmitted::new(
            Reason::Full,
        )))
    });
    let endpoints = ["a", "b"].map(|id| Endpoint::new(id, service));
    let mut balance = Balance::new("g", &Strategy::RoundRobin, endpoints);
    let attempts = Attempts::new(0);
    let error = balance.call(request(&attempts)).await.unwrap_err();
    assert!(error.is::<NotAdmitted>());
    let attempts = attempts.attempts();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].verdict, Some(Outcome::Capacity.into()));
}

/// Three that rest for so long, and one that is full.
fn all_rest(door: &Door, [a, b, c]: [u64; 3]) -> [Endpoint<Door>; 4] {
    let rests = |id, secs| endpoint(id, door).gate(move || Err(resting(secs)));
    [
        rests("a", a),
        rests("b", b),
        rests("c", c),
        endpoint("full", door).max_in_flight(0),
    ]
}

#[tokio::test(start_paused = true)]
async fn when_all_rest_the_first_to_return_is_asked_if_the_user_says_so() {
    let door = Door::default();
    let mut refuses = balance(all_rest(&door, [9, 3, 5]));
    let attempts = Attempts::new(0);
    let error = refuses.call(request(&attempts)).await.unwrap_err();
    assert_eq!(refusal(&error).retry_after(), Some(Duration::from_secs(3)));

    let mut asks = refuses.when_all_rest(WhenAllRest::LeastBad);
    for id in ["b", "c", "a"] {
        let response = asks.call(request(&attempts)).await.unwrap();
        assert_eq!(response.extensions().get(), Some(&DeploymentId::from(id)));
    }
    assert_eq!(*door.seen.lock(), [true; 3]);
    let tried = attempts.attempts();
    assert!(
        tried
            .iter()
            .all(|attempt| attempt.why == Why::new("least bad"))
    );
    // It has been to all of them.
    assert!(asks.call(request(&attempts)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_last_resort_is_one_only_where_somebody_rests() {
    let (door, open) = (Door::default(), Door::default());
    let mut endpoints = Vec::from(all_rest(&door, [9, 3, 5]));
    endpoints.push(endpoint("open", &open));
    let mut balance = balance(endpoints).when_all_rest(WhenAllRest::LeastBad);
    for _ in 0..10 {
        let response = balance.call(request(&Attempts::new(0))).await.unwrap();
        assert_eq!(
            response.extensions().get(),
            Some(&DeploymentId::from("open"))
        );
    }
    assert_eq!(*open.seen.lock(), [false; 10]);
}

#[tokio::test(start_paused = true)]
async fn the_least_bad_is_passed_over_for_the_next_if_it_does_not_admit() {
    let (shut, open) = (Door::shut(Reason::Full), Door::default());
    let rests = |id, door, secs| endpoint(id, door).gate(move || Err(resting(secs)));
    let endpoints = [rests("a", &shut, 1), rests("b", &open, 2)];
    let mut balance = balance(endpoints).when_all_rest(WhenAllRest::LeastBad);
    let response = balance.call(request(&Attempts::new(0))).await.unwrap();
    assert_eq!(response.extensions().get(), Some(&DeploymentId::from("b")));
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_ends_in_time_is_waited_for_before_the_least_bad_is_asked() {
    let door = Door::default();
    let since = Instant::now();
    for (rest, last_resort, waits) in [(9, true, 0), (3, false, 3)] {
        let until = Instant::now() + Duration::from_secs(rest);
        let gate = move || {
            let left = until.saturating_duration_since(Instant::now());
            left.is_zero().then_some(()).ok_or(Reason::Resting(left))
        };
        let mut balance = balance([endpoint("a", &door).gate(gate)])
            .when_all_rest(WhenAllRest::LeastBad)
            .wait(WaitPolicy::new(Duration::from_secs(5)));
        assert!(balance.call(request(&Attempts::new(0))).await.is_ok());
        assert_eq!(door.seen.lock().pop(), Some(last_resort));
        assert_eq!(since.elapsed().as_secs(), waits);
    }
}
