//! What a choice costs, beside tower's own `Balance`.
//!
//! `cargo bench -p headworks-balance`

#![allow(clippy::unwrap_used, reason = "a failed step measures nothing")]

use divan::{AllocProfiler, Bencher};
use futures_util::FutureExt;
use headworks_balance::load::{Latency, Limits, Usage};
use headworks_balance::{
    Balance, Cheapest, Endpoint, LeastBusy, LeastLatency, LeastUsed, P2c, Picker, Registry,
    RoundRobin, Session, SmoothRoundRobin, Sticky, Strategy, WeightedShuffle,
};
use headworks_core::{Attempts, Outcome, Reason, Why};
use http::{Request, Response};
use http_body_util::Empty;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    hash::Hash,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tower::{
    BoxError, Service,
    balance::p2c,
    buffer::Buffer,
    discover::{Discover, ServiceList},
    load::Load,
};

const SIZES: [usize; 4] = [3, 10, 100, 1000];
const THREADS: [usize; 2] = [1, 2];

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

type Answer = Response<Empty<&'static [u8]>>;

/// Answers at once.
#[derive(Clone)]
struct Instant;

impl<R> Service<R> for Instant {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Self::Future {
        ready(Ok(Response::new(Empty::new())))
    }
}

/// An endpoint as a bare `Balance` has it, with the load that ours has, and whether it is ready.
struct Bare(Arc<std::sync::atomic::AtomicUsize>, bool);

impl<R> Service<R> for Bare {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.1 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, _: R) -> Self::Future {
        ready(Ok(Response::new(Empty::new())))
    }
}

impl Load for Bare {
    type Metric = usize;

    fn load(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn registry(size: usize) -> Registry<Instant> {
    let weights = [3.0, 1.0, 2.0].into_iter().cycle();
    let endpoint = |(n, weight): (usize, f64)| Endpoint::new(n.to_string(), Instant).weight(weight);
    (0..size).zip(weights).map(endpoint).collect()
}

fn pick(bencher: Bencher<'_, '_>, picker: &dyn Picker, size: usize) {
    pick_from(bencher, picker, &registry(size), &Request::new(()));
}

fn pick_from(
    bencher: Bencher<'_, '_>,
    picker: &dyn Picker,
    registry: &Registry<Instant>,
    request: &Request<()>,
) {
    let snapshot = registry.snapshot();
    let members = snapshot.members();
    let pick = || picker.pick(&members.candidates(request));
    (0..2 * members.len()).for_each(|_| assert!(pick().is_some()));
    bencher.bench(pick);
}

#[divan::bench(args = SIZES, threads = THREADS)]
fn pick_weighted_shuffle(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &WeightedShuffle::new(), size);
}

#[divan::bench(args = SIZES, threads = THREADS)]
fn pick_round_robin(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &RoundRobin::new(), size);
}

#[divan::bench(args = SIZES, threads = THREADS)]
fn pick_least_busy(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &P2c::new(LeastBusy), size);
}

/// The group when every second one rests.
fn half(size: usize) -> Registry<Instant> {
    let endpoint = |n: usize| {
        let resting = Reason::Resting(Duration::from_secs(1));
        let gate = move || n.is_multiple_of(2).then_some(()).ok_or(resting);
        Endpoint::new(n.to_string(), Instant).weight(1.0).gate(gate)
    };
    (0..size).map(endpoint).collect()
}

fn pick_half(bencher: Bencher<'_, '_>, picker: &dyn Picker, size: usize) {
    pick_from(bencher, picker, &half(size), &Request::new(()));
}

/// A request that has failed at the first of the group.
fn pick_again(bencher: Bencher<'_, '_>, picker: &dyn Picker, size: usize) {
    let attempts = Attempts::new(0);
    let number = attempts.begin(&"g".into(), &"0".into(), Why::new("bench"), 0);
    attempts.end(number, Outcome::Capacity.into());
    let mut request = Request::new(());
    request.extensions_mut().insert(attempts);
    pick_from(bencher, picker, &registry(size), &request);
}

