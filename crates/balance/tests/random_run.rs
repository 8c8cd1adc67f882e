//! A long random run of a `Balance` against a model too simple to be wrong: endpoints come, go, rest and fill
//! up, requests are sent, retried, answered, cut and dropped at every point.
//!
//! A failure prints the seed and the step.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use fastrand::Rng;
use headworks_balance::{
    Balance, Cheapest, Endpoint, LeastBusy, LeastLatency, LeastUsed, P2c, Picker, Registry,
    ResponseBody, ResponseFuture, RoundRobin, Session, SmoothRoundRobin, State, Sticky, Strategy,
    WeightedShuffle,
};
use headworks_core::{Attempts, BoxError, DeploymentId, Reason, Refusal, StatusClassifier};
use http::{Request, Response};
use http_body::{Body, Frame};
use parking_lot::Mutex;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};
use tower::Service;

const STEPS: usize = 200_000;
/// As many endpoints as there are names.
const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
const MOST_REQUESTS: usize = 40;

/// What happens next to a request, wherever it is.
#[derive(Clone, Copy, Debug, Default)]
enum Play {
    #[default]
    Nothing,
    Head(u16),
    Error,
    Data,
    End,
}

type Script = Arc<Mutex<Play>>;

/// An endpoint's service: ready when it is told, and it answers what the request's script says.
#[derive(Debug, Default)]
struct Scripted {
    ready: Arc<AtomicBool>,
    polled_ready: bool,
}

impl Clone for Scripted {
    fn clone(&self) -> Self {
        Self {
            ready: self.ready.clone(),
            polled_ready: false,
        }
    }
}

struct Scene(Script);

impl Service<Request<Script>> for Scripted {
    type Response = Response<Scene>;
    type Error = BoxError;
    type Future = Scene;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.polled_ready = self.ready.load(Ordering::Relaxed);
        if self.polled_ready {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, request: Request<Script>) -> Scene {
        assert!(
            std::mem::take(&mut self.polled_ready),
            "called before it was ready"
        );
        Scene(request.into_body())
    }
}

impl Future for Scene {
    type Output = Result<Response<Self>, BoxError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::take(&mut *self.0.lock()) {
            Play::Head(status) => {
                let response = Response::builder().status(status);
                Poll::Ready(Ok(response.body(Self(self.0.clone())).unwrap()))
            }
            Play::Error => Poll::Ready(Err("reset".into())),
            Play::Nothing | Play::Data | Play::End => Poll::Pending,
        }
    }
}

impl Body for Scene {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match std::mem::take(&mut *self.0.lock()) {
            Play::Data => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"abc"))))),
            Play::Error => Poll::Ready(Some(Err("cut".into()))),
            Play::End => Poll::Ready(None),
            Play::Nothing | Play::Head(_) => Poll::Pending,
        }
    }
}

/// An endpoint as the model has it.
struct Known {
    id: DeploymentId,
    order: Option<i64>,
    max: Option<usize>,
    open: Arc<AtomicBool>,
    ready: Arc<AtomicBool>,
    /// The state it shares with those it has replaced, as an index of `World::states`.
    state: usize,
}

enum Stage {
    Future(Pin<Box<ResponseFuture<Scripted, Script, StatusClassifier>>>),
    Body(Pin<Box<ResponseBody<Scene>>>),
}

struct Running {
    stage: Stage,
    script: Script,
    state: usize,
}

struct World {
    rng: Rng,
    balance: Balance<Scripted>,
    known: Vec<Known>,
    running: Vec<Running>,
    /// Every state there has ever been, with how many requests the model has in flight there.
    states: Vec<(Arc<State>, usize)>,
    ledgers: Vec<Attempts>,
    sent: usize,
    refused: usize,
}

/// Prints itself when a step fails.
struct Here {
    seed: u64,
    step: usize,
}

impl Drop for Here {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("seed {}, step {}", self.seed, self.step);
        }
    }
}

