//! A long random run of a `Balance` whose requests wait, against a model that goes through the line from the
//! front: endpoints come, go, rest and fill up; requests of several kinds are sent, wait, are answered,
//! retried, and dropped at every point.
//!
//! A failure prints the seed and the step.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use fastrand::Rng;
use headworks_balance::{
    Balance, Endpoint, LeastBusy, Needs, P2c, Picker, Registry, ResponseBody, ResponseFuture,
    RoundRobin, State, Strategy, TagMatch, Tags, WaitPolicy, WhenAllRest,
};
use headworks_core::{
    Attempts, BoxError, DeploymentId, Reason, Refusal, StatusClassifier, Waited, Why,
};
use http::{Request, Response};
use http_body_util::Full;
use std::{
    collections::VecDeque,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, advance};
use tokio_test::task::{self, Spawn};
use tower::Service;

/// With four runs, a million.
const STEPS: usize = 250_000;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const MOST_REQUESTS: usize = 30;
const MOST_WAIT: usize = 8;
const WAIT: Duration = Duration::from_secs(3);
const REST: Duration = Duration::from_secs(1);
/// As often gates are looked at that open without a word.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Switches {
    /// It rests, and its gate says so.
    rests: AtomicBool,
    /// Its service is not ready.
    slow: AtomicBool,
}

/// Answers with the status in the request, when it is ready.
#[derive(Clone, Debug, Default)]
struct Switched(Arc<Switches>);

type Answer = Response<Full<Bytes>>;

impl Service<Request<u16>> for Switched {
    type Response = Answer;
    type Error = BoxError;
    type Future = Ready<Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.0.slow.load(Ordering::Relaxed) {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn call(&mut self, request: Request<u16>) -> Self::Future {
        let response = Response::builder().status(request.into_body());
        ready(Ok(response.body("abc".into()).unwrap()))
    }
}

/// An endpoint as the model has it.
struct Known {
    id: DeploymentId,
    tags: &'static [&'static str],
    max: Option<usize>,
    switches: Arc<Switches>,
    /// An index of `World::states`.
    state: usize,
}

/// What a request is about.
#[derive(Clone)]
struct About {
    ledger: Attempts,
    tag: Option<&'static str>,
    since: Instant,
}

enum Stage {
    Waiting,
    /// Sent to this one.
    Sent(usize),
    Body(
        usize,
        #[expect(dead_code, reason = "held")] ResponseBody<Full<Bytes>>,
    ),
}

struct Running {
    future: Option<Spawn<ResponseFuture<Switched, u16, StatusClassifier>>>,
    about: About,
    stage: Stage,
}

struct World {
    rng: Rng,
    balance: Balance<Switched>,
    least_bad: bool,
    known: Vec<Known>,
    /// Those that wait, in the order they came, and those that were sent.
    running: VecDeque<Running>,
    states: Vec<(Arc<State>, usize)>,
    ended: Vec<Attempts>,
    counts: Counts,
}

/// That it has been about something.
#[derive(Debug, Default)]
struct Counts {
    sent: usize,
    waited: usize,
    served: usize,
    refused: usize,
    full: usize,
    in_vain: usize,
    least_bad: usize,
    dropped_waiting: usize,
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

impl Known {
    /// True if a request would go here, were it to take any.
    fn is_wanted(&self, about: &About) -> bool {
        let tagged = about.tag.is_none_or(|tag| self.tags.contains(&tag));
        let ledger = &about.ledger;
        let hopeful = || {
            let verdict = ledger.last_verdict(&self.id);
            verdict.is_some_and(|verdict| verdict.outcome.may_succeed_here())
        };
        tagged && (!ledger.tried(&self.id) || hopeful())
    }
}

impl World {
    fn new(picker: impl Picker + 'static, least_bad: bool, seed: u64) -> Self {
        let strategy = Strategy::picker(picker);
        let balance = Balance::with_registry("g", &strategy, Registry::new());
        let what = if least_bad {
            WhenAllRest::LeastBad
        } else {
            WhenAllRest::Refuse
        };
        Self {
            rng: Rng::with_seed(seed),
            balance: balance
                .when_all_rest(what)
                .wait(WaitPolicy::new(WAIT).at_most(MOST_WAIT)),
            least_bad,
            known: Vec::new(),
            running: VecDeque::new(),
            states: Vec::new(),
            ended: Vec::new(),
            counts: Counts::default(),
        }
    }

