//! The layer in front of a mock: what it admits, and what each end of a request costs.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bytes::Bytes;
use headworks_core::{
    Answer, BoxError, Clock, Elapsed, End, Foretold, Hint, Judged, LastResort, NotAdmitted,
    Outcome, Reason, Returned, Verdict,
};
use headworks_limit::{
    Cost, Limits, Period, Quota, RateLimit, RateLimitLayer, Tally, Tokens, Unit,
};
use http::{Request, Response};
use http_body_util::{
    BodyExt,
    channel::{Channel, Sender},
};
use std::time::Duration;
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower_test::mock::{self, Handle, Mock, Spawn};

type Body = Channel<Bytes, BoxError>;
type Call = Request<()>;
type Mocked = Spawn<RateLimit<Mock<Call, Response<Body>>, Words>>;

/// A request has a prompt of ten tokens and an answer of forty at most; an answer has a token a byte, if its
/// head says that it is counted.
#[derive(Clone, Copy)]
struct Words;

#[derive(Debug, Default)]
struct WordCount {
    counted: bool,
    seen: u64,
}

impl<B> Cost<B> for Words {
    type Tally = WordCount;

    fn estimate(&self, _: &Request<B>) -> (Tokens, WordCount) {
        (Tokens::new(10, 40), WordCount::default())
    }
}

impl Tally for WordCount {
    fn head(&mut self, head: Answer<'_>) {
        if let Answer::Head { headers, .. } = head {
            self.counted = headers.contains_key("counted");
        }
    }

    fn follow(&mut self, data: &[u8]) {
        self.seen += data.len() as u64;
    }

    fn total(self, _: End, estimate: Tokens) -> Option<Tokens> {
        self.counted.then(|| Tokens::new(estimate.input, self.seen))
    }
}

fn quota() -> Quota {
    Quota::new(Limits::new().rpm(100).itpm(1000).otpm(1000).parallel(1))
}

fn spawn(quota: &Quota) -> (Mocked, Handle<Call, Response<Body>>) {
    let layer = RateLimitLayer::new(quota.clone()).cost(Words);
    let (mut service, handle) = mock::spawn_layer(layer);
    assert_ready_ok!(service.poll_ready());
    (service, handle)
}

/// Requests, input tokens, output tokens, in flight.
fn counted(quota: &Quota) -> [u64; 4] {
    let usage = quota.usage(Instant::now());
    let used = |unit| usage.iter().find(|usage| usage.unit == unit).unwrap().used;
    let [requests, input, output] =
        [Unit::Requests, Unit::InputTokens, Unit::OutputTokens].map(used);
    [requests, input, output, quota.in_flight()]
}