#[divan::bench(args = SIZES)]
fn pick_weighted_shuffle_half_rests(bencher: Bencher<'_, '_>, size: usize) {
    pick_half(bencher, &WeightedShuffle::new(), size);
}

#[divan::bench(args = SIZES)]
fn pick_round_robin_half_rests(bencher: Bencher<'_, '_>, size: usize) {
    pick_half(bencher, &RoundRobin::new(), size);
}

#[divan::bench(args = SIZES)]
fn pick_least_busy_half_rests(bencher: Bencher<'_, '_>, size: usize) {
    pick_half(bencher, &P2c::new(LeastBusy), size);
}

#[divan::bench(args = SIZES)]
fn pick_weighted_shuffle_again(bencher: Bencher<'_, '_>, size: usize) {
    pick_again(bencher, &WeightedShuffle::new(), size);
}

#[divan::bench(args = SIZES)]
fn pick_round_robin_again(bencher: Bencher<'_, '_>, size: usize) {
    pick_again(bencher, &RoundRobin::new(), size);
}

#[divan::bench(args = SIZES)]
fn pick_least_busy_again(bencher: Bencher<'_, '_>, size: usize) {
    pick_again(bencher, &P2c::new(LeastBusy), size);
}

#[divan::bench(args = SIZES)]
fn pick_least_latency(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &P2c::new(LeastLatency), size);
}

#[divan::bench(args = SIZES)]
fn pick_least_used(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &P2c::new(LeastUsed), size);
}

#[divan::bench(args = SIZES)]
fn pick_cheapest(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &Cheapest::new(), size);
}

#[divan::bench(args = SIZES)]
fn pick_smooth_round_robin(bencher: Bencher<'_, '_>, size: usize) {
    pick(bencher, &SmoothRoundRobin::new(), size);
}

#[divan::bench(args = SIZES)]
fn pick_sticky(bencher: Bencher<'_, '_>, size: usize) {
    let mut request = Request::new(());
    request
        .extensions_mut()
        .insert(Session::new(b"caller", b"session"));
    pick_from(bencher, &Sticky::new(), &registry(size), &request);
}

/// The whole of a request: choice, counting, clone of the endpoint's service, answer, end of the body.
fn call(bencher: Bencher<'_, '_>, strategy: &Strategy, size: usize) {
    call_in(bencher, strategy, registry(size));
}

fn call_in(bencher: Bencher<'_, '_>, strategy: &Strategy, registry: Registry<Instant>) {
    let size = registry.snapshot().members().len();
    let balance = Balance::with_registry("g", strategy, registry);
    let call = || {
        balance
            .clone()
            .call(Request::new(()))
            .now_or_never()
            .unwrap()
            .unwrap()
    };
    (0..2 * size).for_each(|_| drop(call()));
    bencher.bench(call);
}

#[divan::bench(args = SIZES, threads = THREADS)]
fn call_weighted_shuffle(bencher: Bencher<'_, '_>, size: usize) {
    call(bencher, &Strategy::WeightedShuffle, size);
}

#[divan::bench(args = SIZES, threads = THREADS)]
fn call_round_robin(bencher: Bencher<'_, '_>, size: usize) {
    call(bencher, &Strategy::RoundRobin, size);
}

#[divan::bench(args = SIZES, threads = THREADS)]
fn call_least_busy(bencher: Bencher<'_, '_>, size: usize) {
    call(bencher, &Strategy::LeastBusy, size);
}

#[divan::bench(args = SIZES)]
fn call_least_busy_half_rests(bencher: Bencher<'_, '_>, size: usize) {
    call_in(bencher, &Strategy::LeastBusy, half(size));
}

#[divan::bench(args = SIZES)]
fn call_least_latency(bencher: Bencher<'_, '_>, size: usize) {
    call(bencher, &Strategy::LeastLatency, size);
}

