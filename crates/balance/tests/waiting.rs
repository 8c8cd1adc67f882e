//! Requests that wait for a deployment, in line.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use headworks_balance::{
    Balance, Endpoint, Needs, ResponseFuture, State, Strategy, TagMatch, Tags, WaitPolicy,
};
use headworks_core::{
    Attempts, BoxError, DeploymentId, Outcome, Reason, Refusal, Retries, StatusClassifier, Waited,
    Why,
};
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
    time::Duration,
};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, task};
use tower::Service;

/// Answers at once.
#[derive(Clone)]
struct Answers;

impl Service<Request<()>> for Answers {
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

type Waiter = task::Spawn<ResponseFuture<Answers, (), StatusClassifier>>;
type Answer = Result<Response<headworks_balance::ResponseBody<Full<Bytes>>>, BoxError>;

const WAIT: Duration = Duration::from_secs(5);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn endpoint(id: &str) -> Endpoint<Answers> {
    Endpoint::new(id, Answers).slow_start(Duration::ZERO)
}

fn balance(endpoints: impl IntoIterator<Item = Endpoint<Answers>>) -> Balance<Answers> {
    Balance::new("g", &Strategy::RoundRobin, endpoints).wait(WaitPolicy::new(WAIT).at_most(4))
}

/// A balance over one endpoint with room for so many requests.
fn narrow(room: usize) -> Balance<Answers> {
    balance([endpoint("a").max_in_flight(room)])
}

fn send(balance: &Balance<Answers>) -> Waiter {
    task::spawn(balance.clone().call(Request::new(())))
}

fn send_tagged(balance: &Balance<Answers>, tag: &str) -> Waiter {
    let mut needs = Needs::default();
    needs.tags = Some(Tags::new([tag], TagMatch::Any));
    let mut request = Request::new(());
    request.extensions_mut().insert(needs);
    task::spawn(balance.clone().call(request))
}

/// Sends one that is to wait.
fn wait(balance: &Balance<Answers>) -> Waiter {
    let mut waiter = send(balance);
    assert_pending!(waiter.poll());
    waiter
}

/// It has been woken and is served.
#[track_caller]
fn served(waiter: &mut Waiter) -> Answer {
    assert!(waiter.is_woken());
    let answer = assert_ready!(waiter.poll());
    assert!(answer.is_ok());
    answer
}

fn refusal(answer: Answer) -> Refusal {
    let error = answer.map(drop).unwrap_err();
    error.downcast_ref::<Refusal>().unwrap().clone()
}

/// A gate that rests until a moment.
fn until(moment: Instant) -> impl Fn() -> Result<(), Reason> + Send + Sync {
    move || {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Ok(())
        } else {
            Err(Reason::Resting(left))
        }
    }
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served_and_nobody_else_is_woken() {
    let balance = narrow(2);
    let held = [send(&balance), send(&balance)];
    let mut waiters = [
        wait(&balance),
        wait(&balance),
        wait(&balance),
        wait(&balance),
    ];
    let mut answers = Vec::new();
    for (n, held) in held.into_iter().enumerate() {
        drop(held);
        answers.push(served(&mut waiters[n]));
        // The next in line keeps watch from now on, and finds nothing yet.
        assert!(waiters[n + 1].is_woken());
        assert_pending!(waiters[n + 1].poll());
        assert!(waiters[n + 2..].iter().all(|waiter| !waiter.is_woken()));
    }
    // Two at once.
    answers.clear();
    answers.push(served(&mut waiters[2]));
    answers.push(served(&mut waiters[3]));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_polled_keeps_nobody_from_being_served() {
    let balance = narrow(1);
    let held = send(&balance);
    let mut forgotten = send(&balance);
    let mut waiter = wait(&balance);
    drop(held);
    let answer = served(&mut waiter);
    // It joins when it is polled at last, and is served in its turn.
    assert_pending!(forgotten.poll());
    drop(answer);
    drop(served(&mut forgotten));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_first_polled_when_there_is_room_need_not_wait() {
    let balance = narrow(1);
    let held = send(&balance);
    let mut later = send(&balance);
    drop(held);
    assert!(assert_ready!(later.poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_fresh_request_does_not_overtake_those_who_wait() {
    let balance = narrow(1);
    let held = send(&balance);
    let mut first = wait(&balance);
    drop(held);
    let mut fresh = wait(&balance);
    let answer = served(&mut first);
    assert_pending!(fresh.poll());
    drop(answer);
    let answer = served(&mut fresh);
    drop(answer);
    // With nobody in line there is nothing to wait for.
    assert!(assert_ready!(send(&balance).poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_rest_is_waited_for_to_the_millisecond() {
    let now = Instant::now();
    let balance = balance([endpoint("a").gate(until(now + ms(1234)))]);
    let waiters = [wait(&balance), wait(&balance)];
    let [one, other] = waiters;
    assert!(one.await.is_ok());
    assert_eq!(now.elapsed(), ms(1234));
    assert!(other.await.is_ok(), "there is room for all");
    assert_eq!(now.elapsed(), ms(1234));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_does_not_say_when_it_opens_is_asked_again_and_again() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let gate = move || {
        gate.load(Ordering::Relaxed)
            .then_some(())
            .ok_or(Reason::NotReady)
    };
    let balance = balance([endpoint("a").gate(gate)]);
    let waiter = wait(&balance);
    let since = Instant::now();
    let opens = async {
        tokio::time::sleep(ms(750)).await;
        open.store(true, Ordering::Relaxed);
    };
    let (answer, ()) = tokio::join!(waiter, opens);
    assert!(answer.is_ok());
    assert!(since.elapsed() <= ms(850), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_to_the_group_is_found_at_once() {
    let balance = narrow(0);
    let (mut first, mut second) = (wait(&balance), wait(&balance));
    balance.registry().insert(endpoint("b").max_in_flight(1));
    assert!(!second.is_woken());
    let answer = served(&mut first);
    assert_eq!(
        answer.as_ref().unwrap().extensions().get(),
        Some(&DeploymentId::from("b"))
    );
    assert_pending!(second.poll());
    drop(answer);
    assert!(served(&mut second).is_ok(), "a newcomer rings as all do");
}

#[tokio::test(start_paused = true)]
async fn room_that_is_made_in_another_group_is_found_too() {
    let state = Arc::new(State::default());
    let shared = || endpoint("a").max_in_flight(1).state(state.clone());
    let (one, other) = (balance([shared()]), balance([shared()]));
    let held = send(&one);
    let mut waiter = wait(&other);
    drop(held);
    assert!(served(&mut waiter).is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_passes_its_wake_up_on() {
    let balance = narrow(1);
    let held = send(&balance);
    let (first, mut second) = (wait(&balance), wait(&balance));
    drop(held);
    assert!(first.is_woken());
    drop(first);
    assert!(served(&mut second).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_with_the_reasons_and_how_long_it_was() {
    let balance = narrow(1);
    let _held = send(&balance);
    let since = Instant::now();
    let refusal = refusal(send(&balance).await);
    assert_eq!(since.elapsed(), WAIT);
    assert_eq!(refusal.waited(), Waited::InVain(WAIT));
    assert_eq!(refusal.candidates(), [("a".into(), Reason::Full)]);
    assert!(send(&balance).poll().is_pending(), "its place is free");
}

#[tokio::test(start_paused = true)]
async fn the_requests_own_times_are_kept() {
    let balance = narrow(1);
    let _held = send(&balance);
    let ask = async |attempts: &Attempts, longest_wait| {
        let mut own = Retries::default();
        own.longest_wait = longest_wait;
        let mut request = Request::new(());
        request.extensions_mut().insert(own);
        request.extensions_mut().insert(attempts.clone());
        let since = Instant::now();
        let answer = balance.clone().call(request).await;
        assert!(refusal(answer).waited() != Waited::QueueFull);
        since.elapsed()
    };
    let attempts = Attempts::new(0);
    assert_eq!(ask(&attempts, None).await, WAIT);
    assert_eq!(ask(&attempts, Some(ms(300))).await, ms(300));
    assert_eq!(ask(&attempts, Some(Duration::ZERO)).await, Duration::ZERO);
    attempts.shorten_deadline(Instant::now() + ms(700));
    assert_eq!(ask(&attempts, None).await, ms(700));
    assert_eq!(ask(&attempts, None).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_than_may() {
    let balance = narrow(1);
    let _held = send(&balance);
    let mut waiters: Vec<_> = (0..4).map(|_| wait(&balance)).collect();
    let refused = || refusal(assert_ready!(send(&balance).poll()));
    assert_eq!(refused().waited(), Waited::QueueFull);
    assert_eq!(refused().candidates(), [("a".into(), Reason::Full)]);
    waiters.pop();
    waiters.push(wait(&balance));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_what_will_not_come() {
    let balance = balance([
        endpoint("a")
            .tags(["paid"])
            .gate(until(Instant::now() + 2 * WAIT)),
        endpoint("b").tags(["free"]).max_in_flight(0),
    ]);
    // One that rests for longer than the wait, and one that nobody asked for.
    let answer = assert_ready!(send_tagged(&balance, "paid").poll());
    assert_eq!(refusal(answer).waited(), Waited::No);
    assert_pending!(send_tagged(&balance, "free").poll());
    // Six seconds later the rest may be waited for.
    advance(ms(6_000)).await;
    assert_pending!(send_tagged(&balance, "paid").poll());

    // Having been everywhere, it waits where its answer gave hope.
    for (outcome, waits) in [(Outcome::CallerFault, false), (Outcome::Capacity, true)] {
        let balance = narrow(0);
        let attempts = Attempts::new(9);
        let number = attempts.begin(&"g".into(), &"a".into(), Why::new("test"), 0);
        attempts.end(number, outcome.into());
        let mut request = Request::new(());
        request.extensions_mut().insert(attempts);
        let mut waiter = task::spawn(balance.clone().call(request));
        assert_eq!(waiter.poll().is_pending(), waits, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_others_neither_waits_nor_is_passed() {
    let balance = balance([
        endpoint("a").tags(["a"]).max_in_flight(1),
        endpoint("b").tags(["b"]).max_in_flight(1),
        endpoint("c").tags(["a", "b"]).max_in_flight(0),
    ]);
    let (at_a, at_b) = (send_tagged(&balance, "a"), send_tagged(&balance, "b"));
    let tagged = |tag| {
        let mut waiter = send_tagged(&balance, tag);
        assert_pending!(waiter.poll());
        waiter
    };
    let (mut first, mut second, third) = (tagged("a"), tagged("b"), tagged("b"));
    drop(at_b);
    // The first keeps watch: it finds nothing for itself and calls the one whose turn it is.
    assert!(first.is_woken() && !second.is_woken());
    assert_pending!(first.poll());
    assert!(!third.is_woken());
    let answer = served(&mut second);
    assert!(first.is_woken());
    assert_pending!(first.poll());
    // Nobody who waits wants what is free now, but for the one it is due to.
    drop(third);
    drop(answer);
    assert!(assert_ready!(send_tagged(&balance, "b").poll()).is_ok());
    drop(at_a);
    assert!(served(&mut first).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_group_is_no_reason_to_keep_others_waiting() {
    let balance = balance([
        endpoint("a").tags(["a"]).max_in_flight(0),
        endpoint("b").tags(["b"]).max_in_flight(0),
    ]);
    let tagged = |tag| {
        let mut waiter = send_tagged(&balance, tag);
        assert_pending!(waiter.poll());
        waiter
    };
    let (mut first, mut second, mut third) = (tagged("a"), tagged("a"), tagged("b"));
    balance.registry().insert(endpoint("b").tags(["b"]));
    // What the second wants is not known for the group as it is now, so it is asked before the third.
    assert!(first.is_woken());
    assert_pending!(first.poll());
    assert!(second.is_woken());
    assert_pending!(second.poll());
    assert!(first.is_woken());
    assert_pending!(first.poll());
    assert!(served(&mut third).is_ok());
}