impl World {
    fn new(picker: impl Picker + 'static, seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            balance: Balance::with_registry("g", &Strategy::picker(picker), Registry::new()),
            known: Vec::new(),
            running: Vec::new(),
            states: Vec::new(),
            ledgers: Vec::new(),
            sent: 0,
            refused: 0,
        }
    }

    fn step(&mut self) {
        match self.rng.u32(..100) {
            0..2 => self.insert(),
            2..3 => self.remove(),
            3..10 => self.flip(),
            10..40 => self.send(),
            40..93 => self.play(),
            _ => self.drop_one(),
        }
        self.compare();
    }

    /// Adds an endpoint, or replaces the one of that name.
    fn insert(&mut self) {
        let id = DeploymentId::from(NAMES[self.rng.usize(..NAMES.len())]);
        let (open, ready) = (
            Arc::new(AtomicBool::new(true)),
            Arc::new(AtomicBool::new(true)),
        );
        let service = Scripted {
            ready: ready.clone(),
            polled_ready: false,
        };
        let weight = f64::from(self.rng.u8(..4));
        let gate = open.clone();
        let mut endpoint = Endpoint::new(id.clone(), service)
            .weight(weight)
            .gate(move || {
                let resting = Reason::Resting(Duration::from_secs(1));
                gate.load(Ordering::Relaxed).then_some(()).ok_or(resting)
            });
        let order = self.rng.bool().then(|| self.rng.i64(1..3));
        let max = self.rng.bool().then(|| self.rng.usize(..4));
        endpoint = order.into_iter().fold(endpoint, Endpoint::order);
        endpoint = max.into_iter().fold(endpoint, Endpoint::max_in_flight);
        let place = self.known.iter().position(|known| known.id == id);
        assert_eq!(self.balance.registry().insert(endpoint), place.is_some());

        let snapshot = self.balance.registry().snapshot();
        let now_at = snapshot.members().place(&id).unwrap();
        let state = place.map_or(self.states.len(), |place| self.known[place].state);
        let known = Known {
            id,
            order,
            max,
            open,
            ready,
            state,
        };
        if let Some(place) = place {
            assert_eq!(now_at, place);
            self.known[place] = known;
        } else {
            assert_eq!(now_at, self.known.len());
            let state = snapshot.members().get(now_at).unwrap().state().clone();
            self.states.push((state, 0));
            self.known.push(known);
        }
    }

    fn remove(&mut self) {
        let id = NAMES[self.rng.usize(..NAMES.len())];
        let place = self.known.iter().position(|known| *known.id == *id);
        assert_eq!(self.balance.registry().remove(id), place.is_some());
        place.map(|place| self.known.remove(place));
    }

    /// An endpoint rests or is back, is ready or is not.
    fn flip(&mut self) {
        if let Some(known) = self.rng.choice(&self.known) {
            let flag = if self.rng.bool() {
                &known.open
            } else {
                &known.ready
            };
            flag.fetch_xor(true, Ordering::Relaxed);
        }
    }

    /// Who takes requests.
    fn takes(&self) -> impl Iterator<Item = &Known> {
        self.known.iter().filter(|known| {
            let in_flight = self.states[known.state].1;
            known.open.load(Ordering::Relaxed) && known.max.is_none_or(|max| in_flight < max)
        })
    }

    /// Who takes requests and has not had one with this ledger.
    fn untried(&self, ledger: &Attempts) -> impl Iterator<Item = &Known> {
        self.takes().filter(|known| !ledger.tried(&known.id))
    }

    /// Who may take a request with this ledger.
    fn eligible(&self, ledger: &Attempts) -> Vec<&DeploymentId> {
        let untried = lowest(self.untried(ledger));
        if !untried.is_empty() {
            return untried;
        }
        lowest(self.takes().filter(|known| {
            let verdict = ledger.last_verdict(&known.id);
            verdict.is_some_and(|verdict| verdict.outcome.may_succeed_here())
        }))
    }

    fn send(&mut self) {
        if self.running.len() >= MOST_REQUESTS {
            return;
        }
        // A new request, or another attempt of an older one, which may still be running elsewhere.
        let retry = self.rng.u8(..3) > 0;
        let old = retry
            .then(|| self.rng.choice(&self.ledgers).cloned())
            .flatten();
        let ledger = old.filter(|ledger| ledger.begun() < 12).unwrap_or_else(|| {
            let ledger = Attempts::new(0);
            self.ledgers.push(ledger.clone());
            ledger
        });
        let script = Script::default();
        let mut request = Request::new(script.clone());
        request.extensions_mut().insert(ledger.clone());
        if self.rng.bool() {
            let key = [self.rng.u8(..20)];
            request
                .extensions_mut()
                .insert(Session::new(b"caller", &key));
        }

        let eligible: Vec<_> = self.eligible(&ledger).into_iter().cloned().collect();
        let untried: Vec<_> = self
            .untried(&ledger)
            .map(|known| known.id.clone())
            .collect();
        let begun = ledger.begun();
        let mut future = Box::pin(self.balance.call(request));
        if eligible.is_empty() {
            assert_eq!(ledger.begun(), begun);
            let mut cx = Context::from_waker(Waker::noop());
            let Poll::Ready(Err(error)) = future.as_mut().poll(&mut cx) else {
                panic!("nobody takes it, and it is not refused at once");
            };
            let refusal = error.downcast_ref::<Refusal>().unwrap();
            assert_eq!(refusal.candidates().len(), self.known.len());
            self.refused += 1;
            return;
        }
        assert_eq!(ledger.begun(), begun + 1);
        let chosen = ledger.attempts().pop().unwrap().deployment;
        let others = untried.iter().filter(|id| **id != chosen);
        assert_eq!(ledger.others(), others.count());
        assert!(eligible.contains(&chosen), "{chosen} of {eligible:?}");
        let known = self.known.iter().find(|known| known.id == chosen).unwrap();
        self.states[known.state].1 += 1;
        self.sent += 1;
        self.running.push(Running {
            stage: Stage::Future(future),
            script,
            state: known.state,
        });
    }

    /// Something happens to a request, and it is polled.
    fn play(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let at = self.rng.usize(..self.running.len());
        let plays = [
            Play::Nothing,
            Play::Head(200),
            Play::Head(429),
            Play::Head(503),
            Play::Head(400),
            Play::Error,
            Play::Data,
            Play::End,
        ];
        let running = &mut self.running[at];
        *running.script.lock() = plays[self.rng.usize(..plays.len())];
        let mut cx = Context::from_waker(Waker::noop());
        let over = match &mut running.stage {
            Stage::Future(future) => match future.as_mut().poll(&mut cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(response)) => {
                    running.stage = Stage::Body(Box::pin(response.into_body()));
                    false
                }
                Poll::Ready(Err(_)) => true,
            },
            Stage::Body(body) => match body.as_mut().poll_frame(&mut cx) {
                Poll::Pending | Poll::Ready(Some(Ok(_))) => false,
                Poll::Ready(Some(Err(_)) | None) => true,
            },
        };
        *running.script.lock() = Play::Nothing;
        if over {
            // It counts no more although it has not been dropped yet.
            self.states[running.state].1 -= 1;
            self.compare();
            self.running.swap_remove(at);
        }
    }

    fn drop_one(&mut self) {
        if !self.running.is_empty() {
            let at = self.rng.usize(..self.running.len());
            let dropped = self.running.swap_remove(at);
            self.states[dropped.state].1 -= 1;
        }
    }

    fn compare(&self) {
        for known in &self.known {
            let (state, in_flight) = &self.states[known.state];
            assert_eq!(state.in_flight(), *in_flight, "{}", known.id);
        }
    }

    fn finish(mut self) {
        while !self.running.is_empty() {
            self.drop_one();
        }
        assert!(
            self.states
                .iter()
                .all(|(state, in_flight)| (state.in_flight(), *in_flight) == (0, 0))
        );
        let attempts = self.ledgers.iter().flat_map(Attempts::attempts);
        assert!(attempts.clone().all(|attempt| attempt.verdict.is_some()));
        assert_eq!(attempts.count(), self.sent);
        // It has been about something.
        assert!(
            self.sent > STEPS / 20 && self.refused > STEPS / 1000,
            "{} {}",
            self.sent,
            self.refused
        );
    }
}

