//! Instances and stores that fall silent, forget, or come back.

use super::*;
use crate::Admission;

#[tokio::test(start_paused = true)]
async fn a_crash_takes_its_lease_with_it_for_a_window_and_lets_nothing_more_through() {
    let store = Remote::new(Duration::from_millis(5));
    let limits = Limits::new().rpm(100);
    let mut instances = instances(2, &limits, &store);
    sleep(SETTLE).await;
    let log = Log::default();
    let second = Duration::from_secs(1);
    futures(
        instances
            .iter()
            .map(|i| demand(&i.quota, &log, Tokens::NONE, 50, second)),
    )
    .await;
    instances[1].keeper = None;
    demand(
        &instances[0].quota,
        &log,
        Tokens::NONE,
        50,
        2 * MINUTE + 8 * LEASE,
    )
    .await;
    assert!(log.busiest_minute() <= 100);
    assert!(log.all() >= 290, "it has all of it later: {}", log.all());
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_silent_each_has_its_share_and_owes_it_afterwards() {
    for mute in [false, true] {
        let store = Remote::new(Duration::from_millis(5));
        let limits = Limits::new().rpm(120);
        let make = |number| instance(number, &limits, store.clone(), Alone::Share(0.5));
        let instances: Vec<_> = (0..2).map(make).collect();
        sleep(SETTLE).await;
        let log = Log::default();
        let spell = |lasts| {
            futures(
                instances
                    .iter()
                    .map(move |i| (i, lasts))
                    .map(|(i, lasts)| demand(&i.quota, &log, Tokens::NONE, 10, lasts)),
            )
        };
        spell(Duration::from_secs(3)).await;
        let silent = if mute { &store.mute } else { &store.cut };
        silent.store(true, Ordering::Relaxed);
        spell(3 * MINUTE).await;
        silent.store(false, Ordering::Relaxed);
        spell(3 * MINUTE).await;
        let busiest = log.busiest_minute();
        // What was granted in the second before may have gone through twice.
        assert!(busiest <= 120 + 20, "{busiest}");
        assert!(log.all() >= 120 * 4, "{}", log.all());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_what_is_left_for_it_while_it_is_not_known_why_there_is_no_answer() {
    let millis = Duration::from_millis;
    for (mute, known) in [(false, millis(20)), (true, millis(280))] {
        let store = Remote::new(millis(2));
        let limits = Limits::new().rpm(1000);
        let make = |number| instance(number, &limits, store.clone(), Alone::Share(0.5));
        let instances: Vec<_> = (0..2).map(make).collect();
        sleep(SETTLE).await;
        // Both have just been answered, and trust in that.
        let answered = store.exchanges.load(Ordering::Relaxed) + 1;
        while store.exchanges.load(Ordering::Relaxed) <= answered {
            sleep(millis(1)).await;
        }
        sleep(millis(2)).await;
        let silent = if mute { &store.mute } else { &store.cut };
        silent.store(true, Ordering::Relaxed);
        let had = |n: usize, at_once: usize| {
            let now = Instant::now();
            let asked = (0..at_once).map(|_| instances[n].quota.reserve(Tokens::NONE, now));
            asked.flatten().map(|one| one.settle(Tokens::NONE)).count()
        };
        let at_first = [had(0, 200), had(1, 1000)];
        assert!(at_first.iter().all(|had| *had <= 100), "{at_first:?}");
        sleep(known).await;
        let then = [had(0, 200 - at_first[0]), had(1, 1000)];
        let both = [at_first[0] + then[0], at_first[1] + then[1]];
        assert!(both[0] == 200 && (450..=500).contains(&both[1]), "{both:?}");
        sleep(2 * LEASE).await;
        let all = both[0] + both[1] + had(0, 1000) + had(1, 1000);
        assert!((900..=1000).contains(&all), "{all}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_alone_does_as_it_is_told() {
    for (alone, admitted) in [
        (Alone::Part, 5),
        (Alone::Share(0.3), 3),
        (Alone::Open, 10),
        (Alone::Closed, 0),
    ] {
        let store = Remote::new(Duration::ZERO);
        store.cut.store(true, Ordering::Relaxed);
        let instance = instance(0, &Limits::new().rpm(10), store, alone);
        sleep(SETTLE).await;
        let log = Log::default();
        demand(
            &instance.quota,
            &log,
            Tokens::NONE,
            10,
            Duration::from_secs(10),
        )
        .await;
        assert_eq!(log.all(), admitted, "{alone:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_lost_its_data_is_told_what_was_used() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = instances(2, &Limits::new().rpm(100), &store);
    sleep(SETTLE).await;
    let log = Log::default();
    let spell = |lasts| {
        futures(
            instances
                .iter()
                .map(move |i| (i, lasts))
                .map(|(i, lasts)| demand(&i.quota, &log, Tokens::NONE, 50, lasts)),
        )
    };
    spell(Duration::from_secs(5)).await;
    assert_eq!(log.all(), 100);
    store.store.clear();
    spell(Duration::from_secs(30)).await;
    // What is granted before both have told theirs.
    assert!(log.busiest_minute() <= 110, "{}", log.busiest_minute());
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_memory_had_granted_is_not_spent_and_not_paid_with() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = instances(5, &Limits::new().rpm(6000), &store);
    sleep(SETTLE).await;
    let log = Log::default();
    let spell = |lasts| {
        let each = instances.iter();
        futures(
            each.map(|i| demand(&i.quota, &log, Tokens::NONE, 40, lasts))
                .collect::<Vec<_>>(),
        )
    };
    // When half of it is used, each holds a twentieth of it in advance.
    spell(Duration::from_secs(15)).await;
    store.store.clear();
    spell(Duration::from_secs(30)).await;
    let busiest = log.busiest_minute();
    // What is asked for until all have told theirs, and while that lasts: some two seconds of it, by when each of them
    // asks. Paid with what the lost memory had granted it would be four.
    assert!(busiest <= 6000 + 600, "{busiest}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_empty_is_told_of_nothing_that_was_not_used() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = alike(5, &Limits::new().rpm(6000), &store, Alone::Share(0.2));
    sleep(SETTLE).await;
    let log = Log::default();
    // One has all the demand there is, four fifths of the limit.
    let spell = |lasts| demand(&instances[0].quota, &log, Tokens::NONE, 80, lasts);
    spell(Duration::from_secs(50)).await;
    store.cut.store(true, Ordering::Relaxed);
    store.store.clear();
    spell(Duration::from_secs(3)).await;
    store.cut.store(false, Ordering::Relaxed);
    sleep(SETTLE).await;
    let before = log.all();
    spell(MINUTE).await;
    let asked = 60 * 80;
    let admitted = log.all() - before;
    assert!(admitted >= asked * 9 / 10, "{admitted} of {asked}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_works_off_what_it_was_asked_in_a_pause_counts_nothing_twice() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = alike(2, &Limits::new().rpm(6000), &store, Alone::Share(0.5));
    sleep(SETTLE).await;
    let log = Log::default();
    let spell = |lasts| {
        let each = instances.iter();
        futures(
            each.map(|i| demand(&i.quota, &log, Tokens::NONE, 40, lasts))
                .collect::<Vec<_>>(),
        )
    };
    store.mute.store(true, Ordering::Relaxed);
    spell(Duration::from_secs(10)).await;
    store.mute.store(false, Ordering::Relaxed);
    spell(LEASE).await;
    let before = log.all();
    spell(Duration::from_secs(30)).await;
    let (admitted, asked) = (log.all() - before, 2 * 30 * 40);
    assert!(admitted >= asked * 9 / 10, "{admitted} of {asked}");
}

#[tokio::test(start_paused = true)]
async fn what_the_store_is_told_late_leaves_the_window_when_it_would_have() {
    for lost in [false, true] {
        let store = Remote::new(Duration::from_millis(5));
        store.cut.store(!lost, Ordering::Relaxed);
        let instances = alike(2, &Limits::new().rpm(100), &store, Alone::Share(0.5));
        sleep(SETTLE).await;
        let log = Log::default();
        let spell = || {
            const LASTS: Duration = Duration::from_secs(5);
            let each = instances.iter();
            futures(each.map(|i| demand(&i.quota, &log, Tokens::NONE, 50, LASTS)))
        };
        spell().await;
        assert_eq!(log.all(), 100);
        sleep(Duration::from_secs(45)).await;
        if lost {
            store.store.clear();
        }
        store.cut.store(false, Ordering::Relaxed);
        // What was granted before both had told theirs goes back.
        sleep(2 * LEASE).await;
        spell().await;
        assert_eq!(log.all(), 100, "it is in use");
        sleep(Duration::from_secs(10)).await;
        spell().await;
        assert_eq!(log.all(), 200, "a minute later it is not any more");
        assert!(log.busiest_minute() <= 100);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_store_does_not_answer_for_goes_by_itself_and_the_rest_is_shared() {
    let store = Remote::new(Duration::from_millis(5));
    let told = Arc::new(Mutex::new(Vec::new()));
    let names = ["here", "there"];
    let keep = |number: usize| {
        let quotas = names.map(|_| Quota::new(Limits::new().rpm(60)));
        let named = names.map(Arc::from).into_iter().zip(quotas.clone());
        let tell = told.clone();
        let params = KeeperParams::new(format!("instance {number}").as_str())
            .alone(Alone::Share(0.25))
            .on_change(move |state| {
                if number == 0 {
                    tell.lock().push(state.map_err(ToString::to_string));
                }
            });
        (quotas, Keeper::spawn(store.clone(), named, params))
    };
    let instances: Vec<_> = (0..2).map(keep).collect();
    sleep(SETTLE).await;
    *store.lost.lock() = Some("there");
    // Until the last lease is over.
    sleep(2 * LEASE).await;
    for (at, most) in [(0, 60), (1, 30)] {
        let log = Log::default();
        let lasts = Duration::from_secs(30);
        let all = instances
            .iter()
            .map(|(quotas, _)| demand(&quotas[at], &log, Tokens::NONE, 20, lasts));
        futures(all).await;
        assert_eq!(log.all(), most, "{}", names[at]);
    }
    *store.lost.lock() = None;
    sleep(2 * LEASE).await;
    let expected = [
        Ok(()),
        Err("a shard is down, for 1 of 2 quotas".to_owned()),
        Ok(()),
    ];
    assert_eq!(*told.lock(), expected);
}

async fn ask(quota: &Quota) -> Option<Reservation> {
    match quota.ask(Tokens::NONE, Instant::now()) {
        Admission::Now(decided) => decided.ok(),
        Admission::Later(asking) => asking.await.ok(),
    }
}

async fn ask_on(quota: &Quota) -> Reservation {
    loop {
        match ask(quota).await {
            Some(one) => return one,
            None => sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_nobody_keeps_any_more_has_its_share_until_another_keeper_does() {
    for strict in [None, Some(Duration::from_millis(20))] {
        let store = Remote::new(Duration::from_millis(4));
        let quota = Quota::new(Limits::new().rpm(100).parallel(100));
        let keep = || {
            let mut params = KeeperParams::new("one").alone(Alone::Share(0.25));
            params.strict = strict;
            Keeper::spawn(store.clone(), [("account".into(), quota.clone())], params)
        };
        let first = keep();
        sleep(SETTLE).await;
        for _ in 0..10 {
            ask_on(&quota).await.settle(Tokens::NONE);
        }
        let second = keep();
        drop(first);
        sleep(SETTLE).await;
        let before = store.exchanges.load(Ordering::Relaxed);
        sleep(LEASE).await;
        assert_ne!(store.exchanges.load(Ordering::Relaxed), before);
        assert!(quota.usage(Instant::now())[0].remaining > 50, "it is kept");

        let waiting = quota.ask(Tokens::NONE, Instant::now());
        drop(second);
        let began = Instant::now();
        let waiting = match waiting {
            Admission::Now(decided) => decided,
            Admission::Later(asking) => asking.await,
        };
        waiting.unwrap().settle(Tokens::NONE);
        let mut admitted = 11;
        while let Some(one) = ask(&quota).await {
            one.settle(Tokens::NONE);
            admitted += 1;
        }
        assert_eq!((admitted, began.elapsed()), (25, Duration::ZERO));

        let _third = keep();
        sleep(2 * LEASE).await;
        assert!(quota.usage(Instant::now())[0].remaining > 50, "it is kept");
    }
}

/// Takes all the slots that it gets, and keeps them.
async fn fill(quota: &Quota, held: &mut Vec<Reservation>, lasts: Duration) {
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        while let Ok(one) = quota.reserve(Tokens::NONE, Instant::now()) {
            held.push(one);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_slots_one_that_is_cut_off_goes_on_with_its_share_or_what_it_had_beside_all_of_them() {
    // What it has of ten when it is cut off, and what it goes on with: its share is five.
    for (before, after) in [(2, 5), (8, 8)] {
        let store = Remote::new(Duration::from_millis(5));
        let line = Remote {
            store: store.store.clone(),
            ..Remote::new(store.latency)
        };
        let limits = Limits::new().parallel(10);
        let there = instance(0, &limits, line.clone(), Alone::Share(0.5));
        let here = instance(1, &limits, store, Alone::Share(0.5));
        sleep(SETTLE).await;
        let (mut far, mut near) = (Vec::new(), Vec::new());
        while far.len() < before {
            far.extend(there.quota.reserve(Tokens::NONE, Instant::now()).ok());
            sleep(Duration::from_millis(20)).await;
        }
        // The slots that it held in advance go back before that.
        sleep(SETTLE).await;
        line.cut.store(true, Ordering::Relaxed);
        sleep(LEASE).await;
        fill(&there.quota, &mut far, LEASE).await;
        assert_eq!(far.len(), after, "its share, and no more");
        // For ten seconds what it had is its own; for all of that time they are no more than the limit and its share.
        fill(&here.quota, &mut near, Duration::from_secs(6)).await;
        assert!(near.len() <= 10 - before, "{}", near.len());
        fill(&here.quota, &mut near, Duration::from_secs(6)).await;
        assert_eq!(near.len(), 10, "they are given away");
        // It is back, and what is in use is in use: nobody gets more until it is less than the limit.
        line.cut.store(false, Ordering::Relaxed);
        fill(&there.quota, &mut far, LEASE).await;
        assert_eq!((far.len(), near.len()), (after, 10));
        near.truncate(10 - after);
        fill(&here.quota, &mut near, LEASE).await;
        fill(&there.quota, &mut far, LEASE).await;
        assert_eq!(far.len() + near.len(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn of_slots_all_have_their_shares_while_the_store_is_silent() {
    let store = Remote::new(Duration::from_millis(5));
    let limits = Limits::new().parallel(10);
    let instances = alike(3, &limits, &store, Alone::Share(0.5));
    sleep(SETTLE).await;
    store.cut.store(true, Ordering::Relaxed);
    sleep(LEASE).await;
    let mut held = Vec::new();
    for instance in &instances {
        fill(&instance.quota, &mut held, LEASE).await;
    }
    // They were told that there are two of them.
    assert_eq!(held.len(), 3 * 5);
}
