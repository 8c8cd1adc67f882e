use crate::{recorder::Recorder, scenario};
use fastrand::Rng;
use headworks_limit::share::{Answer, InstanceId, LEASE, MemoryStore, Question, Store, StoreError};
use parking_lot::Mutex;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::oneshot::{self, Receiver, Sender},
    time::{Instant, sleep, sleep_until},
};

/// What is between the instances and their store, and the store at the end of it.
#[derive(Clone, Debug)]
pub(crate) struct Network(Arc<State>);

#[derive(Debug)]
struct State {
    settings: scenario::Network,
    store: MemoryStore,
    recorder: Recorder,
    condition: Mutex<Condition>,
}

/// What is wrong with it.
#[derive(Debug)]
struct Condition {
    rng: Rng,
    /// By the places of the instances: whether nothing passes there.
    cut: Vec<bool>,
    down: bool,
    paused_until: Option<Instant>,
}

/// The end of it that one instance has. A clone is the same end.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    network: Network,
    place: usize,
    heard: Arc<Mutex<Heard>>,
}

/// What an instance has heard of the store, by the rules that it goes by itself.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// The last question was not answered, so that the next answer only says that there is somebody.
    silent: bool,
    /// Until when it goes by what has been granted.
    until: Option<Instant>,
}

/// An answer on its way. Where none will come it stays pending, as a socket does.
pub(crate) struct Delivery(Option<Receiver<Answers>>);

type Answers = Result<Vec<Answer>, StoreError>;

/// How long an answer counts, from when it was asked for: three quarters of a lease.
const TRUST: Duration = LEASE.saturating_sub(Duration::from_millis(250));

// ===== impl Network =====

impl Network {
    pub(crate) fn new(
        settings: scenario::Network,
        instances: usize,
        rng: Rng,
        recorder: Recorder,
    ) -> Self {
        Self(Arc::new(State {
            settings,
            store: MemoryStore::new(),
            recorder,
            condition: Mutex::new(Condition {
                rng,
                cut: vec![false; instances],
                down: false,
                paused_until: None,
            }),
        }))
    }

    /// The end of it for a new instance at this place.
    pub(crate) fn link(&self, place: usize) -> Link {
        Link {
            network: self.clone(),
            place,
            heard: Arc::new(Mutex::new(Heard {
                silent: true,
                until: None,
            })),
        }
    }

    pub(crate) fn cut(&self, place: usize, cut: bool) {
        self.0.condition.lock().cut[place] = cut;
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.0.condition.lock().down = down;
    }

    pub(crate) fn pause(&self, until: Instant) {
        self.0.condition.lock().paused_until = Some(until);
    }

    pub(crate) fn empty(&self) {
        self.0.store.clear();
    }

    /// Sets the store's clock ahead by so many seconds, or back.
    pub(crate) fn jump(&self, seconds: f64) {
        let time = self.0.store.time().as_secs_f64() + seconds;
        self.0.store.set_time(Duration::from_secs_f64(time));
    }

    /// How long a message takes, and whether it is lost.
    fn way(&self, lost: f64) -> (Duration, bool) {
        let rng = &mut self.0.condition.lock().rng;
        let takes = self.0.settings.latency.sample(rng);
        (takes, lost > 0.0 && rng.f64() < lost)
    }

    fn is_cut(&self, place: usize) -> bool {
        self.0.condition.lock().cut[place]
    }

    /// What the store answers, as soon as it does anything.
    async fn ask(&self, instance: &InstanceId, questions: &[Question]) -> Answers {
        if self.0.condition.lock().down {
            return Err(StoreError::new("connection refused"));
        }
        let paused_until = self.0.condition.lock().paused_until;
        if let Some(until) = paused_until {
            sleep_until(until).await;
        }
        let answers = self.0.store.exchange(instance, questions).await;
        self.0.recorder.note(|log, at| {
            log.exchanges.add(at, 1);
            for (question, answer) in questions.iter().zip(answers.iter().flatten()) {
                let quota = question.quota.parse().ok();
                let ledgers = quota.and_then(|quota: usize| log.quotas.get_mut(quota));
                let granted = ledgers.into_iter().flatten().zip(&answer.rates);
                granted.for_each(|(ledger, granted)| ledger.granted.add(at, granted.amount));
            }
        });
        answers
    }
}

// ===== impl Link =====

impl Link {
    /// True if its instance goes by what the store has granted.
    pub(crate) fn is_led(&self) -> bool {
        let until = self.heard.lock().until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Takes a question there and the answer back, whether or not anybody still waits for it.
    async fn carry(
        self,
        instance: InstanceId,
        questions: Vec<Question>,
        asked: Instant,
        to: Sender<Answers>,
    ) {
        let delivered = self.deliver(instance, questions, to).await;
        let mut heard = self.heard.lock();
        if !delivered {
            heard.silent = true;
        } else if !std::mem::take(&mut heard.silent) {
            heard.until = Some(asked + TRUST);
        }
    }

    /// Says whether an answer has arrived that is one.
    async fn deliver(
        &self,
        instance: InstanceId,
        questions: Vec<Question>,
        to: Sender<Answers>,
    ) -> bool {
        let network = &self.network;
        let settings = &network.0.settings;
        let (takes, lost) = network.way(settings.lost_questions);
        if lost || network.is_cut(self.place) {
            return false;
        }
        sleep(takes).await;
        let answers = network.ask(&instance, &questions).await;
        let (takes, lost) = network.way(settings.lost_answers);
        if lost || network.is_cut(self.place) {
            return false;
        }
        sleep(takes).await;
        let is_one = answers.is_ok();
        to.send(answers).is_ok() && is_one
    }
}

impl Store for Link {
    type Future = Delivery;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Delivery {
        let (to, answers) = oneshot::channel();
        let (instance, questions) = (instance.clone(), questions.to_vec());
        let carry = self.clone().carry(instance, questions, Instant::now(), to);
        tokio::spawn(carry);
        Delivery(Some(answers))
    }
}

// ===== impl Delivery =====

impl Future for Delivery {
    type Output = Answers;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answers> {
        let Some(answers) = &mut self.0 else {
            return Poll::Pending;
        };
        match Pin::new(answers).poll(cx) {
            Poll::Ready(Ok(answers)) => Poll::Ready(answers),
            Poll::Ready(Err(_)) => {
                self.0 = None;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").finish_non_exhaustive()
    }
}