/// Those of the lowest order; none is higher than any.
fn lowest<'a>(among: impl Iterator<Item = &'a Known>) -> Vec<&'a DeploymentId> {
    let order = |known: &Known| (known.order.is_none(), known.order);
    let among: Vec<_> = among.collect();
    let lowest = among.iter().map(|known| order(known)).min();
    let in_it = among
        .into_iter()
        .filter(|known| Some(order(known)) == lowest);
    in_it.map(|known| &known.id).collect()
}

async fn run(picker: impl Picker + 'static) {
    let seed = fastrand::u64(..);
    let mut world = World::new(picker, seed);
    let mut here = Here { seed, step: 0 };
    for step in 0..STEPS {
        here.step = step;
        world.step();
        if step % 100 == 0 {
            tokio::time::advance(Duration::from_millis(200)).await;
        }
    }
    world.finish();
}

#[tokio::test(start_paused = true)]
async fn a_weighted_shuffle_does_what_the_model_does() {
    run(WeightedShuffle::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_round_robin_does_what_the_model_does() {
    run(RoundRobin::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_smooth_round_robin_does_what_the_model_does() {
    run(SmoothRoundRobin::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_sticky_choice_does_what_the_model_does() {
    run(Sticky::new()).await;
}

#[tokio::test(start_paused = true)]
async fn a_choice_by_load_does_what_the_model_does() {
    run(P2c::new(LeastBusy)).await;
}

#[tokio::test(start_paused = true)]
async fn a_choice_by_latency_does_what_the_model_does() {
    run(P2c::new(LeastLatency)).await;
}

#[tokio::test(start_paused = true)]
async fn a_choice_by_usage_does_what_the_model_does() {
    run(P2c::new(LeastUsed)).await;
}

#[tokio::test(start_paused = true)]
async fn a_choice_by_price_does_what_the_model_does() {
    run(Cheapest::new()).await;
}
