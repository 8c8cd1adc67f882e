//! What a limit costs a request: `cargo bench -p headworks-limit`.

use allocation_counter::measure;
use headworks_limit::{Limits, Period, Quota, RateLimitLayer, Tokens, Unit};
use http::{Request, Response};
use std::{convert::Infallible, future::Ready, hint::black_box, pin::pin, task::Poll};
use tokio::time::Instant;
use tower::{Layer, Service, service_fn};

fn main() {
    let per_request = allocations();
    println!("allocations of the layer per request: {per_request}");
    divan::main();
}

/// With this many limits at once.
const LIMITS: [usize; 3] = [1, 2, 6];

/// So many in a row make a sample: the clock is too coarse for one.
const SAMPLE: u32 = 3200;

fn quota(limits: usize) -> Quota {
    let all = [
        (Unit::Requests, Period::Minute),
        (Unit::Tokens, Period::Minute),
        (Unit::InputTokens, Period::Minute),
        (Unit::OutputTokens, Period::Minute),
        (Unit::Requests, Period::Day),
        (Unit::Tokens, Period::Day),
    ];
    let most = u64::MAX / 4;
    let limits = all[..limits].iter();
    Quota::new(limits.fold(Limits::new(), |all, (unit, period)| {
        all.rate(*unit, *period, most)
    }))
}

/// Reserving and settling, with the time it takes to ask for the time.
#[divan::bench(args = LIMITS, threads = [1, 2], sample_size = SAMPLE)]
fn reserve_and_settle(bencher: divan::Bencher<'_, '_>, limits: usize) {
    let quota = quota(limits);
    bencher.bench(|| {
        if let Ok(reservation) = quota.reserve(Tokens::new(100, 50), Instant::now()) {
            reservation.settle(Tokens::new(90, 40));
        }
    });
}

/// What is asked for each candidate that is looked at.
#[divan::bench(args = LIMITS, threads = [1, 2], sample_size = SAMPLE)]
fn standing(bencher: divan::Bencher<'_, '_>, limits: usize) {
    let quota = quota(limits);
    bencher.bench(|| quota.standing(Instant::now()));
}

/// What is left of two rates, as each answer of a gateway tells it of each quota of its group.
#[divan::bench(args = LIMITS, threads = [1, 2], sample_size = SAMPLE)]
fn usage_of(bencher: divan::Bencher<'_, '_>, limits: usize) {
    let quota = quota(limits);
    let rates = [Unit::Requests, Unit::Tokens].map(|unit| (unit, Period::Minute));
    let now = Instant::now();
    bencher.bench(|| quota.usage_of(rates, now));
}

fn answers(_: Request<()>) -> Ready<Result<Response<String>, Infallible>> {
    std::future::ready(Ok(Response::new(String::new())))
}

/// A request through a service that answers at once.
#[divan::bench(sample_size = SAMPLE)]
fn without(bencher: divan::Bencher<'_, '_>) {
    let mut service = service_fn(answers);
    bencher.bench_local(|| run(&mut service));
}

/// The same through the layer.
#[divan::bench(args = LIMITS, sample_size = SAMPLE)]
fn through(bencher: divan::Bencher<'_, '_>, limits: usize) {
    let mut service = RateLimitLayer::new(quota(limits)).layer(service_fn(answers));
    bencher.bench_local(|| run(&mut service));
}

fn run<S: Service<Request<()>>>(service: &mut S) {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = black_box(service.poll_ready(&mut cx).is_ready());
    let answer = pin!(service.call(Request::new(())));
    if let Poll::Ready(answer) = answer.poll(&mut cx) {
        drop(black_box(answer));
    }
}

fn allocations() -> u64 {
    let mut bare = service_fn(answers);
    let mut limited = RateLimitLayer::new(quota(6)).layer(service_fn(answers));
    run(&mut limited);
    let without = measure(|| run(&mut bare)).count_total;
    measure(|| run(&mut limited)).count_total - without
}
