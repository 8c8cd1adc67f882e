//! How often the store is asked, and in which windows.

use super::*;
use crate::{Admission, Minute};
use std::collections::HashMap;

type Unasked = HashMap<Arc<str>, (Instant, Duration)>;

/// A store that counts who asks for what, and who asks for nothing.
#[derive(Clone, Default)]
struct Counting {
    store: MemoryStore,
    asked: Arc<Mutex<HashMap<Arc<str>, u64>>>,
    /// When it was last asked of each, and the longest that it was not.
    unasked: Arc<Mutex<Unasked>>,
    of_nothing: Arc<Mutex<u64>>,
}

impl Store for Counting {
    type Future = <MemoryStore as Store>::Future;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        *self.of_nothing.lock() += u64::from(questions.is_empty());
        for question in questions {
            *self.asked.lock().entry(question.quota.clone()).or_default() += 1;
            let mut unasked = self.unasked.lock();
            let now = Instant::now();
            let (last, longest) = unasked
                .entry(question.quota.clone())
                .or_insert((now, Duration::ZERO));
            *longest = (*longest).max(now - *last);
            *last = now;
        }
        self.store.exchange(instance, questions)
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_nobody_wants_is_seldom_asked_for_beside_a_busy_one() {
    let store = Counting::default();
    let [busy, quiet] = ["busy", "quiet"].map(|name| {
        let quota = Quota::new(Limits::new().rpm(600));
        (name.into(), quota)
    });
    let quotas = [busy.clone(), quiet.clone()];
    let params = KeeperParams::new("one").alone(Alone::Closed);
    let _keeper = Keeper::spawn(store.clone(), quotas, params);
    sleep(SETTLE).await;
    store.asked.lock().clear();
    let log = Log::default();
    let mut refused = 0;
    for _ in 0..60 {
        // More than there is, so that it asks all the time.
        demand(&busy.1, &log, Tokens::NONE, 200, MINUTE / 60).await;
        // A quota that is not asked for is there all the same.
        let one = quiet.1.reserve(Tokens::NONE, Instant::now());
        refused += u32::from(one.is_err());
    }
    let asked = |name: &str| store.asked.lock()[name] as f64 / 60.0;
    assert_eq!(refused, 0);
    assert!((7.0..12.0).contains(&asked("busy")), "{}", asked("busy"));
    // Once a second for the request, and to be held.
    assert!((2.0..5.0).contains(&asked("quiet")), "{}", asked("quiet"));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_nothing_is_held_of_is_asked_for_every_two_seconds_and_never_forgotten() {
    let advisory = || Limits::new().rpm(10).advisory(true);
    let all = [
        ("unlimited", Limits::new(), 25..32),
        ("weighed", advisory(), 25..32),
        ("slots", advisory().parallel(2), 120..200),
        ("learns", Limits::new().learn(true), 120..200),
        ("limited", Limits::new().rpm(10), 120..200),
    ];
    for strict in [None, Some(Duration::from_millis(20))] {
        let store = Counting::default();
        let quotas = all.iter().map(|(name, limits, _)| {
            let quota = Quota::new(limits.clone());
            (Arc::from(*name), quota)
        });
        let mut params = KeeperParams::new("one");
        params.strict = strict;
        let _keeper = Keeper::spawn(store.clone(), quotas, params);
        sleep(SETTLE).await;
        store.asked.lock().clear();
        sleep(MINUTE).await;
        for (name, _, times) in &all {
            let asked = store.asked.lock()[*name];
            assert!(times.contains(&asked), "{asked} times {name}, {strict:?}");
            let (_, longest) = store.unasked.lock()[*name];
            let forgotten = crate::share::shelf::FORGOTTEN;
            assert!(longest < forgotten, "{longest:?} not of {name}");
        }
    }
    // One that is asked for all alone.
    let store = Counting::default();
    let quotas = [("alone".into(), Quota::new(Limits::new()))];
    let params = KeeperParams::new("one").strict(Duration::from_millis(20));
    let _keeper = Keeper::spawn(store.clone(), quotas, params);
    sleep(MINUTE).await;
    let asked = store.asked.lock()["alone"];
    assert!((25..35).contains(&asked), "{asked}");
    assert_eq!(*store.of_nothing.lock(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rest_of_a_quota_without_limits_is_told_at_once_and_to_who_is_deaf_in_two_seconds() {
    for (deaf, within) in [(false, 10), (true, 2400)] {
        let store = Remote::new(Duration::from_millis(4));
        store.deaf.store(deaf, Ordering::Relaxed);
        let instances = instances(3, &Limits::new(), &store);
        for moment in 0..10 {
            sleep(Duration::from_millis(40_000 + 277 * moment)).await;
            let rest = Duration::from_secs(30);
            instances[0].quota.rest(rest, Instant::now());
            sleep(Duration::from_millis(within)).await;
            for one in &instances {
                assert!(one.quota.standing(Instant::now()).is_err(), "{deaf}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_the_clock_has_all_of_its_limit_in_each() {
    let store = Remote::new(Duration::from_millis(5));
    let limits = Limits::new().rpm(60).minute(Minute::Fixed);
    let instances = instances(3, &limits, &store);
    let log = Log::default();
    let all = instances
        .iter()
        .map(|instance| demand(&instance.quota, &log, Tokens::NONE, 20, 10 * MINUTE));
    futures(all).await;
    let minutes = log.all() as f64 / 60.0;
    assert!((10.0..=11.0).contains(&minutes), "{minutes} minutes' worth");
}

#[tokio::test(start_paused = true)]
async fn instances_that_start_together_do_not_go_on_asking_together() {
    let store = Remote::new(Duration::from_millis(2));
    let _instances = instances(50, &Limits::new().rpm(6000), &store);
    sleep(Duration::from_secs(10)).await;
    let mut most = 0;
    for _ in 0..200 {
        let before = store.exchanges.load(Ordering::Relaxed);
        sleep(Duration::from_millis(10)).await;
        most = most.max(store.exchanges.load(Ordering::Relaxed) - before);
    }
    assert!(most < 15, "{most} of 50 within ten milliseconds");
}

#[tokio::test(start_paused = true)]
async fn a_store_is_not_asked_of_nothing() {
    let store = Counting::default();
    let quota = Quota::new(Limits::new().tpm(1000).parallel(10));
    let params = KeeperParams::new("one").strict(Duration::from_millis(20));
    let _keeper = Keeper::spawn(store.clone(), [("q".into(), quota.clone())], params);
    sleep(SETTLE).await;
    let cost = Tokens::new(10, 0);
    let mut before = None;
    for _ in 0..50 {
        // What comes back is told with what is asked for, before its turn.
        drop(before.take());
        let Admission::Later(asking) = quota.ask(cost, Instant::now()) else {
            panic!("it is asked for");
        };
        before = Some(asking.await.unwrap());
        sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(*store.of_nothing.lock(), 0);
    assert!(store.asked.lock()["q"] > 50);
}
