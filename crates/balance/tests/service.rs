//! What a `Balance` does with a request, whatever its strategy.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use bytes::Bytes;
use headworks_balance::{
    Balance, Endpoint, Groups, MissingGroup, Picker, Pinned, Session, Strategy,
};
use headworks_core::{
    Attempts, BoxError, DeploymentId, Group, Outcome, Reason, Refusal, UnknownGroup, Why,
};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
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

#[tokio::test]
async fn a_retry_goes_somewhere_new_then_where_there_is_hope_then_nowhere() {
    for strategy in strategies() {
        let endpoints = [("a", 503), ("b", 400), ("c", 503)];
        let endpoints = endpoints.map(|(id, code)| Endpoint::new(id, status(code)));
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(9);
        let mut ids = Vec::new();
        for _ in 0..9 {
            let response = balance.call(request(&attempts)).await.unwrap();
            ids.push(response.extensions().get::<DeploymentId>().unwrap().clone());
        }
        let again = ids.split_off(3);
        ids.sort();
        assert_eq!(ids, ["a", "b", "c"].map(DeploymentId::from), "{strategy:?}");
        assert!(again.iter().all(|id| **id != *"b"), "{strategy:?}");
    }

    let mut balance = Balance::new("g", &Strategy::LeastBusy, [Endpoint::new("a", status(400))]);
    let attempts = Attempts::new(1);
    assert!(balance.call(request(&attempts)).await.is_ok());
    let error = balance.call(request(&attempts)).await.unwrap_err();
    assert_eq!(refusal(&error).candidates(), [("a".into(), Reason::Tried)]);
}

#[tokio::test]
async fn a_group_of_nobody_refuses_at_once() {
    for strategy in strategies() {
        let mut balance = Balance::new("g", &strategy, [])
            .classifier(|_: headworks_core::Answer<'_>| Outcome::Success.into());
        balance.registry().insert(Endpoint::new("a", status(200)));
        balance.registry().remove("a");
        let mut future = task::spawn(balance.call(Request::new(())));
        let error = assert_ready_err!(future.poll());
        assert!(refusal(&error).candidates().is_empty());
        assert_eq!(**refusal(&error).group(), *"g");
    }
}

#[tokio::test]
async fn whoever_takes_nothing_is_passed_over_with_its_reason() {
    for strategy in strategies() {
        let open = Arc::new(AtomicBool::new(true));
        let gate = {
            let open = open.clone();
            move || match open.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err(Reason::Resting(Duration::from_secs(7))),
            }
        };
        let endpoints = [
            Endpoint::new("a", status(200)).gate(gate),
            Endpoint::new("b", status(200)).max_in_flight(0),
            Endpoint::new("c", status(200)).order(1).max_in_flight(0),
        ];
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(9);
        assert!(balance.call(request(&attempts)).await.is_ok());
        let passed_over = attempts.passed_over();
        let mut reasons: Vec<_> = passed_over
            .iter()
            .map(|p| (&*p.deployment, p.reason))
            .collect();
        reasons.sort_by_key(|(id, _)| *id);
        assert_eq!(reasons, [("b", Reason::Full), ("c", Reason::OtherTier)]);
        assert_eq!(attempts.others(), 0);

        open.store(false, Ordering::Relaxed);
        let error = balance.call(Request::new(())).await.unwrap_err();
        let expected = [
            ("a".into(), Reason::Resting(Duration::from_secs(7))),
            ("b".into(), Reason::Full),
            ("c".into(), Reason::Full),
        ];
        assert_eq!(refusal(&error).candidates(), expected);
        assert_eq!(refusal(&error).retry_after(), Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn the_ledger_knows_who_was_chosen_why_and_how_many_others_there_were() {
    for (strategy, why) in strategies().into_iter().zip(WHY) {
        let endpoints = ["a", "b", "c"].map(|id| Endpoint::new(id, status(200)));
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(0);
        let mut request = request(&attempts);
        request.extensions_mut().insert(Session::new(b"me", b"1"));
        assert!(balance.call(request).await.is_ok());
        let attempt = &attempts.attempts()[0];
        assert_eq!((attempt.why.as_str(), &*attempt.group), (why, "g"));
        assert_eq!(attempts.others(), 2);
    }
}

#[tokio::test]
async fn the_lowest_tier_with_a_candidate_is_asked_and_those_without_an_order_last() {
    for strategy in strategies() {
        let endpoints = [
            Endpoint::new("last", status(503)),
            Endpoint::new("second", status(503)).order(2),
            Endpoint::new("first", status(503)).order(1),
        ];
        let mut balance = Balance::new("g", &strategy, endpoints);
        let attempts = Attempts::new(9);
        for (id, others) in [("first", 2), ("second", 1), ("last", 0), ("first", 0)] {
            let response = balance.call(request(&attempts)).await.unwrap();
            assert_eq!(response.extensions().get(), Some(&DeploymentId::from(id)));
            assert_eq!(attempts.others(), others, "it has somewhere new to go");
        }
    }
}

#[tokio::test]
async fn a_success_is_one_when_its_body_has_ended() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_eq!(in_flight(&balance), 1);
    assert_pending!(future.poll());
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(Response::new("abc".into()));
    let response = assert_ready_ok!(future.poll());
    assert_eq!((in_flight(&balance), verdict(&attempts)), (1, None));
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "abc"
    );
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Success))
    );
}

