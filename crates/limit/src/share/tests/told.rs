//! What a provider says is left, when several hear it.

use super::*;
use crate::{Period, Told, Unit};

fn left(remaining: u64) -> Told {
    Told::new(Unit::Requests, Period::Minute, remaining)
}

/// As many as may be sent now.
fn all_at_once(quota: &Quota) -> u64 {
    let mut admitted = 0;
    while let Ok(reservation) = quota.reserve(Tokens::NONE, Instant::now()) {
        reservation.settle(Tokens::NONE);
        admitted += 1;
    }
    admitted
}

#[tokio::test(start_paused = true)]
async fn what_all_hear_is_counted_once_and_nobody_starves() {
    for others in [0, 200] {
        let store = Remote::new(Duration::from_millis(4));
        let instances = instances(3, &Limits::new().rpm(1000), &store);
        sleep(SETTLE).await;
        // The provider counts whatever it is sent, and says so each time.
        let provider = AtomicU64::new(others);
        let all = instances.iter().map(|instance| async {
            let end = Instant::now() + MINUTE / 2;
            while Instant::now() < end {
                if let Ok(sent) = instance.quota.reserve(Tokens::NONE, Instant::now()) {
                    let used = provider.fetch_add(1, Ordering::Relaxed) + 1;
                    sleep(Duration::from_millis(5)).await;
                    sent.settle(Tokens::NONE);
                    instance
                        .quota
                        .told(left(1000_u64.saturating_sub(used)), Instant::now());
                }
                sleep(Duration::from_millis(10)).await;
            }
        });
        futures(all).await;
        let used = provider.load(Ordering::Relaxed);
        // What the others hold when one hears that less is left is theirs to spend.
        assert!((980..=1020).contains(&used), "{used} beside {others}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_said_to_all_many_times_is_counted_once() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = instances(5, &Limits::new().rpm(1000), &store);
    sleep(SETTLE).await;
    for _ in 0..20 {
        for instance in &instances {
            instance.quota.told(left(500), Instant::now());
        }
        sleep(Duration::from_millis(50)).await;
    }
    let log = Log::default();
    let all = instances
        .iter()
        .map(|instance| demand(&instance.quota, &log, Tokens::NONE, 20, MINUTE / 2));
    futures(all).await;
    // And what was held when it was said.
    assert!(log.all() >= 500, "{}", log.all());
}

#[tokio::test(start_paused = true)]
async fn who_hears_that_nothing_is_left_stops_at_once_and_so_do_the_others_whatever_they_hold() {
    for deaf in [false, true] {
        let store = Remote::new(Duration::from_millis(4));
        store.deaf.store(deaf, Ordering::Relaxed);
        let instances = instances(3, &Limits::new().rpm(1000), &store);
        sleep(SETTLE).await;
        let [one, two, three] = [0, 1, 2].map(|number: usize| &instances[number].quota);
        let mut said = left(0);
        said.reset = Some(Duration::from_secs(30));
        one.told(said, Instant::now());
        let refused = one.reserve(Tokens::NONE, Instant::now()).unwrap_err();
        let wait = refused.reason().left().unwrap();
        assert!(wait > Duration::from_secs(29), "{wait:?}");
        // An exchange may be under way, and the next is a moment after it.
        sleep(Duration::from_millis(20)).await;
        let mut held = 0;
        for _ in 0..100 {
            held += all_at_once(two) + all_at_once(three);
            assert_eq!(all_at_once(one), 0);
            sleep(Duration::from_millis(10)).await;
        }
        // Who does not hear it has three leases of a twentieth at most. Who does may have had one on its way back.
        let most = if deaf { 300 } else { 100 };
        assert!(held <= most, "{held}");
        // What was held and not spent is nobody else's either, while the provider takes it for used.
        for second in 0..25 {
            for quota in [one, two, three] {
                assert_eq!(all_at_once(quota), 0, "{second} s later");
            }
            sleep(Duration::from_secs(1)).await;
        }
        // When the provider says that it is back, it is, and all of it.
        sleep(Duration::from_secs(8)).await;
        let log = Log::default();
        let lasts = Duration::from_secs(10);
        demand(two, &log, Tokens::NONE, 200, lasts).await;
        assert!(log.all() >= 900 - held, "{}", log.all());
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_has_just_been_learned_refuses_nobody_and_is_kept() {
    for answers_in in [4, 100] {
        let store = Remote::new(Duration::from_millis(answers_in));
        let instances = instances(2, &Limits::new().learn(true), &store);
        sleep(2 * SETTLE).await;
        let [one, two] = [0, 1].map(|number: usize| &instances[number].quota);
        let mut said = left(200);
        said.limit = Some(1000);
        let mut admitted = 0;
        one.told(said, Instant::now());
        two.told(said, Instant::now());
        // Until the store has answered each has half of what is left.
        let end = Instant::now() + Duration::from_millis(2 * answers_in);
        while Instant::now() < end {
            for quota in [one, two] {
                assert!(quota.standing(Instant::now()).is_ok());
                let one = quota.reserve(Tokens::NONE, Instant::now());
                one.unwrap().settle(Tokens::NONE);
                admitted += 1;
            }
            sleep(Duration::from_millis(5)).await;
        }
        let log = Log::default();
        let lasts = Duration::from_secs(30);
        let all = [one, two].map(|quota| demand(quota, &log, Tokens::NONE, 50, lasts));
        futures(all).await;
        let all = admitted + log.all();
        assert!((180..=200).contains(&all), "{all}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_limit_that_has_just_been_learned_nobody_has_more_than_its_part() {
    let store = Remote::new(Duration::from_millis(50));
    let instances = instances(4, &Limits::new().learn(true), &store);
    sleep(SETTLE).await;
    let mut said = left(200);
    said.limit = Some(1000);
    let mut all = 0;
    for instance in &instances {
        instance.quota.told(said, Instant::now());
        all += all_at_once(&instance.quota);
    }
    assert_eq!(all, 200);
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        for instance in &instances {
            all += all_at_once(&instance.quota);
        }
    }
    assert!(all <= 200, "{all}");
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_before_the_store_hears_of_it_is_not_spent() {
    let store = Remote::new(Duration::from_millis(100));
    let instances = instances(1, &Limits::new().rpm(1000), &store);
    let quota = &instances[0].quota;
    let asked = || store.exchanges.load(Ordering::Relaxed);
    sleep(SETTLE).await;
    let mut admitted = all_at_once(quota);
    // The store has granted more, and the answer is under way.
    let before = asked();
    while asked() < before + 2 {
        admitted += all_at_once(quota);
        sleep(Duration::from_millis(1)).await;
    }
    admitted += all_at_once(quota);
    assert!(admitted < 900, "{admitted}");
    quota.told(left(0), Instant::now());
    for _ in 0..1000 {
        assert_eq!(all_at_once(quota), 0);
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_has_not_heard_is_told_again_while_it_is_news() {
    for (cut, is_told) in [(1, true), (8, false)] {
        let store = Remote::new(Duration::from_millis(4));
        let instances = instances(2, &Limits::new().rpm(1000), &store);
        sleep(SETTLE).await;
        store.cut.store(true, Ordering::Relaxed);
        instances[0].quota.told(left(0), Instant::now());
        sleep(Duration::from_secs(cut)).await;
        store.cut.store(false, Ordering::Relaxed);
        sleep(Duration::from_secs(2)).await;
        let log = Log::default();
        let lasts = Duration::from_secs(10);
        demand(&instances[1].quota, &log, Tokens::NONE, 200, lasts).await;
        // What had been granted before comes back.
        let all = if is_told { 0..=300 } else { 700..=1000 };
        assert!(all.contains(&log.all()), "{} after {cut} s", log.all());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_while_the_store_is_silent_is_counted_once_too() {
    let store = Remote::new(Duration::from_millis(4));
    let alone = Alone::Share(0.2);
    let limits = Limits::new().rpm(1000);
    let make = |number| instance(number, &limits, store.clone(), alone);
    let instances: Vec<_> = (0..5).map(make).collect();
    sleep(SETTLE).await;
    store.cut.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    for instance in &instances {
        instance.quota.told(left(500), Instant::now());
    }
    store.cut.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    let log = Log::default();
    let all = instances
        .iter()
        .map(|instance| demand(&instance.quota, &log, Tokens::NONE, 20, MINUTE / 2));
    futures(all).await;
    assert!((490..=750).contains(&log.all()), "{}", log.all());
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_day_is_believed_by_all_for_as_long_as_it_says_and_not_until_it_is_over()
{
    for (reset, lasts) in [(Some(180), 180), (Some(9 * 3600), 3600), (None, 3600)] {
        let store = Remote::new(Duration::from_millis(4));
        let instances = instances(2, &Limits::new().rpd(1000), &store);
        sleep(SETTLE).await;
        let [one, two] = [0, 1].map(|number: usize| &instances[number].quota);
        let mut said = Told::new(Unit::Requests, Period::Day, 0);
        said.reset = reset.map(Duration::from_secs);
        one.told(said, Instant::now());
        let until = Instant::now() + Duration::from_secs(lasts);
        sleep(Duration::from_millis(20)).await;
        for quota in [one, two] {
            let refused = quota.reserve(Tokens::NONE, Instant::now()).unwrap_err();
            let left = refused.reason().left().unwrap();
            assert!(left.as_secs().abs_diff(lasts) <= 1, "{left:?}");
        }
        while Instant::now() + LEASE < until {
            assert_eq!(all_at_once(one) + all_at_once(two), 0);
            sleep(Duration::from_secs(1)).await;
        }
        sleep(3 * LEASE).await;
        let log = Log::default();
        demand(two, &log, Tokens::NONE, 200, Duration::from_secs(10)).await;
        assert!((950..=1000).contains(&log.all()), "{}", log.all());
    }
}

#[tokio::test(start_paused = true)]
async fn that_nothing_is_left_holds_also_while_it_is_not_known_why_the_store_does_not_answer() {
    for is_heard in [false, true] {
        let store = Remote::new(Duration::from_millis(4));
        let make = |number| {
            let limits = Limits::new().rpm(1000);
            instance(number, &limits, store.clone(), Alone::Share(0.5))
        };
        let instances: Vec<_> = (0..2).map(make).collect();
        sleep(SETTLE).await;
        let quota = &instances[0].quota;
        store.cut.store(true, Ordering::Relaxed);
        // It has just missed the first answer.
        while !all_at_once(quota).gt(&0) {
            sleep(Duration::from_millis(1)).await;
        }
        for _ in 0..600 {
            if quota.standing(Instant::now()).is_ok() {
                break;
            }
            sleep(Duration::from_millis(1)).await;
        }
        assert!(quota.standing(Instant::now()).is_ok(), "it has its part");
        let lasts = Duration::from_secs(30);
        if is_heard {
            let rate = "rpm";
            quota.heard(News::Empty { rate, lasts });
        } else {
            let mut said = left(0);
            said.reset = Some(lasts);
            quota.told(said, Instant::now());
        }
        for _ in 0..100 {
            assert_eq!(all_at_once(quota), 0);
            sleep(Duration::from_millis(10)).await;
        }
    }
}