    async fn step(&mut self) {
        match self.rng.u32(..100) {
            0..2 => self.insert(),
            2..3 => self.remove(),
            3..7 => {
                self.flip();
                advance(LOOK).await;
            }
            7 => advance(REST / 2).await,
            8..45 => self.send(),
            45..80 => self.play(),
            _ => self.drop_one(),
        }
        // Else the next comes before those that were woken have looked.
        if self.rng.u8(..3) > 0 {
            self.settle();
            self.check();
        }
    }

    fn insert(&mut self) {
        let id = DeploymentId::from(NAMES[self.rng.usize(..NAMES.len())]);
        let switches = Arc::new(Switches::default());
        let gate = switches.clone();
        let tags: &[&str] = match self.rng.u8(..3) {
            0 => &["x"],
            1 => &["y"],
            _ => &["x", "y"],
        };
        let max = (self.rng.u8(..4) > 0).then(|| self.rng.usize(..4));
        let endpoint = Endpoint::new(id.clone(), Switched(switches.clone()))
            .tags(tags.iter().copied())
            .gate(move || match gate.rests.load(Ordering::Relaxed) {
                true => Err(Reason::Resting(REST)),
                false => Ok(()),
            });
        let endpoint = max.into_iter().fold(endpoint, Endpoint::max_in_flight);
        let place = self.known.iter().position(|known| known.id == id);
        assert_eq!(self.balance.registry().insert(endpoint), place.is_some());
        let state = place.map_or(self.states.len(), |place| self.known[place].state);
        let known = Known {
            id: id.clone(),
            tags,
            max,
            switches,
            state,
        };
        match place {
            Some(place) => self.known[place] = known,
            None => {
                let snapshot = self.balance.registry().snapshot();
                let place = snapshot.members().place(&id).unwrap();
                let member = snapshot.members().get(place).unwrap();
                self.states.push((member.state().clone(), 0));
                self.known.push(known);
            }
        }
    }

    fn remove(&mut self) {
        let id = NAMES[self.rng.usize(..NAMES.len())];
        let place = self.known.iter().position(|known| *known.id == *id);
        assert_eq!(self.balance.registry().remove(id), place.is_some());
        place.map(|place| self.known.remove(place));
    }

    fn flip(&mut self) {
        if let Some(known) = self.rng.choice(&self.known) {
            let flag = match self.rng.u8(..4) {
                0 => &known.switches.slow,
                _ => &known.switches.rests,
            };
            flag.fetch_xor(true, Ordering::Relaxed);
        }
    }

