//! Limits under full concurrency: no window admits more, and nothing is left reserved.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_limit::{Limits, Quota, Tokens, Unit};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};
use tokio::time::{Instant, advance};

#[test]
fn a_hundred_at_once_on_ten_a_minute_admit_ten() {
    for _ in 0..100 {
        let quota = Quota::new(Limits::new().rpm(10));
        let now = Instant::now();
        let admitted: usize = thread::scope(|scope| {
            let ask = || {
                let reserved: Vec<_> = (0..25).map(|_| quota.reserve(Tokens::NONE, now)).collect();
                let admitted = reserved.into_iter().flatten();
                admitted.map(|one| one.settle(Tokens::NONE)).count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!((admitted, quota.in_flight()), (10, 0));
    }
}

/// A million requests of random limits, costs and ends, from four threads at a time, in steps of time that
/// every thread has come to the end of.
#[tokio::test(start_paused = true)]
async fn no_minute_of_a_million_requests_sees_more_than_the_limit() {
    const STEPS: u64 = 200;
    const REQUESTS: usize = 1250;
    const THREADS: u64 = 4;

    let mut rng = fastrand::Rng::with_seed(5);
    let limits = (rng.u64(100..4000), rng.u64(1000..100_000), rng.u64(1..64));
    let quota = Quota::new(Limits::new().rpm(limits.0).tpm(limits.1).parallel(limits.2));
    // What each step has admitted that still counts at its end, in requests and tokens.
    let mut admitted: Vec<(Instant, u64, u64)> = Vec::new();
    let refused = AtomicU64::new(0);
    for step in 0..STEPS {
        let now = Instant::now();
        let (requests, tokens) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (quota, requests, tokens, refused) = (&quota, &requests, &tokens, &refused);
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(step * THREADS + thread);
                    let mut held = Vec::new();
                    for _ in 0..REQUESTS {
                        let cost = Tokens::new(rng.u64(0..400), rng.u64(0..400));
                        match quota.reserve(cost, now) {
                            Ok(reservation) => held.push(reservation),
                            Err(_) => {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        assert!(quota.in_flight() <= limits.2);
                        if held.len() < rng.usize(1..16) {
                            continue;
                        }
                        let one = held.swap_remove(rng.usize(..held.len()));
                        let cost = one.tokens();
                        let actual = match rng.u8(0..3) {
                            0 => {
                                one.refund();
                                continue;
                            }
                            1 => Tokens::new(cost.input, cost.output / 2),
                            _ => cost,
                        };
                        one.settle(actual);
                        requests.fetch_add(1, Ordering::Relaxed);
                        tokens.fetch_add(actual.total(), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(quota.in_flight(), 0, "what was held has been given back");
        admitted.push((now, requests.into_inner(), tokens.into_inner()));
        let minute = admitted
            .iter()
            .filter(|(at, ..)| now - *at < Duration::from_secs(60));
        let (requests, tokens) =
            minute.fold((0, 0), |(r, t), (_, more, cost)| (r + more, t + cost));
        assert!(
            requests <= limits.0 && tokens <= limits.1,
            "{requests} {tokens} of {limits:?}"
        );
        advance(Duration::from_millis(rng.u64(0..5000))).await;
    }
    let tokens: u64 = admitted.iter().map(|(.., tokens)| tokens).sum();
    assert!(
        tokens > 2 * limits.1,
        "it went on after a minute: {tokens} of {limits:?}"
    );
    assert!(refused.into_inner() > 0, "there was more demand than room");
    advance(Duration::from_secs(61)).await;
    let usage = quota.usage(Instant::now());
    assert!(usage.iter().all(|usage| usage.used == 0), "{usage:?}");
    assert!(usage.iter().any(|usage| usage.unit == Unit::Tokens));
}