#[tokio::test]
async fn a_failure_is_one_at_the_head_and_counts_until_the_end() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_pending!(future.poll());
    let answer = Response::builder().status(529).body("busy".into()).unwrap();
    handle.next_request().await.unwrap().1.send_response(answer);
    let response = assert_ready_ok!(future.poll());
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (1, Some(Outcome::Capacity))
    );
    drop(response);
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Capacity))
    );
}

#[tokio::test]
async fn an_error_of_the_endpoint_passes_and_ends_the_attempt() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_pending!(future.poll());
    handle.next_request().await.unwrap().1.send_error("reset");
    assert_eq!(assert_ready_err!(future.poll()).to_string(), "reset");
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Transport))
    );
}

#[tokio::test]
async fn a_readiness_error_of_the_endpoint_is_its_answer() {
    let (mut balance, mut handle) = lone();
    let attempts = Attempts::new(0);
    handle.send_error("closed");
    let mut future = task::spawn(balance.call(request(&attempts)));
    assert_eq!(assert_ready_err!(future.poll()).to_string(), "closed");
    assert_eq!(
        (in_flight(&balance), verdict(&attempts)),
        (0, Some(Outcome::Transport))
    );
}

#[tokio::test]
async fn dropped_at_any_point_it_is_cancelled_and_counts_no_more() {
    // Before it was polled, while the endpoint is not ready, and while the answer is awaited.
    for ready in [None, Some(0), Some(1)] {
        let (mut balance, mut handle) = lone();
        let attempts = Attempts::new(0);
        let mut future = task::spawn(balance.call(request(&attempts)));
        if let Some(ready) = ready {
            handle.allow(ready);
            assert_pending!(future.poll());
        }
        assert_eq!((in_flight(&balance), verdict(&attempts)), (1, None));
        drop(future);
        assert_eq!(
            (in_flight(&balance), verdict(&attempts)),
            (0, Some(Outcome::Cancelled))
        );
    }
}

#[tokio::test]
async fn a_body_left_early_is_cancelled_and_one_that_breaks_is_a_transport_failure() {
    for (frames, outcome) in [(1, Outcome::Cancelled), (2, Outcome::Transport)] {
        let service = service_fn(|_: Request<()>| {
            let frames = [Ok(Frame::data(Bytes::from("abc"))), Err("cut")];
            let body = StreamBody::new(stream(frames));
            std::future::ready(Ok::<_, Infallible>(Response::new(body)))
        });
        let endpoint = Endpoint::new("a", service);
        let mut balance = Balance::new("g", &Strategy::LeastBusy, [endpoint]);
        let attempts = Attempts::new(0);
        let mut body = balance.call(request(&attempts)).await.unwrap().into_body();
        for _ in 0..frames {
            assert!(body.frame().await.is_some());
        }
        drop(body);
        assert_eq!(
            (in_flight(&balance), verdict(&attempts)),
            (0, Some(outcome))
        );
    }
}