    /// True if this one takes requests, as far as can be told beforehand.
    fn takes(&self, known: &Known) -> bool {
        let in_flight = self.states[known.state].1;
        let has_room = known.max.is_none_or(|max| in_flight < max);
        has_room && !known.switches.rests.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> impl Iterator<Item = &Running> {
        let running = self.running.iter();
        running.filter(|running| matches!(running.stage, Stage::Waiting))
    }

    fn send(&mut self) {
        if self.running.len() >= MOST_REQUESTS {
            return;
        }
        // A new request, or another attempt of one whose attempts have ended.
        let old = (self.rng.bool() && !self.ended.is_empty())
            .then(|| self.ended.swap_remove(self.rng.usize(..self.ended.len())));
        let ledger = old.filter(|ledger| ledger.begun() < 8);
        let about = About {
            ledger: ledger.unwrap_or_else(|| Attempts::new(0)),
            tag: [None, Some("x"), Some("y")][self.rng.usize(..3)],
            since: Instant::now(),
        };
        let status = [200, 200, 429, 503, 400][self.rng.usize(..5)];
        let mut request = Request::new(status);
        request.extensions_mut().insert(about.ledger.clone());
        if let Some(tag) = about.tag {
            let mut needs = Needs::default();
            needs.tags = Some(Tags::new([tag], TagMatch::Any));
            request.extensions_mut().insert(needs);
        }
        let many_wait = self.waiting().count() >= MOST_WAIT;
        let begun = about.ledger.begun();
        self.running.push_back(Running {
            future: Some(task::spawn(self.balance.call(request))),
            about,
            stage: Stage::Waiting,
        });
        // Counted where it goes before it is polled.
        self.follow(self.running.len() - 1, begun);
        self.poll(self.running.len() - 1, many_wait);
    }

    /// The request has been sent somewhere if its ledger says so.
    fn follow(&mut self, at: usize, begun: u32) {
        let Running { about, stage, .. } = &self.running[at];
        if about.ledger.begun() == begun {
            return;
        }
        assert!(matches!(stage, Stage::Waiting));
        let attempt = about.ledger.attempts().pop().unwrap();
        let known = self.known.iter().find(|k| k.id == attempt.deployment);
        let known = known.unwrap();
        assert!(about.tag.is_none_or(|tag| known.tags.contains(&tag)));
        if attempt.why == Why::new("least bad") {
            assert!(self.least_bad && known.switches.rests.load(Ordering::Relaxed));
            self.counts.least_bad += 1;
        } else {
            assert!(!known.switches.rests.load(Ordering::Relaxed));
            // Nobody who came before it waits for this one.
            let before = self.running.iter().take(at);
            let mut before = before.filter(|other| matches!(other.stage, Stage::Waiting));
            let overtaken = before.any(|other| known.is_wanted(&other.about));
            assert!(
                !overtaken,
                "it has overtaken another on the way to {}",
                known.id
            );
        }
        let state = known.state;
        self.states[state].1 += 1;
        self.counts.sent += 1;
        self.running[at].stage = Stage::Sent(state);
    }

    /// Polls a request, which may be over then.
    fn poll(&mut self, at: usize, many_wait: bool) {
        let running = &mut self.running[at];
        let begun = running.about.ledger.begun();
        let Some(future) = &mut running.future else {
            return;
        };
        let waited = matches!(running.stage, Stage::Waiting);
        match future.poll() {
            Poll::Pending => {
                if waited {
                    self.follow(at, begun);
                    self.counts.waited += 1;
                }
            }
            Poll::Ready(Ok(response)) => {
                if waited {
                    self.follow(at, begun);
                    self.counts.served += 1;
                }
                let running = &mut self.running[at];
                let Stage::Sent(state) = running.stage else {
                    panic!("it was answered by nobody");
                };
                running.future = None;
                running.stage = Stage::Body(state, response.into_body());
            }
            Poll::Ready(Err(error)) => {
                assert!(waited, "{error}");
                self.refused(at, &error, many_wait);
                let over = self.running.remove(at).unwrap();
                self.ended.push(over.about.ledger);
            }
        }
    }

    fn refused(&mut self, at: usize, error: &BoxError, many_wait: bool) {
        let refusal = error.downcast_ref::<Refusal>().unwrap();
        let about = &self.running[at].about;
        self.counts.refused += 1;
        let mut wanted = self.known.iter().filter(|known| known.is_wanted(about));
        match refusal.waited() {
            Waited::No => assert!(wanted.next().is_none()),
            Waited::QueueFull => {
                assert!(many_wait);
                self.counts.full += 1;
            }
            // It may know beforehand that a rest is longer than what is left of its wait.
            Waited::InVain(time) => {
                assert_eq!(time, about.since.elapsed());
                assert!(wanted.next().is_none() || time + REST >= WAIT);
                self.counts.in_vain += 1;
            }
            other => panic!("{other:?}"),
        }
    }

    /// Polls whoever was woken until nobody is.
    fn settle(&mut self) {
        loop {
            let woken = self.running.iter().position(|running| {
                let waits = matches!(running.stage, Stage::Waiting);
                waits && running.future.as_ref().is_some_and(Spawn::is_woken)
            });
            let Some(at) = woken else {
                return;
            };
            self.poll(at, true);
        }
    }

    fn check(&self) {
        for known in &self.known {
            let (state, in_flight) = &self.states[known.state];
            assert_eq!(state.in_flight(), *in_flight, "{}", known.id);
        }
        assert!(self.waiting().count() <= MOST_WAIT);
        for running in self.waiting() {
            let mut free = self
                .known
                .iter()
                .filter(|known| self.takes(known) && known.is_wanted(&running.about));
            if let Some(known) = free.next() {
                panic!("somebody waits for {}, which takes it", known.id);
            }
        }
    }

    /// A request goes on, or its body ends.
    fn play(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let at = self.rng.usize(..self.running.len());
        if let Stage::Body(..) = self.running[at].stage {
            self.end(at);
        } else {
            // Polled without having been woken, as any future may be.
            self.poll(at, true);
        }
    }

    fn drop_one(&mut self) {
        if !self.running.is_empty() {
            let at = self.rng.usize(..self.running.len());
            self.end(at);
        }
    }

    fn end(&mut self, at: usize) {
        let dropped = self.running.remove(at).unwrap();
        match dropped.stage {
            Stage::Waiting => self.counts.dropped_waiting += 1,
            Stage::Sent(state) | Stage::Body(state, _) => self.states[state].1 -= 1,
        }
        self.ended.push(dropped.about.ledger.clone());
        drop(dropped.future);
    }

    fn finish(mut self) {
        while !self.running.is_empty() {
            self.end(0);
            self.settle();
        }
        let zero = |(state, in_flight): &(Arc<State>, usize)| (state.in_flight(), *in_flight);
        assert!(self.states.iter().all(|state| zero(state) == (0, 0)));
        let attempts = self.ended.iter().flat_map(Attempts::attempts);
        assert!(attempts.clone().all(|attempt| attempt.verdict.is_some()));
        let counts = &self.counts;
        println!("{counts:?}");
        let enough = STEPS / 2000;
        for count in [counts.sent, counts.waited, counts.served, counts.refused] {
            assert!(count > enough, "{counts:?}");
        }
        assert!(
            counts.in_vain + counts.full + counts.least_bad > enough,
            "{counts:?}"
        );
        assert!(counts.dropped_waiting > enough, "{counts:?}");
        assert_eq!(counts.least_bad > 0, self.least_bad, "{counts:?}");
    }
}

async fn run(picker: impl Picker + 'static, least_bad: bool) {
    let seed = fastrand::u64(..);
    let mut world = World::new(picker, least_bad, seed);
    let mut here = Here { seed, step: 0 };
    for step in 0..STEPS {
        here.step = step;
        world.step().await;
    }
    world.finish();
}

#[tokio::test(start_paused = true)]
async fn in_a_round_robin_whoever_waits_is_served_as_the_model_says() {
    run(RoundRobin::new(), false).await;
}

#[tokio::test(start_paused = true)]
async fn by_load_whoever_waits_is_served_as_the_model_says() {
    run(P2c::new(LeastBusy), false).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_round_robin_the_least_bad_is_asked_as_the_model_says() {
    run(RoundRobin::new(), true).await;
}

#[tokio::test(start_paused = true)]
async fn by_load_the_least_bad_is_asked_as_the_model_says() {
    run(P2c::new(LeastBusy), true).await;
}