#[divan::bench(args = SIZES)]
fn call_least_used(bencher: Bencher<'_, '_>, size: usize) {
    call(bencher, &Strategy::LeastUsed, size);
}

fn bare(size: usize) -> p2c::Balance<ServiceList<Vec<Bare>>, Request<()>> {
    bare_with(size, |_| true)
}

fn bare_with(
    size: usize,
    is_ready: impl Fn(usize) -> bool,
) -> p2c::Balance<ServiceList<Vec<Bare>>, Request<()>> {
    let endpoint = |n| Bare(Arc::default(), is_ready(n));
    let endpoints: Vec<_> = (0..size).map(endpoint).collect();
    p2c::Balance::new(ServiceList::new::<Request<()>>(endpoints))
}

/// Requests through a `Balance` as tower has it, whatever its endpoints.
fn bare_call<D>(bencher: Bencher<'_, '_>, mut balance: p2c::Balance<D, Request<()>>, size: usize)
where
    D: Discover<Key: Hash + Clone, Error: Into<BoxError>> + Unpin,
    D::Service: Service<Request<()>, Error: Into<BoxError>> + Load<Metric: std::fmt::Debug>,
    <D::Service as Service<Request<()>>>::Response: std::fmt::Debug,
{
    let mut call = || {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(balance.poll_ready(&mut cx).is_ready());
        balance
            .call(Request::new(()))
            .now_or_never()
            .unwrap()
            .unwrap()
    };
    (0..2 * size).for_each(|_| drop(call()));
    bencher.bench_local(call);
}

#[divan::bench(args = SIZES)]
fn tower_balance_bare(bencher: Bencher<'_, '_>, size: usize) {
    bare_call(bencher, bare(size), size);
}

#[divan::bench(args = SIZES)]
fn tower_balance_bare_half_rests(bencher: Bencher<'_, '_>, size: usize) {
    let balance = bare_with(size, |n| n.is_multiple_of(2));
    bare_call(bencher, balance, size);
}

/// What `call_least_busy` is to be compared with: the endpoints of a registry, counted until the end of the
/// body.
#[divan::bench(args = SIZES)]
fn tower_balance_in_flight(bencher: Bencher<'_, '_>, size: usize) {
    let balance = p2c::Balance::new(registry(size).discover());
    bare_call(bencher, balance, size);
}

/// What `call_least_latency` is to be compared with: the same is learned from each answer.
#[divan::bench(args = SIZES)]
fn tower_balance_latency(bencher: Bencher<'_, '_>, size: usize) {
    let endpoints: Vec<_> = (0..size).map(|_| Latency::new(Instant)).collect();
    let balance = p2c::Balance::new(ServiceList::new::<Request<()>>(endpoints));
    bare_call(bencher, balance, size);
}

/// What `call_least_used` is to be compared with: the same is counted.
#[divan::bench(args = SIZES)]
fn tower_balance_usage(bencher: Bencher<'_, '_>, size: usize) {
    let usage = |_| Usage::new(Instant, Limits::default());
    let endpoints: Vec<_> = (0..size).map(usage).collect();
    let balance = p2c::Balance::new(ServiceList::new::<Request<()>>(endpoints));
    bare_call(bencher, balance, size);
}

#[divan::bench(args = SIZES)]
fn tower_balance_behind_buffer(bencher: Bencher<'_, '_>, size: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (mut buffer, worker) = Buffer::pair(bare(size), 64);
    runtime.spawn(worker);
    let mut call = || {
        runtime.block_on(async {
            std::future::poll_fn(|cx| buffer.poll_ready(cx))
                .await
                .unwrap();
            buffer.call(Request::new(())).await.unwrap()
        })
    };
    (0..2 * size).for_each(|_| drop(call()));
    bencher.bench_local(call);
}

#[divan::bench(threads = THREADS)]
fn direct_call(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        Instant
            .call(Request::new(()))
            .now_or_never()
            .unwrap()
            .unwrap()
    });
}
