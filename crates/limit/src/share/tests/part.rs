//! Of how many instances each takes itself to be one when the store is silent.

use super::*;

/// So many instances, each of which goes by its part, over a connection of its own.
fn parts(n: usize, limits: &Limits) -> Vec<(Instance, Remote)> {
    let latency = Duration::from_millis(5);
    let store = Remote::new(latency).store;
    let make = |number| {
        let line = Remote {
            store: store.clone(),
            ..Remote::new(latency)
        };
        (instance(number, limits, line.clone(), Alone::Part), line)
    };
    (0..n).map(make).collect()
}

fn cut(instances: &[(Instance, Remote)], cut: bool) {
    for (_, line) in instances {
        line.cut.store(cut, Ordering::Relaxed);
    }
}

/// More is asked of each than the limit for so long: the most that goes through in a minute.
async fn busiest(instances: &[(Instance, Remote)], lasts: Duration) -> u64 {
    let log = Log::default();
    let all = instances
        .iter()
        .map(|(instance, _)| demand(&instance.quota, &log, Tokens::NONE, 20, lasts));
    futures(all).await;
    log.busiest_minute()
}

#[tokio::test(start_paused = true)]
async fn as_many_as_there_are_admit_the_limit_together_or_one_each() {
    for (limit, most) in [(600, 600), (603, 600), (3, 5)] {
        let instances = parts(5, &Limits::new().rpm(limit));
        sleep(SETTLE).await;
        cut(&instances, true);
        sleep(LEASE).await;
        assert_eq!(busiest(&instances, 3 * MINUTE).await, most, "of {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_store_falls_silent_in_the_middle_of_a_minute_that_sees_no_more_than_the_limit() {
    let instances = parts(5, &Limits::new().rpm(600));
    sleep(SETTLE).await;
    let silence = async {
        sleep(Duration::from_secs(3)).await;
        cut(&instances, true);
    };
    let (busiest, ()) = tokio::join!(busiest(&instances, 3 * MINUTE), silence);
    assert!((550..=600).contains(&busiest), "{busiest}");
}

#[tokio::test(start_paused = true)]
async fn those_who_are_cut_off_one_after_another_go_by_all_of_them() {
    let instances = parts(5, &Limits::new().rpm(600));
    sleep(SETTLE).await;
    for one in instances.chunks(1) {
        cut(one, true);
        sleep(10 * LEASE).await;
    }
    assert_eq!(busiest(&instances, 2 * MINUTE).await, 600);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_back_for_a_moment_has_not_told_of_fewer() {
    for lost in [false, true] {
        let instances = parts(5, &Limits::new().rpm(600));
        sleep(SETTLE).await;
        cut(&instances, true);
        sleep(5 * MINUTE).await;
        if lost {
            instances[0].1.store.clear();
        }
        for one in instances.chunks(1) {
            cut(one, false);
            sleep(SETTLE).await;
            cut(one, true);
            sleep(4 * LEASE).await;
        }
        assert_eq!(busiest(&instances, 2 * MINUTE).await, 600, "lost: {lost}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_are_gone_for_two_minutes_are_not_counted() {
    let mut instances = parts(5, &Limits::new().rpm(600));
    sleep(SETTLE).await;
    instances.truncate(3);
    sleep(30 * LEASE).await;
    cut(&instances, true);
    sleep(LEASE).await;
    assert_eq!(busiest(&instances, 2 * MINUTE).await, 3 * 120);
    cut(&instances, false);
    sleep(2 * MINUTE + 4 * LEASE).await;
    cut(&instances, true);
    sleep(LEASE).await;
    assert_eq!(busiest(&instances, 2 * MINUTE).await, 600);
}

#[tokio::test(start_paused = true)]
async fn of_slots_each_has_the_same_part() {
    for (limit, each) in [(10, 2), (14, 2), (3, 1)] {
        let instances = parts(5, &Limits::new().parallel(limit));
        sleep(SETTLE).await;
        cut(&instances, true);
        sleep(LEASE).await;
        for (instance, _) in &instances {
            let one = || instance.quota.reserve(Tokens::NONE, Instant::now()).ok();
            let held: Vec<_> = std::iter::from_fn(one).collect();
            assert_eq!(held.len(), each, "of {limit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_another_keeper_takes_over_knows_of_as_many_as_before() {
    let mut instances = parts(5, &Limits::new().rpm(100));
    sleep(SETTLE).await;
    cut(&instances, true);
    let (first, line) = instances.swap_remove(0);
    drop(first.keeper);
    let _second = Keeper::spawn(
        line,
        [("account".into(), first.quota.clone())],
        KeeperParams::new("another"),
    );
    sleep(LEASE).await;
    let mut admitted = 0;
    while let Ok(one) = first.quota.reserve(Tokens::NONE, Instant::now()) {
        one.settle(Tokens::NONE);
        admitted += 1;
    }
    assert_eq!(admitted, 20);
}
