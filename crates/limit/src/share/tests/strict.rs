//! The store decides on each request.

use super::*;
use crate::{Admission, RateLimitLayer, share::line::LONGEST};
use headworks_core::{NotAdmitted, Returned};
use http::{Request, Response};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower_test::mock;

const WITHIN: Duration = Duration::from_millis(20);

fn strict(number: usize, limits: &Limits, store: &Remote, alone: Alone) -> Instance {
    let quota = Quota::new(limits.clone());
    let params = KeeperParams::new(format!("instance {number}").as_str());
    let params = params.alone(alone).strict(WITHIN);
    let keeper = Keeper::spawn(store.clone(), [("account".into(), quota.clone())], params);
    Instance {
        quota,
        keeper: Some(keeper),
    }
}

fn strict_instances(n: usize, limits: &Limits, store: &Remote) -> Vec<Instance> {
    let make = |number| strict(number, limits, store, Alone::Closed);
    (0..n).map(make).collect()
}

async fn ask(quota: &Quota, cost: Tokens) -> Result<Reservation, NotAdmitted> {
    match quota.ask(cost, Instant::now()) {
        Admission::Now(decided) => decided,
        Admission::Later(asking) => asking.await,
    }
}

/// So many at once, of which these are admitted.
async fn ask_at_once(quota: &Quota, cost: Tokens, n: usize) -> Vec<Reservation> {
    let asked = (0..n).map(|_| ask(quota, cost));
    let all = futures_util::future::join_all(asked).await;
    all.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_has_all_there_is_and_all_together_no_more() {
    for (n, limit) in [(1, 60), (5, 60), (5, 3), (20, 100)] {
        let store = Remote::new(Duration::from_millis(4));
        let limits = Limits::new().rpm(limit).tpm(limit * 10);
        let instances = strict_instances(n, &limits, &store);
        let log = Log::default();
        let asked = instances.iter().enumerate().map(|(number, instance)| {
            let log = &log;
            let mut rng = fastrand::Rng::with_seed(number as u64);
            async move {
                for _ in 0..200 {
                    sleep(Duration::from_millis(rng.u64(0..200))).await;
                    let cost = Tokens::new(rng.u64(0..20), 0);
                    for admitted in ask_at_once(&instance.quota, cost, rng.usize(1..4)).await {
                        log.admitted(1);
                        admitted.settle(cost);
                    }
                }
            }
        });
        futures(asked).await;
        assert!(log.all() <= limit, "{} of {limit} over {n}", log.all());
        // What is left fits for whoever asks, whether it has asked before or not.
        let used = instances[n - 1].quota.clone();
        while let Ok(admitted) = ask(&used, Tokens::NONE).await {
            log.admitted(1);
            admitted.settle(Tokens::NONE);
        }
        assert_eq!(log.all(), limit, "over {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_out_of_idleness_has_the_last_there_is() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = strict_instances(5, &Limits::new().rpm(10), &store);
    sleep(SETTLE).await;
    let first = ask_at_once(&instances[0].quota, Tokens::NONE, 9).await;
    assert_eq!(first.len(), 9);
    first.into_iter().for_each(|one| one.settle(Tokens::NONE));
    sleep(3 * LEASE).await;
    let last = &instances[4].quota;
    assert!(last.standing(Instant::now()).is_ok());
    let began = Instant::now();
    let admitted = ask(last, Tokens::NONE).await.unwrap();
    // One exchange, and what is left of one that is under way.
    assert!(began.elapsed() <= Duration::from_millis(8));
    let refused = ask(&instances[1].quota, Tokens::NONE).await.unwrap_err();
    assert!(refused.to_string().contains("10 of 10 rpm"), "{refused}");
    assert!(
        instances[1].quota.standing(Instant::now()).is_err(),
        "it is known"
    );
    // What was not sent is there for the others at once.
    admitted.refund();
    sleep(Duration::from_millis(120)).await;
    assert!(instances[1].quota.standing(Instant::now()).is_ok());
    assert!(ask(&instances[1].quota, Tokens::NONE).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_are_asked_for_together_and_served_in_their_order() {
    let store = Remote::new(Duration::from_millis(4));
    let instance = strict(0, &Limits::new().rpm(50), &store, Alone::Closed);
    sleep(SETTLE).await;
    let before = store.exchanges.load(Ordering::Relaxed);
    let order = Mutex::new(Vec::new());
    let asked = (0..100).map(|number| {
        let (instance, order) = (&instance, &order);
        async move {
            if let Ok(admitted) = ask(&instance.quota, Tokens::NONE).await {
                order.lock().push(number);
                admitted.settle(Tokens::NONE);
            }
        }
    });
    futures(asked).await;
    assert_eq!(order.into_inner(), (0..50).collect::<Vec<_>>());
    let exchanges = store.exchanges.load(Ordering::Relaxed) - before;
    assert!(exchanges <= 2, "{exchanges}");
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_wait_any_more_leaves_no_trace() {
    for moment in [0, 1, 3, 5] {
        let store = Remote::new(Duration::from_millis(4));
        let instance = strict(0, &Limits::new().rpm(1).parallel(1), &store, Alone::Closed);
        sleep(SETTLE).await;
        let Admission::Later(asking) = instance.quota.ask(Tokens::NONE, Instant::now()) else {
            panic!("it is asked for");
        };
        sleep(Duration::from_millis(moment)).await;
        drop(asking);
        sleep(Duration::from_millis(120)).await;
        assert_eq!(instance.quota.in_flight(), 0);
        assert!(ask(&instance.quota, Tokens::NONE).await.is_ok(), "{moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for_once_and_then_each_is_alone() {
    for (alone, admitted) in [
        (Alone::Share(0.5), 5),
        (Alone::Open, 10),
        (Alone::Closed, 0),
    ] {
        let store = Remote::new(Duration::from_millis(4));
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let quota = Quota::new(Limits::new().rpm(10));
        let params = KeeperParams::new("one").alone(alone).strict(WITHIN);
        let params = params.on_change(move |state| tell.lock().push(state.is_ok()));
        let _keeper = Keeper::spawn(store.clone(), [("q".into(), quota.clone())], params);
        sleep(SETTLE).await;
        store.mute.store(true, Ordering::Relaxed);
        let began = Instant::now();
        let first = ask(&quota, Tokens::NONE).await;
        assert_eq!(began.elapsed().as_millis(), WITHIN.as_millis(), "{alone:?}");
        let began = Instant::now();
        let others = ask_at_once(&quota, Tokens::NONE, 20).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "nobody else waits");
        assert_eq!(
            others.len() + usize::from(first.is_ok()),
            admitted,
            "{alone:?}"
        );
        for one in others.into_iter().chain(first) {
            one.settle(Tokens::NONE);
        }
        sleep(5 * LEASE).await;
        store.mute.store(false, Ordering::Relaxed);
        sleep(2 * LEASE).await;
        // What went through is owed, and the rest is there again.
        let rest = ask_at_once(&quota, Tokens::NONE, 20).await;
        // One was counted that the store has heard of and the asker has not.
        let lost = 1;
        assert!(
            rest.len() + admitted + lost >= 10,
            "{} {alone:?}",
            rest.len()
        );
        assert!(rest.len() + admitted <= 10, "{} {alone:?}", rest.len());
        assert_eq!(*told.lock(), [true, false, true], "each change once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_slower_than_requests_wait_is_a_silent_one() {
    let mut store = Remote::new(Duration::from_millis(4));
    let quick = strict(0, &Limits::new().rpm(10), &store, Alone::Closed);
    store.latency = Duration::from_millis(60);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let quota = Quota::new(Limits::new().rpm(10));
    let params = KeeperParams::new("slow")
        .alone(Alone::Share(0.5))
        .strict(WITHIN);
    let params =
        params.on_change(move |state| tell.lock().push(state.map_err(ToString::to_string)));
    let _keeper = Keeper::spawn(store.clone(), [("account".into(), quota.clone())], params);
    sleep(SETTLE).await;
    let admitted = ask_at_once(&quota, Tokens::NONE, 20).await;
    assert_eq!(admitted.len(), 5, "its share");
    admitted
        .into_iter()
        .for_each(|one| one.settle(Tokens::NONE));
    sleep(SETTLE).await;
    // The others are told of it all the same.
    assert_eq!(ask_at_once(&quick.quota, Tokens::NONE, 20).await.len(), 5);
    assert_eq!(*told.lock(), [Err("no answer within 20ms".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn slots_are_asked_for_one_by_one_and_free_as_soon_as_an_answer_ends() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = strict_instances(3, &Limits::new().parallel(10), &store);
    sleep(SETTLE).await;
    let mut held = ask_at_once(&instances[0].quota, Tokens::NONE, 20).await;
    assert_eq!(held.len(), 10);
    let refused = ask(&instances[1].quota, Tokens::NONE).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Full);
    for _ in 0..50 {
        held.remove(0).settle(Tokens::NONE);
        sleep(Duration::from_millis(15)).await;
        let number = fastrand::usize(0..3);
        held.push(ask(&instances[number].quota, Tokens::NONE).await.unwrap());
        assert!(ask(&instances[2].quota, Tokens::NONE).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_the_limit_goes_alone_and_what_is_not_limited_is_not_asked_for() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = strict_instances(2, &Limits::new().tpm(100), &store);
    sleep(SETTLE).await;
    let large = Tokens::new(500, 0);
    ask(&instances[0].quota, large).await.unwrap().settle(large);
    let refused = ask(&instances[1].quota, Tokens::new(1, 0))
        .await
        .unwrap_err();
    let left = refused.reason().left().unwrap();
    sleep(left).await;
    assert!(
        ask(&instances[1].quota, Tokens::new(1, 0)).await.is_ok(),
        "{left:?}"
    );

    let free = strict(2, &Limits::new(), &store, Alone::Closed);
    let admission = free.quota.ask(large, Instant::now());
    assert!(matches!(admission, Admission::Now(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_lost_its_data_is_told_what_was_used_before_it_decides() {
    let store = Remote::new(Duration::from_millis(4));
    let instance = strict(0, &Limits::new().rpm(10), &store, Alone::Closed);
    sleep(SETTLE).await;
    for one in ask_at_once(&instance.quota, Tokens::NONE, 7).await {
        one.settle(Tokens::NONE);
    }
    store.store.clear();
    assert_eq!(ask_at_once(&instance.quota, Tokens::NONE, 7).await.len(), 3);
}

type Call = Request<&'static str>;

#[tokio::test(start_paused = true)]
async fn the_service_that_is_ready_waits_with_the_request_and_the_request_comes_back_if_refused() {
    let store = Remote::new(Duration::from_millis(4));
    let instance = strict(0, &Limits::new().rpm(1), &store, Alone::Closed);
    sleep(SETTLE).await;
    let layer = RateLimitLayer::new(instance.quota.clone());
    let (mut service, mut handle) = mock::spawn_layer::<Call, Response<String>, _>(layer);
    assert_ready_ok!(service.poll_ready());
    let mut first = task::spawn(service.call(Request::new("first")));
    assert_pending!(first.poll());
    sleep(Duration::from_millis(8)).await;
    // A mock that is called without having been ready panics.
    assert_pending!(first.poll());
    let (request, send) = handle.next_request().await.unwrap();
    assert_eq!(request.into_body(), "first");
    send.send_response(Response::new(String::new()));
    first.await.unwrap();

    assert_ready_ok!(service.poll_ready());
    let error = service.call(Request::new("second")).await.unwrap_err();
    let (request, why) = Returned::<Call>::take(error).unwrap();
    assert_eq!(request.into_body(), "second");
    assert!(why.to_string().contains("1 of 1 rpm"), "{why}");
    assert_eq!(instance.quota.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_one_hears_from_the_provider_is_decided_by_for_all() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = strict_instances(3, &Limits::new().rpm(100), &store);
    sleep(SETTLE).await;
    let told = |remaining| {
        let told = crate::Told::new(crate::Unit::Requests, crate::Period::Minute, remaining);
        let all = instances.iter();
        all.for_each(|instance| instance.quota.told(told, Instant::now()));
    };
    told(40);
    sleep(SETTLE).await;
    let first = ask_at_once(&instances[1].quota, Tokens::NONE, 100).await;
    assert_eq!(first.len(), 40, "all hear the same");
    first.into_iter().for_each(|one| one.settle(Tokens::NONE));
    let store = Remote::new(Duration::from_millis(4));
    let instances = strict_instances(3, &Limits::new().rpm(100), &store);
    sleep(SETTLE).await;
    let told = crate::Told::new(crate::Unit::Requests, crate::Period::Minute, 0);
    instances[0].quota.told(told, Instant::now());
    sleep(Duration::from_millis(4)).await;
    assert!(ask(&instances[1].quota, Tokens::NONE).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_is_heard_while_requests_wait_keeps_out_those_that_it_would_have_kept_out() {
    const REST: Duration = Duration::from_secs(30);
    for mute in [false, true] {
        let store = Remote::new(Duration::from_millis(4));
        let limits = Limits::new().rpm(10).parallel(2);
        let instance = strict(0, &limits, &store, Alone::Open);
        let other = strict(1, &limits, &store, Alone::Closed);
        sleep(SETTLE).await;
        store.mute.store(mute, Ordering::Relaxed);
        let quota = &instance.quota;
        let ordinary = quota.ask(Tokens::NONE, Instant::now());
        let last_resort = quota.ask_anyway(Tokens::NONE, Instant::now());
        let [Admission::Later(ordinary), Admission::Later(last_resort)] = [ordinary, last_resort]
        else {
            panic!("they are asked for");
        };
        quota.rest(REST, Instant::now());
        let (ordinary, last_resort) = tokio::join!(ordinary, last_resort);
        let refused = ordinary.unwrap_err().reason();
        assert!(matches!(refused, Reason::Resting(_)), "{refused:?}");
        assert_eq!(quota.in_flight(), 1, "{mute}");
        let last_resort = last_resort.unwrap();
        if mute {
            continue;
        }
        // What the store had counted of the one that was refused is there again soon, the slot too.
        sleep(Duration::from_millis(15)).await;
        let Admission::Later(another) = other.quota.ask_anyway(Tokens::NONE, Instant::now()) else {
            panic!("it is asked for");
        };
        another.await.unwrap().settle(Tokens::NONE);
        last_resort.settle(Tokens::NONE);
        sleep(REST).await;
        let mut left = 0;
        while let Ok(one) = ask(quota, Tokens::NONE).await {
            one.settle(Tokens::NONE);
            left += 1;
        }
        assert_eq!(left, 8);
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_may_wait_are_refused_at_once() {
    let store = Remote::new(Duration::from_millis(4));
    let instance = strict(0, &Limits::new().rpm(1_000_000), &store, Alone::Closed);
    sleep(SETTLE).await;
    let ask = || instance.quota.ask(Tokens::NONE, Instant::now());
    let waiting: Vec<_> = (0..LONGEST).map(|_| ask()).collect();
    assert!(waiting.iter().all(|one| matches!(one, Admission::Later(_))));
    let Admission::Now(Err(refused)) = ask() else {
        panic!("there is no room");
    };
    assert_eq!(refused.reason(), Reason::Full);
    // Those who have left make room with the next exchange.
    drop(waiting);
    sleep(WITHIN).await;
    assert!(matches!(ask(), Admission::Later(_)));
}

#[test]
fn an_answer_is_waited_for_as_long_as_requests_wait_whichever_is_said_first() {
    let long = Duration::from_millis(400);
    let short = Duration::from_millis(100);
    let params = || KeeperParams::new("one");
    for (params, patience) in [
        (params().strict(long).patience(short), long),
        (params().patience(short).strict(long), long),
        (params().strict(short).patience(long), long),
        (params().patience(long).strict(short), long),
        (params().patience(short), short),
    ] {
        assert_eq!(params.patience, patience, "{params:?}");
    }
}
