//! The layer in front of a mock: what it admits, and what it tells its circuit.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks_breaker::{
    Breaker, BreakerBody, BreakerLayer, BreakerPolicy, Circuit, Permit, Phase, Rule,
};
use headworks_core::{
    Answer, BoxError, Clock, Elapsed, Foretold, Hint, LastResort, NotAdmitted, Outcome, Reason,
    Refusal, Returned, Verdict,
};
use headworks_retry::{RetryLayer, RetryPolicy};
use http::{Request, Response, StatusCode};
use http_body_util::{
    BodyExt,
    channel::{Channel, Sender},
};
use std::{
    pin::Pin,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_test::mock::{self, Handle, Mock, Spawn};

type Body = Channel<Bytes, BoxError>;
type Call = Request<()>;
type Mocked = Spawn<Breaker<Mock<Call, Response<Body>>>>;

const COOLDOWN: Duration = Duration::from_secs(5);

/// A circuit that opens at the first failure.
fn brittle() -> Circuit {
    Circuit::new(BreakerPolicy::new().consecutive(1).jitter(0.0))
}

fn spawn(circuit: &Circuit) -> (Mocked, Handle<Call, Response<Body>>) {
    let (mut breaker, handle) = mock::spawn_layer(BreakerLayer::new(circuit.clone()));
    assert_ready_ok!(breaker.poll_ready());
    (breaker, handle)
}

/// Has one request answered with this status, and a body that the sender is the other end of.
async fn answer(circuit: &Circuit, status: u16) -> (BreakerBody<Body>, Sender<Bytes, BoxError>) {
    let (mut breaker, mut handle) = spawn(circuit);
    let answer = breaker.call(Request::new(()));
    let (sender, body) = Channel::new(8);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(response);
    (answer.await.unwrap().into_body(), sender)
}

/// Has one request answered with this error.
async fn fail(circuit: &Circuit, error: impl Into<BoxError>) -> BoxError {
    let (mut breaker, mut handle) = spawn(circuit);
    let answer = breaker.call(Request::new(()));
    let (_, send) = handle.next_request().await.unwrap();
    send.send_error(error);
    answer.await.err().unwrap()
}

async fn open(circuit: &Circuit) {
    drop(answer(circuit, 503).await);
    assert!(matches!(circuit.phase(), Phase::Open { .. }));
}

/// Opens a circuit and waits until a probe may pass.
async fn half_open() -> Circuit {
    let circuit = brittle();
    open(&circuit).await;
    advance(COOLDOWN).await;
    circuit
}

fn turned_away(circuit: &Circuit) -> Option<Reason> {
    let error = circuit.acquire(Instant::now()).err()?;
    Some(error.reason())
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_answers_by_itself_with_the_time_that_is_left() {
    let circuit = brittle();
    open(&circuit).await;
    advance(Duration::from_secs(2)).await;
    let (mut breaker, mut handle) = spawn(&circuit);
    let mut answer = task::spawn(breaker.call(Request::new(())));
    let error = assert_ready_err!(answer.poll());
    let left = Reason::Resting(Duration::from_secs(3));
    assert_eq!(Verdict::of_error(&*error).outcome, Outcome::RateLimited);
    let (request, why) = Returned::<Request<()>>::take(error).unwrap();
    assert_eq!(why, NotAdmitted::new(left));
    assert_eq!(request.method(), "GET", "it is handed back");
    assert_pending!(handle.poll_request(), "nothing was sent");
    assert_eq!(circuit.standing(Instant::now()), Err(left));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_admits_what_is_the_last_resort() {
    let circuit = brittle();
    open(&circuit).await;
    let (mut breaker, mut handle) = spawn(&circuit);
    let mut request = Request::new(());
    request.extensions_mut().insert(LastResort::new());
    let answer = breaker.call(request);
    let (_, send) = handle.next_request().await.unwrap();
    let (_sender, body) = Channel::new(1);
    send.send_response(Response::new(body));
    assert!(answer.await.is_ok());
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn statuses_and_errors_open_it_as_their_verdicts_say() {
    for (status, opens) in [
        (200, false),
        (400, false),
        (404, false),
        (401, true),
        (408, true),
        (429, true),
        (500, true),
        (529, true),
    ] {
        let circuit = brittle();
        drop(answer(&circuit, status).await);
        assert_eq!(turned_away(&circuit).is_some(), opens, "{status}");
    }
    let circuit = brittle();
    assert_eq!(fail(&circuit, "reset").await.to_string(), "reset");
    assert!(turned_away(&circuit).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_nobodys_fault_leaves_it_closed() {
    let attempt = Elapsed::new(Clock::Attempt, COOLDOWN);
    let nobodys: [BoxError; 4] = [
        attempt.shortened().into(),
        Elapsed::new(Clock::Total, COOLDOWN).into(),
        NotAdmitted::new(Reason::Full).into(),
        Refusal::new("group".into(), Vec::new()).into(),
    ];
    for error in nobodys {
        let circuit = brittle();
        fail(&circuit, error).await;
        assert_eq!(circuit.phase(), Phase::Closed);
    }
    let circuit = brittle();
    fail(&circuit, attempt).await;
    assert!(
        turned_away(&circuit).is_some(),
        "its own time it has to keep"
    );
}

#[tokio::test(start_paused = true)]
async fn each_clock_that_runs_out_in_a_body_counts_as_it_does_before_the_head() {
    let clocks = [Clock::Attempt, Clock::FirstToken, Clock::Idle, Clock::Total];
    for (clock, shortened) in clocks
        .into_iter()
        .flat_map(|clock| [(clock, false), (clock, true)])
    {
        let elapsed = Elapsed::new(clock, COOLDOWN);
        let elapsed = if shortened {
            elapsed.shortened()
        } else {
            elapsed
        };
        let circuit = brittle();
        let (mut body, sender) = answer(&circuit, 200).await;
        sender.abort(elapsed.into());
        assert!(body.frame().await.unwrap().unwrap_err().is::<Elapsed>());
        let blamed = !shortened && clock != Clock::Total;
        assert_eq!(turned_away(&circuit).is_some(), blamed, "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_how_long_it_rests() {
    let circuit = brittle();
    let service = service_fn(async |_: Call| {
        let limited = Response::builder().status(429).header("retry-after", "42");
        limited.body(Channel::<Bytes, BoxError>::new(1).1)
    });
    let breaker = BreakerLayer::new(circuit.clone()).layer(service);
    assert!(breaker.oneshot(Request::new(())).await.is_ok());
    let left = Duration::from_secs(42);
    assert_eq!(turned_away(&circuit), Some(Reason::Resting(left)));
}

#[tokio::test(start_paused = true)]
async fn others_are_told_what_the_provider_has_said_and_nothing_that_is_suspected() {
    let seconds = Duration::from_secs;
    let verdict = |outcome: Outcome, hint: Option<u64>| Verdict {
        outcome,
        hint: hint.map(|wait| Hint::after(seconds(wait))),
    };
    let told = |policy: &BreakerPolicy, verdict| {
        let circuit = Circuit::new(policy.clone().jitter(0.0));
        let permit = circuit.acquire(Instant::now()).unwrap();
        permit.record(verdict, Instant::now());
        circuit.told_to_rest(verdict, Instant::now())
    };
    let policy = BreakerPolicy::new();
    for (outcome, hint, expected) in [
        (Outcome::RateLimited, Some(30), Some(30)),
        (Outcome::RateLimited, Some(1), Some(1)),
        (Outcome::Capacity, Some(30), Some(30)),
        (Outcome::ServerFault, Some(30), Some(30)),
        // Facts about the account, for as long as this one rests.
        (Outcome::RateLimited, None, Some(5)),
        (Outcome::Auth, None, Some(5)),
        // This one may be wrong about those, or they say nothing of the account.
        (Outcome::Capacity, None, None),
        (Outcome::Transport, None, None),
        (Outcome::Misconfigured, None, None),
        (Outcome::CallerFault, Some(30), None),
        (Outcome::Success, Some(30), None),
    ] {
        let expected = expected.map(seconds);
        assert_eq!(
            told(&policy, verdict(outcome, hint)),
            expected,
            "{outcome:?}"
        );
        for never in [BreakerPolicy::never(), policy.clone().lone(true)] {
            assert_eq!(told(&never, verdict(outcome, hint)), None, "{outcome:?}");
        }
    }
    let at_most = policy.clone().longest_hint(seconds(10));
    let limited = verdict(Outcome::RateLimited, Some(30));
    assert_eq!(told(&at_most, limited), Some(seconds(10)));
    // It is opened by the outcome all the same, as the operator wants it, and that is its own affair.
    let timeouts = policy.rule(Outcome::Timeout, Rule::Allowed(0));
    assert_eq!(told(&timeouts, Outcome::Timeout.into()), None);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_the_users_own_decides() {
    let circuit = brittle();
    let service = service_fn(async |_: Call| Response::builder().status(418).body(String::new()));
    let breaker = BreakerLayer::new(circuit.clone())
        .classifier(|_: Answer<'_>| Outcome::ServerFault.into())
        .layer(service);
    assert!(breaker.oneshot(Request::new(())).await.is_ok());
    assert!(turned_away(&circuit).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_a_failure_and_one_that_is_left_is_none() {
    let circuit = Circuit::new(BreakerPolicy::new().share(0.9, 1));
    let (mut body, mut sender) = answer(&circuit, 200).await;
    sender.send_data("abc".into()).await.unwrap();
    assert!(Pin::new(&mut body).frame().await.unwrap().is_ok());
    drop(body);
    assert_eq!(circuit.phase(), Phase::Closed, "the client left");
    drop(sender);

    let circuit = Circuit::new(BreakerPolicy::new().share(0.9, 1));
    let (body, sender) = answer(&circuit, 200).await;
    drop(sender);
    assert!(body.collect().await.is_ok());
    assert_eq!(circuit.phase(), Phase::Closed, "the body came to its end");

    let circuit = Circuit::new(BreakerPolicy::new().share(0.9, 1));
    let (body, sender) = answer(&circuit, 200).await;
    sender.abort("reset".into());
    assert!(body.collect().await.is_err());
    assert!(turned_away(&circuit).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_left_when_it_was_known_to_have_failed_is_a_failure() {
    for (foretold, opens) in [
        (None, false),
        (Some(Outcome::Cancelled), false),
        (Some(Outcome::CallerFault), false),
        (Some(Outcome::RateLimited), true),
        (Some(Outcome::Transport), true),
    ] {
        let circuit = brittle();
        let (mut breaker, mut handle) = spawn(&circuit);
        let answer = breaker.call(Request::new(()));
        let failure = Foretold::default();
        let (_sender, body) = Channel::new(8);
        let mut response = Response::new(body);
        response.extensions_mut().insert(failure.clone());
        let (_, send) = handle.next_request().await.unwrap();
        send.send_response(response);
        let response = answer.await.unwrap();
        if let Some(outcome) = foretold {
            failure.fails(outcome.into());
        }
        assert_eq!(circuit.phase(), Phase::Closed, "the head was well");
        drop(response);
        assert_eq!(turned_away(&circuit).is_some(), opens, "{foretold:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_probe_closes_it_however_long_the_body_takes() {
    let circuit = half_open().await;
    let (_body, _sender) = answer(&circuit, 200).await;
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_gives_its_place_to_the_next() {
    let circuit = half_open().await;
    let (mut breaker, mut handle) = spawn(&circuit);
    let mut probe = task::spawn(breaker.call(Request::new(())));
    assert_pending!(probe.poll());
    let _upstream = handle.next_request().await.unwrap();
    assert_eq!(turned_away(&circuit), Some(Reason::Full));
    drop(probe);
    assert_eq!(circuit.standing(Instant::now()), Ok(()));

    // One that was never polled, too.
    assert_ready_ok!(breaker.poll_ready());
    drop(breaker.call(Request::new(())));
    drop(answer(&circuit, 200).await);
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_neutral_probe_gives_its_place_to_the_next() {
    let circuit = half_open().await;
    drop(answer(&circuit, 400).await);
    assert_eq!(circuit.phase(), Phase::HalfOpen { probing: false });
    drop(answer(&circuit, 503).await);
    assert!(matches!(circuit.phase(), Phase::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_head_without_a_verdict_gives_the_place_of_the_probe_away_once() {
    let circuit = half_open().await;
    let unsure = circuit.under(BreakerPolicy::new().rule(Outcome::Success, Rule::Neutral));
    let (body, _sender) = answer(&unsure, 200).await;
    let (_next, next_sender) = answer(&unsure, 200).await;
    let mut probe = circuit.acquire(Instant::now()).unwrap();
    drop((body, next_sender));
    assert_eq!(circuit.phase(), Phase::HalfOpen { probing: true });
    probe.succeed_for_now(Instant::now());
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn outside_of_retry_it_does_not_see_the_failures_that_a_retry_made_good() {
    let failures = |inside: bool| async move {
        let calls = Arc::new(AtomicU32::new(0));
        let flaky = service_fn(move |_: Call| {
            let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            let status = if first { 503 } else { 200 };
            async move { Response::builder().status(status).body(String::new()) }
        });
        let circuit = Circuit::new(BreakerPolicy::new());
        let breaker = BreakerLayer::new(circuit.clone());
        let retry = RetryLayer::new(RetryPolicy::new(1));
        let request = Request::new(());
        let status = if inside {
            let stack = ServiceBuilder::new().layer(retry).layer(breaker);
            stack
                .service(flaky)
                .oneshot(request)
                .await
                .unwrap()
                .status()
        } else {
            let stack = ServiceBuilder::new().layer(breaker).layer(retry);
            stack
                .service(flaky)
                .oneshot(request)
                .await
                .unwrap()
                .status()
        };
        assert_eq!(status, StatusCode::OK);
        circuit.counts(Instant::now()).failures
    };
    assert_eq!(failures(true).await, 1);
    assert_eq!(failures(false).await, 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_the_service_within_is() {
    let layer = BreakerLayer::new(brittle());
    let (mut breaker, mut handle) = mock::spawn_layer::<Call, Response<Body>, _>(layer);
    handle.allow(0);
    assert_pending!(breaker.poll_ready());
    handle.allow(1);
    assert_ready_ok!(breaker.poll_ready());
}

#[tokio::test(start_paused = true)]
async fn the_state_is_shared_by_layers_and_kept_under_another_policy() {
    let circuit = brittle();
    let layer = BreakerLayer::new(circuit.clone());
    let (one, other) = (layer.layer(()), layer.clone().layer(()));
    let reloaded = circuit.under(BreakerPolicy::new().rule(Outcome::Auth, Rule::Neutral));
    open(&circuit).await;
    for circuit in [one.circuit(), other.circuit(), &reloaded] {
        assert!(turned_away(circuit).is_some());
    }
    advance(COOLDOWN).await;
    let permit = reloaded.acquire(Instant::now()).unwrap();
    permit.record(Outcome::Auth.into(), Instant::now());
    assert_eq!(circuit.phase(), Phase::HalfOpen { probing: false });
}

#[tokio::test(start_paused = true)]
async fn of_many_that_come_at_once_one_is_the_probe() {
    const THREADS: usize = 8;
    for _ in 0..100 {
        let circuit = half_open().await;
        let (barrier, now) = (Barrier::new(THREADS), Instant::now());
        let acquire = || {
            barrier.wait();
            circuit.acquire(now).ok()
        };
        let admitted: Vec<Permit> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(acquire)).collect();
            let permits = threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap());
            permits.collect()
        });
        assert_eq!(admitted.len(), 1);
        assert!(admitted[0].is_probe());
        drop(admitted);
        assert_eq!(circuit.phase(), Phase::HalfOpen { probing: false });
    }
}

#[test]
fn it_is_as_thread_safe_as_what_it_holds() {
    fn assert<T: Send + Sync>() {}
    assert::<(Circuit, Permit, Breaker<()>, BreakerLayer)>();
    assert::<BreakerBody<http_body_util::Full<Bytes>>>();
}