fn stream<T: Unpin>(items: impl IntoIterator<Item = T>) -> impl futures_core::Stream<Item = T> {
    futures_util::stream::iter(items)
}

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
async fn a_strategy_of_the_users_own_chooses_and_may_decline() {
    let picker = |candidates: &headworks_balance::Candidates<'_>| {
        let wanted = candidates.headers().get("x-place")?.to_str().ok()?;
        candidates.members().place(wanted)
    };
    let endpoints = [
        Endpoint::new("a", status(200)),
        Endpoint::new("b", status(200)),
        Endpoint::new("full", status(200)).max_in_flight(0),
    ];
    let mut balance = Balance::new("g", &Strategy::picker(picker), endpoints);
    let mut ask = |place: &str| {
        let request = Request::builder()
            .header("x-place", place)
            .body(())
            .unwrap();
        assert_ready!(task::spawn(balance.call(request)).poll())
    };
    let response = ask("b").unwrap();
    assert_eq!(response.extensions().get(), Some(&DeploymentId::from("b")));
    for nowhere in ["full", "nowhere"] {
        let error = ask(nowhere).unwrap_err();
        let reasons = refusal(&error)
            .candidates()
            .iter()
            .map(|(_, reason)| *reason);
        assert!(reasons.eq([Reason::Declined, Reason::Declined, Reason::Full]));
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
async fn groups_steer_by_the_group_of_the_request() {
    let balance = |group: &str, code| {
        let endpoint = Endpoint::new(group, status(code));
        let group = Group::from(group);
        (
            group.clone(),
            Balance::new(group, &Strategy::RoundRobin, [endpoint]),
        )
    };
    let mut groups: Groups<_> = [balance("small", 200), balance("large", 201)]
        .into_iter()
        .collect();
    let mut ask = |group: Option<&str>| {
        let mut request = Request::new(());
        if let Some(group) = group {
            request.extensions_mut().insert(Group::from(group));
        }
        assert_ready!(task::spawn(groups.call(request)).poll())
    };
    assert_eq!(ask(Some("small")).unwrap().status(), 200);
    assert_eq!(ask(Some("large")).unwrap().status(), 201);
    let unknown = ask(Some("medium")).unwrap_err();
    assert_eq!(
        unknown.downcast_ref(),
        Some(&UnknownGroup::new("medium".into()))
    );
    assert!(ask(None).unwrap_err().is::<MissingGroup>());
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

#[tokio::test]
async fn a_pinned_request_goes_where_it_belongs_while_that_may_take_it() {
    let mut balance = Balance::new(
        "g",
        &Strategy::RoundRobin,
        [
            Endpoint::new("first", status(200)).order(1),
            Endpoint::new("second", status(200)).order(2),
        ],
    );
    let mut to = async |pinned: &str, attempts: &Attempts| {
        let mut request = request(attempts);
        request.extensions_mut().insert(Pinned(pinned.into()));
        let response = balance.ready().await.unwrap().call(request).await.unwrap();
        let id = response.extensions().get::<DeploymentId>().unwrap().clone();
        (id, attempts.attempts().last().unwrap().why)
    };
    let attempts = Attempts::new(1);
    assert_eq!(
        to("second", &attempts).await,
        ("second".into(), Pinned::WHY)
    );
    // It has been there.
    assert_eq!(
        to("second", &attempts).await,
        ("first".into(), Why::new("round robin"))
    );
    assert_eq!(
        to("nobody", &Attempts::new(0)).await.0,
        DeploymentId::from("first")
    );
}
