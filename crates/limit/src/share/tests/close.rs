//! Instances that end in order, and those that do not.

use super::*;
use crate::Admission;

/// How an instance ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    InOrder,
    Crash,
}

impl Instance {
    async fn end(&mut self, how: End) {
        let keeper = self.keeper.take().unwrap();
        match how {
            End::InOrder => keeper.close().await,
            End::Crash => drop(keeper),
        }
    }
}

/// All that can be had of it within a second.
async fn all_of(quota: &Quota) -> Vec<Reservation> {
    let mut all = Vec::new();
    for _ in 0..50 {
        all.extend(quota.reserve(Tokens::NONE, Instant::now()));
        sleep(Duration::from_millis(20)).await;
    }
    all
}

#[tokio::test(start_paused = true)]
async fn what_one_holds_that_ends_is_the_others_at_once() {
    for (end, left) in [(End::InOrder, 4), (End::Crash, 3)] {
        // An exchange may be under way, or not.
        for moment in 0..30 {
            let store = Remote::new(Duration::from_millis(30));
            let mut instances = instances(2, &Limits::new().rpm(4), &store);
            sleep(SETTLE + Duration::from_millis(17) * moment).await;
            instances[0].end(end).await;
            // A lease that is not renewed is a lost one, wherever it was.
            let all = all_of(&instances[1].quota).await.len();
            match end {
                End::InOrder => assert_eq!(all, left, "{end:?} at {moment}"),
                End::Crash => assert!(all <= left, "{end:?} at {moment}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slots_that_are_not_in_use_are_the_others_at_once_and_those_in_use_when_they_lapse() {
    for (end, in_use, left) in [
        (End::InOrder, 0, 3),
        (End::InOrder, 2, 1),
        (End::Crash, 0, 2),
    ] {
        let store = Remote::new(Duration::from_millis(4));
        let mut instances = instances(2, &Limits::new().parallel(3), &store);
        sleep(SETTLE).await;
        let mut held = Vec::new();
        while held.len() < in_use {
            held.extend(instances[0].quota.reserve(Tokens::NONE, Instant::now()));
            sleep(Duration::from_millis(20)).await;
        }
        instances[0].end(end).await;
        let all = all_of(&instances[1].quota).await;
        assert_eq!(all.len(), left, "{end:?} with {in_use} in use");
        drop(all);
        sleep(10 * LEASE).await;
        assert_eq!(all_of(&instances[1].quota).await.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_one_that_wanted_a_slot_and_has_ended() {
    let store = Remote::new(Duration::from_millis(4));
    let mut instances = instances(3, &Limits::new().parallel(2), &store);
    sleep(SETTLE).await;
    let mut held = all_of(&instances[1].quota).await;
    assert_eq!(held.len(), 2);
    assert!(all_of(&instances[0].quota).await.is_empty());
    instances[0].end(End::InOrder).await;
    held.clear();
    let began = Instant::now();
    while held.len() < 2 {
        held.extend(instances[2].quota.reserve(Tokens::NONE, Instant::now()));
        sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < LEASE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_one_owes_that_ends_is_told() {
    let store = Remote::new(Duration::from_millis(4));
    let mut instances = instances(2, &Limits::new().tpm(1000), &store);
    sleep(SETTLE).await;
    let request = until_reserved(&instances[0].quota, Tokens::new(10, 0)).await;
    request.settle(Tokens::new(10, 790));
    instances[0].end(End::InOrder).await;
    let other = &instances[1].quota;
    sleep(SETTLE).await;
    assert_eq!(other.usage(Instant::now())[0].remaining, 200);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for_no_longer_than_patience_has_it() {
    for mute in [false, true] {
        for moment in 0..20 {
            let store = Remote::new(Duration::from_millis(4));
            let limits = Limits::new().rpm(10);
            let mut instance = instance(0, &limits, store.clone(), Alone::Share(0.3));
            sleep(SETTLE).await;
            let silent = if mute { &store.mute } else { &store.cut };
            silent.store(true, Ordering::Relaxed);
            sleep(Duration::from_millis(23) * moment).await;
            let began = Instant::now();
            instance.end(End::InOrder).await;
            // For one that was under way, and for the last.
            assert!(began.elapsed() <= Duration::from_millis(500));
            let admitted = all_of(&instance.quota).await;
            assert_eq!(admitted.len(), 3, "its share, as after one that is dropped");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_decision_has_one_and_others_are_told_of_it() {
    let store = Remote::new(Duration::from_millis(30));
    let keep = |name: &'static str| {
        let quota = Quota::new(Limits::new().rpm(10));
        let params = KeeperParams::new(name).alone(Alone::Share(0.2));
        let params = params.strict(Duration::from_millis(100));
        let named = [("account".into(), quota.clone())];
        (quota, Keeper::spawn(store.clone(), named, params))
    };
    let (one, keeper) = keep("one");
    let (other, _keeper) = keep("other");
    sleep(SETTLE).await;
    // What comes back is told, so that an exchange is under way while they ask.
    let first = one.ask(Tokens::NONE, Instant::now());
    let Admission::Later(first) = first else {
        panic!("it is asked for");
    };
    sleep(Duration::from_millis(10)).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| match one.ask(Tokens::NONE, Instant::now()) {
            Admission::Later(asking) => asking,
            Admission::Now(_) => panic!("it is asked for"),
        })
        .collect();
    keeper.close().await;
    first.await.unwrap().settle(Tokens::NONE);
    let mut admitted = 1;
    for asking in waiting {
        if let Ok(one) = asking.await {
            one.settle(Tokens::NONE);
            admitted += 1;
        }
    }
    assert_eq!(admitted, 2, "its share");
    let Admission::Later(asking) = other.ask(Tokens::NONE, Instant::now()) else {
        panic!("it is asked for");
    };
    asking.await.unwrap().settle(Tokens::NONE);
    assert_eq!(other.usage(Instant::now())[0].remaining, 7);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_kept_by_another_by_now_stays_as_it_is() {
    let store = Remote::new(Duration::from_millis(4));
    let mut instance = instance(0, &Limits::new().rpm(10), store.clone(), Alone::Closed);
    sleep(SETTLE).await;
    let params = KeeperParams::new("another").alone(Alone::Closed);
    let named = [("account".into(), instance.quota.clone())];
    let _second = Keeper::spawn(store, named, params);
    sleep(SETTLE).await;
    instance.end(End::InOrder).await;
    assert!(instance.quota.standing(Instant::now()).is_ok());
}
