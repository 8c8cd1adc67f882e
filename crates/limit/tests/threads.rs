//! Limits under full concurrency: no window admits more, and nothing is left reserved.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use headworks_limit::{Limits, Minute, Period, Quota, Tokens, Unit};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};
use tokio::time::{Instant, advance};

/// A million requests, in this many runs of limits of their own. Threads go in steps of time that each of them
/// comes to the end of.
const RUNS: u64 = 20;
const STEPS: u64 = 100;
const THREADS: u64 = 4;
const REQUESTS: u64 = 1_000_000 / (RUNS * STEPS * THREADS);

const UNITS: [Unit; 4] = [
    Unit::Requests,
    Unit::Tokens,
    Unit::InputTokens,
    Unit::OutputTokens,
];

/// In the middle of a minute and of a day.
const START: Duration = Duration::from_secs(1_700_000_030);

/// What one step has admitted, in each of [`UNITS`].
struct Step {
    now: Instant,
    /// The same since the epoch.
    at: Duration,
    sums: [AtomicU64; UNITS.len()],
    largest: [AtomicU64; UNITS.len()],
}

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

#[tokio::test(start_paused = true)]
async fn no_window_of_a_million_requests_sees_more_than_its_limit() {
    let (mut admitted, mut refused, mut alone) = (0, 0, 0);
    for seed in 0..RUNS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let limits = random_limits(&mut rng);
        let quota = Quota::starting(limits.clone(), START);
        let began = Instant::now();
        // Some look at many seconds of few minutes, some at a few days.
        let pace = Duration::from_secs(*rng.choice(&[3, 30, 5_000]).unwrap());
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..STEPS {
            let now = Instant::now();
            let step = Step {
                now,
                at: START + (now - began),
                sums: Default::default(),
                largest: Default::default(),
            };
            let seeds = [(); THREADS as usize].map(|()| rng.fork());
            refused += thread::scope(|scope| {
                let ask = |rng| scope.spawn(|| ask(&quota, &limits, &step, rng));
                let threads = seeds.map(ask);
                threads
                    .map(|thread| thread.join().unwrap())
                    .iter()
                    .sum::<u64>()
            });
            steps.push(step);
            assert_eq!(quota.in_flight(), 0, "what was held has been given back");
            alone += check(&quota, &limits, &steps);
            advance(pace.mul_f64(rng.f64())).await;
        }
        let all = steps
            .iter()
            .map(|step| step.sums[0].load(Ordering::Relaxed));
        admitted += all.sum::<u64>();
        advance(Duration::from_secs(48 * 60 * 60)).await;
        let usage = quota.usage(Instant::now());
        assert!(usage.iter().all(|usage| usage.used == 0), "{usage:?}");
    }
    assert!(
        admitted > 10_000 && refused > 10_000,
        "{admitted} {refused}"
    );
    assert!(alone > 0, "some were larger than a limit, and went alone");
}

/// Some of all there may be, so that under the demand here some are reached often and others now and then.
fn random_limits(rng: &mut fastrand::Rng) -> Limits {
    let minute = *rng.choice(&[Minute::Sliding, Minute::Fixed]).unwrap();
    let day_begins = Duration::from_secs(rng.u64(0..24) * 60 * 60);
    let mut limits = Limits::new().minute(minute).day_begins(day_begins);
    for unit in UNITS {
        let most = if unit == Unit::Requests {
            2_000
        } else {
            200_000
        };
        for (period, times) in [(Period::Minute, 1), (Period::Day, 20)] {
            if rng.u8(0..3) == 0 {
                limits = limits.rate(unit, period, times * rng.u64(most / 100..most));
            }
        }
    }
    if rng.bool() || limits.is_empty() {
        limits = limits.parallel(rng.u64(1..32));
    }
    limits
}

/// What one thread does in one step; says how many it was refused.
fn ask(quota: &Quota, limits: &Limits, step: &Step, mut rng: fastrand::Rng) -> u64 {
    let mut held = Vec::new();
    let mut refused = 0;
    for number in 0..REQUESTS {
        // Now and then the first is larger than most limits.
        let most = if number == 0 && rng.u8(0..4) == 0 {
            400_000
        } else {
            400
        };
        let tokens = Tokens::new(rng.u64(0..most), rng.u64(0..most));
        match quota.reserve(tokens, step.now) {
            Ok(reservation) => held.push(reservation),
            Err(_) => refused += 1,
        }
        assert!(limits.parallel.is_none_or(|most| quota.in_flight() <= most));
        if held.is_empty() || held.len() < rng.usize(1..16) {
            continue;
        }
        let one = held.swap_remove(rng.usize(..held.len()));
        let cost = one.tokens();
        let actual = match rng.u8(0..4) {
            0 => {
                one.refund();
                continue;
            }
            1 => {
                drop(one);
                continue;
            }
            2 => Tokens::new(cost.input, cost.output / 2),
            _ => cost,
        };
        one.settle(actual);
        for (unit, (sum, largest)) in UNITS.iter().zip(step.sums.iter().zip(&step.largest)) {
            sum.fetch_add(unit.of(actual), Ordering::Relaxed);
            largest.fetch_max(unit.of(actual), Ordering::Relaxed);
        }
    }
    refused
}

/// Compares the quota with the limits and with what the steps have seen; says how many windows held one request
/// that is larger than the limit.
fn check(quota: &Quota, limits: &Limits, steps: &[Step]) -> u64 {
    let last = steps.last().unwrap();
    let mut alone = 0;
    for usage in quota.usage(last.now) {
        let unit = UNITS.iter().position(|unit| *unit == usage.unit).unwrap();
        let (mut sum, mut largest, mut kept) = (0, 0, 0);
        for step in steps {
            let amount = step.sums[unit].load(Ordering::Relaxed);
            let (counts, is_kept) = counts(limits, usage.period, step.at, last.at);
            if counts {
                sum += amount;
                largest = largest.max(step.largest[unit].load(Ordering::Relaxed));
            }
            kept += if is_kept { amount } else { 0 };
        }
        assert!(
            sum <= usage.limit || sum == largest,
            "{sum}, the largest {largest}: {usage:?} of {limits:?}"
        );
        assert_eq!(
            usage.used, kept,
            "nothing is reserved: {usage:?} of {limits:?}"
        );
        alone += u64::from(sum > usage.limit);
    }
    alone
}

/// Whether what was used `then` is in the window that ends `now`, by what is promised and by what is kept of it.
fn counts(limits: &Limits, period: Period, then: Duration, now: Duration) -> (bool, bool) {
    let fixed = |length, begins| {
        let [then, now] = [then, now].map(|at: Duration| (at - begins).as_secs() / length);
        (then == now, then == now)
    };
    match (period, limits.minute) {
        (Period::Day, _) => fixed(24 * 60 * 60, limits.day_begins),
        (Period::Minute, Minute::Fixed) => fixed(60, Duration::ZERO),
        // It forgets by the second.
        _ => (
            now - then < Duration::from_secs(60),
            now.as_secs() - then.as_secs() <= 60,
        ),
    }
}