async fn answer(
    quota: &Quota,
    status: u16,
    counted: bool,
) -> (
    impl http_body::Body<Data = Bytes, Error = BoxError> + Unpin,
    Sender<Bytes, BoxError>,
) {
    let (mut service, mut handle) = spawn(quota);
    let answer = service.call(Request::new(()));
    let (sender, body) = Channel::new(8);
    let mut response = Response::builder().status(status);
    if counted {
        response = response.header("counted", "yes");
    }
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(response.body(body).unwrap());
    (Box::pin(answer.await.unwrap().into_body()), sender)
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_taken_at_once_and_the_truth_at_the_end_of_the_body() {
    let quota = quota();
    let (body, mut sender) = answer(&quota, 200, true).await;
    assert_eq!(counted(&quota), [1, 10, 40, 1]);
    sender.send_data(Bytes::from("seven b")).await.unwrap();
    drop(sender);
    body.collect().await.unwrap();
    assert_eq!(counted(&quota), [1, 10, 7, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_say_costs_what_was_estimated() {
    let quota = quota();
    let (body, sender) = answer(&quota, 200, false).await;
    drop(sender);
    body.collect().await.unwrap();
    assert_eq!(counted(&quota), [1, 10, 40, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_and_one_that_is_left_cost_what_was_seen() {
    for cut in [true, false] {
        let quota = quota();
        let (mut body, mut sender) = answer(&quota, 200, true).await;
        sender.send_data(Bytes::from("abc")).await.unwrap();
        body.frame().await.unwrap().unwrap();
        if cut {
            sender.abort("reset".into());
            assert!(body.frame().await.unwrap().is_err());
        }
        drop(body);
        assert_eq!(counted(&quota), [1, 10, 3, 0], "{cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_content_policy_withheld_costs_what_it_says() {
    for (status, counts, cost) in [(200, true, [1, 10, 3, 0]), (400, false, [1, 0, 0, 0])] {
        let quota = quota();
        let (mut service, mut handle) = spawn(&quota);
        let answer = service.call(Request::new(()));
        let mut response = Response::builder().status(status);
        if counts {
            response = response.header("counted", "yes");
        }
        let (mut sender, body) = Channel::new(8);
        let mut response = response.body(body).unwrap();
        let refused = Verdict::from(Outcome::ContentRefused);
        response.extensions_mut().insert(refused);
        handle
            .next_request()
            .await
            .unwrap()
            .1
            .send_response(response);
        sender.send_data(Bytes::from("abc")).await.unwrap();
        drop(sender);
        answer.await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(counted(&quota), cost, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_turns_it_down_counts_the_request_alone() {
    for status in [400, 429, 500] {
        let quota = quota();
        let (body, _sender) = answer(&quota, status, true).await;
        assert_eq!(counted(&quota)[3], 1);
        drop(body);
        assert_eq!(counted(&quota), [1, 0, 0, 0], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_before_its_head_has_cost_its_prompt() {
    let quota = quota();
    let (mut service, _handle) = spawn(&quota);
    let answer = service.call(Request::new(()));
    assert_eq!(counted(&quota), [1, 10, 40, 1]);
    drop(answer);
    assert_eq!(counted(&quota), [1, 10, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_error_costs_by_what_it_means() {
    let timeout = || Elapsed::new(Clock::Attempt, Duration::from_secs(1));
    let not_admitted = || NotAdmitted::new(Reason::NotReady);
    let cases: [(BoxError, _); 3] = [
        (timeout().into(), [1, 10, 0, 0]),
        ("connection reset".into(), [1, 10, 0, 0]),
        (not_admitted().into(), [0, 0, 0, 0]),
    ];
    for (error, expected) in cases {
        let quota = quota();
        let (mut service, mut handle) = spawn(&quota);
        let mut answer = task::spawn(service.call(Request::new(())));
        assert_pending!(answer.poll());
        let text = error.to_string();
        handle.next_request().await.unwrap().1.send_error(error);
        assert_eq!(assert_ready_err!(answer.poll()).to_string(), text);
        assert_eq!(counted(&quota), expected, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_admitted_is_not_sent() {
    let quota = quota();
    let (_body, _sender) = answer(&quota, 200, true).await;
    let (mut service, mut handle) = spawn(&quota);
    let mut answer = task::spawn(service.call(Request::new(())));
    let error = assert_ready_err!(answer.poll());
    let (_request, why) = Returned::<Call>::take(error).unwrap();
    assert_eq!(why.reason(), Reason::Full);
    assert!(task::spawn(handle.next_request()).poll().is_pending());
    assert_eq!(counted(&quota)[0], 1);
}

#[tokio::test(start_paused = true)]
async fn two_deployments_of_one_account_share_its_quota() {
    let quota = Quota::new(Limits::new().rpm(1));
    let (_body, _sender) = answer(&quota, 200, true).await;
    assert!(quota.clone().standing(Instant::now()).is_err());
    advance(Duration::from_secs(61)).await;
    assert!(quota.standing(Instant::now()).is_ok());
    quota.rest(Duration::from_secs(5), Instant::now());
    let resting = Reason::Resting(Duration::from_secs(5));
    assert_eq!(quota.clone().standing(Instant::now()), Err(resting));
}

fn never(quota: Quota) -> RateLimitLayer {
    RateLimitLayer::new(quota).without_rests()
}

fn by_rule(quota: Quota) -> RateLimitLayer {
    RateLimitLayer::new(quota).rest_by(|verdict| match verdict.outcome {
        Outcome::Auth => Some(Duration::from_secs(7)),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn it_rests_as_the_provider_says_or_as_somebody_else_does_or_never() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let layer: fn(Quota) -> RateLimitLayer = RateLimitLayer::new;
    for (make, status, hint, expected) in [
        (layer, 429, true, seconds(30)),
        (layer, 503, true, seconds(30)),
        (layer, 400, true, None),
        (layer, 200, true, None),
        (layer, 429, false, None),
        (never, 429, true, None),
        (by_rule, 429, true, None),
        (by_rule, 401, false, seconds(7)),
    ] {
        let quota = quota();
        let (mut service, mut handle) = mock::spawn_layer(make(quota.clone()));
        assert_ready_ok!(service.poll_ready());
        let answer = service.call(Request::new(()));
        let mut response = Response::builder().status(status);
        if hint {
            response = response.header("retry-after", "30");
        }
        let (_, send): (Call, _) = handle.next_request().await.unwrap();
        send.send_response(response.body(String::new()).unwrap());
        answer.await.unwrap();
        let left = match quota.standing(Instant::now()) {
            Err(Reason::Resting(left)) => Some(left),
            _ => None,
        };
        assert_eq!(left, expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_limits_hold_at_once_for_all_who_share_it_and_what_is_used_counts_on() {
    let quota = Quota::new(Limits::new().rpm(2));
    let other = quota.clone();
    let reserve = |quota: &Quota| quota.reserve(Tokens::NONE, Instant::now());
    for _ in 0..2 {
        reserve(&quota).unwrap().settle(Tokens::NONE);
    }
    assert!(reserve(&other).is_err());
    quota.set_limits(Limits::new().rpm(3));
    assert_eq!(other.limits().get(Unit::Requests, Period::Minute), Some(3));
    let third = reserve(&other).unwrap();
    assert!(reserve(&quota).is_err());
    // What was never sent leaves its place to another.
    third.refund();
    let third = reserve(&quota).unwrap();
    quota.set_limits(Limits::new().rpm(1));
    third.settle(Tokens::NONE);
    let used = quota.usage(Instant::now())[0];
    assert_eq!((used.used, used.limit), (3, 1), "what is admitted stays so");
}

/// How a client learns of an error in an answer with a good head.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// It reads on to the error that the body ends with.
    Stays,
    /// It leaves before, when the failure is known.
    Leaves,
}

#[tokio::test(start_paused = true)]
async fn an_error_within_an_answer_rests_it_as_the_same_in_its_head_would() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let layer: fn(Quota) -> RateLimitLayer = RateLimitLayer::new;
    let hinted = |outcome| Verdict {
        outcome,
        hint: Some(Hint::after(Duration::from_secs(30))),
    };
    for (make, status, verdict, expected) in [
        (layer, 200, hinted(Outcome::RateLimited), seconds(30)),
        (layer, 200, hinted(Outcome::Capacity), seconds(30)),
        (layer, 200, Outcome::RateLimited.into(), None),
        (layer, 200, hinted(Outcome::CallerFault), None),
        (never, 200, hinted(Outcome::RateLimited), None),
        (by_rule, 200, hinted(Outcome::RateLimited), None),
        (by_rule, 200, Outcome::Auth.into(), seconds(7)),
        // What the head has said stands.
        (layer, 500, hinted(Outcome::RateLimited), None),
    ] {
        for reader in [Reader::Stays, Reader::Leaves] {
            let quota = quota();
            let (mut service, mut handle) = mock::spawn_layer(make(quota.clone()));
            assert_ready_ok!(service.poll_ready());
            let answer = service.call(Request::new(()));
            let (_, send): (Call, _) = handle.next_request().await.unwrap();
            let (mut sender, body) = Channel::<Bytes, BoxError>::new(2);
            let foretold = Foretold::default();
            let response = Response::builder().status(status);
            let response = response.extension(foretold.clone()).body(body);
            send.send_response(response.unwrap());
            let mut body = answer.await.unwrap().into_body();
            sender.send_data("a word".into()).await.unwrap();
            assert!(body.frame().await.unwrap().is_ok());
            assert!(quota.standing(Instant::now()).is_err(), "its slot is taken");
            foretold.fails(verdict);
            if matches!(reader, Reader::Stays) {
                sender.abort(Judged::new(verdict, "told within").into());
                assert!(body.frame().await.unwrap().is_err());
            }
            drop(body);
            let left = match quota.standing(Instant::now()) {
                Err(Reason::Resting(left)) => Some(left),
                _ => None,
            };
            assert_eq!(left, expected, "{status} {verdict:?} {reader:?}");
            assert_eq!(quota.in_flight(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_nobody_else_to_ask_is_admitted_though_it_rests_and_ends_the_rest_by_an_answer()
{
    let quota = Quota::new(Limits::new().rpm(2));
    for (status, rests) in [(500, true), (200, false)] {
        quota.rest(Duration::from_secs(30), Instant::now());
        let (mut service, mut handle) = spawn(&quota);
        let mut request = Request::new(());
        request.extensions_mut().insert(LastResort::new());
        let answer = service.call(request);
        let (_sender, body) = Channel::new(1);
        let response = Response::builder().status(status).body(body).unwrap();
        handle
            .next_request()
            .await
            .unwrap()
            .1
            .send_response(response);
        answer.await.unwrap();
        let resting = matches!(quota.standing(Instant::now()), Err(Reason::Resting(_)));
        assert_eq!(resting, rests, "{status}");
    }
    // Limits hold for everybody.
    let (mut service, _handle) = spawn(&quota);
    let mut request = Request::new(());
    request.extensions_mut().insert(LastResort::new());
    let mut answer = task::spawn(service.call(request));
    let error = assert_ready_err!(answer.poll());
    assert!(error.to_string().contains("2 of 2 rpm"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_nobody_can_mean_is_counted_and_forgotten_like_any_other() {
    let quota = Quota::new(Limits::new().tpm(1000).itpm(1000));
    for _ in 0..3 {
        let now = Instant::now();
        let huge = quota.reserve(Tokens::new(u64::MAX, u64::MAX), now).unwrap();
        assert!(quota.reserve(Tokens::new(1, 0), now).is_err());
        huge.settle(Tokens::new(u64::MAX, 5));
        advance(Duration::from_secs(62)).await;
    }
    quota
        .reserve(Tokens::new(1, 0), Instant::now())
        .unwrap()
        .refund();
}

#[test]
fn a_verdict_that_is_no_success_is_what_the_outcome_says() {
    // The default classifier goes by the status; another may know better.
    let teapot = |answer: Answer<'_>| match answer {
        Answer::Head { status, .. } if status.as_u16() == 418 => Outcome::Success.into(),
        _ => Outcome::ServerFault.into(),
    };
    let quota = quota();
    let layer = RateLimitLayer::new(quota.clone())
        .cost(Words)
        .classifier(teapot);
    for (status, expected) in [(418, [1, 10, 0, 0]), (200, [2, 10, 0, 0])] {
        let (mut service, mut handle) =
            mock::spawn_layer::<Call, Response<String>, _>(layer.clone());
        assert_ready_ok!(service.poll_ready());
        let mut answer = task::spawn(service.call(Request::new(())));
        let mut sent = task::spawn(handle.next_request());
        let std::task::Poll::Ready(Some((_, send))) = sent.poll() else {
            panic!("it was not sent");
        };
        let response = Response::builder().status(status).header("counted", "yes");
        send.send_response(response.body(String::new()).unwrap());
        drop(assert_ready_ok!(answer.poll()));
        assert_eq!(counted(&quota), expected, "{status}");
    }
}
