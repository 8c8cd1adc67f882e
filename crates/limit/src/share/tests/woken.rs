//! Quotas that are woken from a rest, and told to rest again.

use super::*;

const REST: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn rests(instance: &Instance) -> bool {
    let standing = instance.quota.standing(Instant::now());
    matches!(standing, Err(Reason::Resting(_)))
}

fn rest(instance: &Instance) {
    instance.quota.rest(REST, Instant::now());
}

fn wake(instance: &Instance) {
    instance.quota.wake(Instant::now());
}

/// Two that share a quota, each over a line of its own.
fn pair() -> (MemoryStore, [(Remote, Instance); 2]) {
    let store = Remote::new(Duration::from_millis(4));
    let pair = [0, 1].map(|number| {
        let line = Remote {
            store: store.store.clone(),
            ..Remote::new(store.latency)
        };
        let limits = Limits::new().rpm(100);
        let instance = instance(number, &limits, line.clone(), Alone::Share(0.5));
        (line, instance)
    });
    (store.store, pair)
}

#[tokio::test(start_paused = true)]
async fn who_is_woken_stays_awake_and_so_are_the_others_at_once_and_who_is_deaf_soon() {
    for (deaf, within) in [(false, 20), (true, 470)] {
        let (_store, [(_, one), (line, other)]) = pair();
        line.deaf.store(deaf, Ordering::Relaxed);
        sleep(SETTLE).await;
        rest(&other);
        sleep(SECOND).await;
        assert!(rests(&one) && rests(&other));
        wake(&one);
        assert!(!rests(&one));
        sleep(Duration::from_millis(within)).await;
        assert!(!rests(&other), "deaf: {deaf}");
        for _ in 0..100 {
            sleep(Duration::from_millis(50)).await;
            assert!(!rests(&one) && !rests(&other));
        }
        // It may rest anew.
        rest(&other);
        sleep(Duration::from_millis(within)).await;
        assert!(rests(&one) && rests(&other));
        sleep(REST + SECOND).await;
        assert!(!rests(&one) && !rests(&other));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_under_way_does_not_undo_a_waking() {
    for moment in 0..100 {
        let (_store, [(_, one), (_, other)]) = pair();
        sleep(SETTLE).await;
        rest(&one);
        sleep(SECOND + Duration::from_millis(5 * moment)).await;
        wake(&one);
        for _ in 0..100 {
            assert!(!rests(&one));
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!rests(&other));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_rest_and_a_waking_the_later_holds_whenever_they_are_told() {
    // Who is cut off says something, before or after the other has been heard.
    for (cut_off_wakes, is_later) in [(false, false), (false, true), (true, false), (true, true)] {
        let (_store, [(_, one), (line, other)]) = pair();
        sleep(SETTLE).await;
        if cut_off_wakes {
            rest(&one);
            sleep(SECOND).await;
        }
        line.cut.store(true, Ordering::Relaxed);
        let far = || {
            if cut_off_wakes {
                wake(&other);
            } else {
                rest(&other);
            }
        };
        let near = || async {
            // What it says is news: it rested or was awake before.
            if cut_off_wakes {
                wake(&one);
                sleep(SECOND / 10).await;
                rest(&one);
            } else {
                rest(&one);
                sleep(SECOND / 10).await;
                wake(&one);
            }
        };
        if is_later {
            near().await;
            sleep(SECOND).await;
            far();
        } else {
            far();
            sleep(SECOND).await;
            near().await;
        }
        sleep(SECOND).await;
        line.cut.store(false, Ordering::Relaxed);
        sleep(SECOND).await;
        let rests_now = cut_off_wakes != is_later;
        let told = (rests(&one), rests(&other));
        assert_eq!(told, (rests_now, rests_now), "{cut_off_wakes} {is_later}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_lost_its_data_is_told_of_a_rest_again() {
    let (store, [(_, one), (line, other)]) = pair();
    line.deaf.store(true, Ordering::Relaxed);
    sleep(SETTLE).await;
    line.cut.store(true, Ordering::Relaxed);
    rest(&one);
    sleep(SECOND).await;
    store.clear();
    line.cut.store(false, Ordering::Relaxed);
    sleep(2 * SECOND).await;
    assert!(rests(&one) && rests(&other));
}
