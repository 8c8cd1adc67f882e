//! Requests at a time: who has the slots, and that there are never more than there are.

use super::*;

/// Each request of so long a time, one after the other whenever a slot is had, `at_once` of them.
async fn busy(quota: &Quota, at_once: usize, each: Duration, had: &Mutex<Vec<Instant>>) {
    let one = async |_: usize| loop {
        if let Ok(one) = quota.reserve(Tokens::NONE, Instant::now()) {
            had.lock().push(Instant::now());
            sleep(each).await;
            one.settle(Tokens::NONE);
        } else {
            sleep(Duration::from_millis(20)).await;
        }
    };
    futures((0..at_once).map(one)).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_alone_wants_slots_has_all_of_them_within_a_second() {
    for (n, limit) in [(5, 2), (5, 5), (3, 10), (2, 1), (20, 30)] {
        let store = Remote::new(Duration::from_millis(5));
        let instances = instances(n, &Limits::new().parallel(limit), &store);
        sleep(3 * LEASE).await;
        for instance in &instances {
            let mut held = Vec::new();
            let began = Instant::now();
            while (held.len() as u64) < limit {
                while let Ok(one) = instance.quota.reserve(Tokens::NONE, Instant::now()) {
                    held.push(one);
                }
                sleep(Duration::from_millis(10)).await;
                let lasts = began.elapsed();
                assert!(lasts < LEASE, "{} of {limit} over {n}", held.len());
            }
            drop(held);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_want_more_slots_than_there_are_have_their_part_or_their_turn() {
    for (n, limit) in [(2, 10), (2, 1), (5, 2), (3, 9)] {
        let store = Remote::new(Duration::from_millis(5));
        let instances = instances(n, &Limits::new().parallel(limit), &store);
        sleep(SETTLE).await;
        let had: Vec<_> = (0..n).map(|_| Mutex::default()).collect();
        let each = Duration::from_millis(500);
        let all = instances.iter().zip(&had).enumerate();
        let all = all.map(|(number, (instance, had))| async move {
            // The first has all of them before the others come.
            sleep(u32::try_from(number.min(1)).unwrap() * 2 * LEASE).await;
            busy(&instance.quota, 12, each, had).await;
        });
        timeout(MINUTE, futures(all)).await.unwrap_err();
        let late = Instant::now() - MINUTE / 2;
        let had = had
            .iter()
            .map(|had| had.lock().iter().filter(|at| **at > late).count());
        let had: Vec<_> = had.collect();
        let all: usize = had.iter().sum();
        let part = all / n;
        let is_fair = |had: &usize| *had > part / 2 && *had < part * 2;
        assert!(had.iter().all(is_fair), "{limit} over {n}: {had:?}");
        // Two a second of each, but for the moments in which one goes to another.
        let most = 60 * usize::try_from(limit).unwrap();
        assert!(all > most * 7 / 10, "{limit} over {n}: {all} of {most}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_there_are_slots_however_long_an_answer_is_under_way() {
    for latency in [1, 30, 150] {
        let store = Remote::new(Duration::from_millis(latency));
        let instances = instances(4, &Limits::new().parallel(12), &store);
        sleep(SETTLE).await;
        let mut rng = fastrand::Rng::with_seed(latency);
        let mut held: Vec<Vec<Reservation>> = (0..4).map(|_| Vec::new()).collect();
        let mut most = 0;
        for _ in 0..20_000 {
            let (number, burst) = (rng.usize(0..4), rng.usize(0..12));
            if rng.u8(0..8) == 0 {
                held[number].clear();
            } else {
                let now = Instant::now();
                let quota = &instances[number].quota;
                held[number]
                    .extend((0..burst).filter_map(|_| quota.reserve(Tokens::NONE, now).ok()));
            }
            let all: usize = held.iter().map(Vec::len).sum();
            assert!(all <= 12, "{all} at {latency} ms");
            most = most.max(all);
            sleep(Duration::from_millis(rng.u64(0..15))).await;
        }
        assert_eq!(most, 12, "at {latency} ms");
    }
}
