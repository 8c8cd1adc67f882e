mod kept;
mod teller;

use super::{Alone, Answer, InstanceId, News, Question, Store, StoreError, Wanted};
use crate::Quota;
use kept::{Kept, State};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use teller::Teller;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Keeps the quotas of one instance in step with a [`Store`]: a task that ends when this is dropped.
///
/// The limits are shared with others all the same, so a quota that nobody keeps any more does not have them for itself:
/// at once, and until another keeper [shares](Self::spawn) it, it goes by what [`Alone`] says, as if the store were
/// silent. What it holds counts as used then, for as long as the window is, and slots for ten seconds: whoever ends in order
/// [closes](Self::close) it.
pub struct Keeper {
    task: JoinHandle<()>,
    quotas: Vec<Quota>,
    wanted: Arc<Wanted>,
}

/// What a [`Keeper`] goes by.
#[derive(Clone)]
#[non_exhaustive]
pub struct KeeperParams {
    /// This instance, as no other is called.
    pub instance: InstanceId,
    /// What becomes of the limits when the store is silent. Default: [`Alone::Part`].
    pub alone: Alone,
    /// How long an answer of the store is waited for. Default: 250 ms, so that several tries fit into a lease.
    pub patience: Duration,
    /// How long a request waits until the store has decided on it; `None` decides by leases, and no request waits.
    /// Default: `None`.
    pub strict: Option<Duration>,
    /// Is told when the store is silent, for all quotas or for some, with the reason, and when it answers for all of them
    /// again: once what the last answer gave may not be spent any more, so that a single answer that is missing or late is
    /// no change. Of a silence it is told once for each reason. Default: nobody.
    pub on_change: Arc<OnChange>,
}

type OnChange = dyn Fn(Result<(), &StoreError>) + Send + Sync;

/// Between two exchanges while something is asked for.
const BUSY: Duration = Duration::from_millis(100);

/// Between two exchanges while nothing is: twice within a lease, so that one is always held.
const IDLE: Duration = Duration::from_millis(400);

/// Between two questions of a quota that nothing is held of: what is said of its rests is told at once, and asked for only
/// by whoever has not heard it. Not so long that the store forgets who is there, which it
/// does after 3 s.
const SELDOM: Duration = Duration::from_secs(2);

/// Between two exchanges in any case, and before the next try after one that failed.
const PAUSE: Duration = Duration::from_millis(5);
const RETRY: Duration = Duration::from_millis(200);

/// By how much each of these is longer or shorter at random: those that were started together are not to go on
/// asking together.
const JITTER: f64 = 0.1;

// ===== impl KeeperParams =====

impl KeeperParams {
    /// For an instance of this name.
    #[must_use]
    pub fn new(instance: impl Into<InstanceId>) -> Self {
        Self {
            instance: instance.into(),
            alone: Alone::Part,
            patience: Duration::from_millis(250),
            strict: None,
            on_change: Arc::new(|_| {}),
        }
    }

    /// Sets [`alone`](Self::alone).
    #[must_use]
    pub const fn alone(mut self, alone: Alone) -> Self {
        self.alone = alone;
        self
    }

    /// Sets [`patience`](Self::patience), or what a request waits if that is [longer](Self::strict).
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(self.strict.unwrap_or_default());
        self
    }

    /// Has the store asked about each request, which waits no longer than `within` for its answer: see
    /// [the module](super) for what that gives, and what it costs. An answer that is later counts, and is none for
    /// whoever waited; so an answer is waited for as long at least.
    #[must_use]
    pub fn strict(mut self, within: Duration) -> Self {
        self.strict = Some(within);
        self.patience = self.patience.max(within);
        self
    }

    /// Sets [`on_change`](Self::on_change).
    #[must_use]
    pub fn on_change(
        mut self,
        tell: impl Fn(Result<(), &StoreError>) + Send + Sync + 'static,
    ) -> Self {
        self.on_change = Arc::new(tell);
        self
    }
}

impl fmt::Debug for KeeperParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeeperParams")
            .field("instance", &self.instance)
            .field("alone", &self.alone)
            .field("patience", &self.patience)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

// ===== impl Keeper =====

impl Keeper {
    /// Shares these quotas, each under its name, from now on.
    ///
    /// Until the store has answered for the first time a quota goes by what [`Alone`] says.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its clock.
    #[must_use = "a keeper that is dropped keeps nothing"]
    pub fn spawn(
        store: impl Store,
        quotas: impl IntoIterator<Item = (Arc<str>, Quota)>,
        params: KeeperParams,
    ) -> Self {
        let quotas: Vec<_> = quotas.into_iter().collect();
        let wanted = Arc::new(Wanted::default());
        for (_, quota) in &quotas {
            quota.share(params.alone, params.strict, wanted.clone());
        }
        let kept = quotas.iter().map(|(_, quota)| quota.clone()).collect();
        let named: HashMap<_, _> = quotas.iter().cloned().collect();
        let heard = move |name: &str, news: News<'_>| {
            if let Some(quota) = named.get(name) {
                quota.heard(news);
            }
        };
        let calls = wanted.clone();
        let task = tokio::spawn(async move {
            let mut keeping = Keeping::new(quotas, params, calls);
            let listen = async {
                store.listen(heard).await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = keeping.keep(&store) => {}
                () = listen => {}
            }
            keeping.take_leave(&store).await;
        });
        Self {
            task,
            quotas: kept,
            wanted,
        }
    }

    /// Gives all that is held and not in use back to the others, in one last exchange, in which the store is told what is
    /// owed too: for a process that ends, when its requests have. An exchange that is under way is waited for, and the last
    /// one, each for no longer than the keeper's [patience](KeeperParams::patience); whether the store has answered makes no
    /// difference. From the last one on each quota goes by what [`Alone`] says, as after a keeper that is dropped.
    pub async fn close(mut self) {
        self.wanted.end.notify_one();
        // A task that has panicked has ended too.
        drop((&mut self.task).await);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
        for quota in &self.quotas {
            quota.abandon(&self.wanted);
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

/// What the task goes by.
struct Keeping {
    quotas: Vec<Kept>,
    params: KeeperParams,
    wanted: Arc<Wanted>,
    /// What is known of the store, and what has been told of it.
    state: State,
    teller: Teller,
    /// Answers in a row that came later than requests wait.
    late: u32,
}

/// How an exchange went.
#[derive(Clone, Copy, Default)]
struct Exchanged {
    /// Something was asked for.
    busy: bool,
    /// Of something that was asked for there is no more.
    in_vain: bool,
}

// ===== impl Keeping =====

impl Keeping {
    fn new(quotas: Vec<(Arc<str>, Quota)>, params: KeeperParams, wanted: Arc<Wanted>) -> Self {
        let now = Instant::now();
        let kept = |(name, quota)| Kept::new(name, quota, now);
        Self {
            quotas: quotas.into_iter().map(kept).collect(),
            teller: Teller::new(params.on_change.clone()),
            params,
            wanted,
            state: State::New,
            late: 0,
        }
    }

    /// Until it is to end, between two exchanges.
    async fn keep(&mut self, store: &impl Store) {
        loop {
            let exchanged = self.exchange(store).await;
            tokio::select! {
                biased;
                () = self.wanted.end.notified() => return,
                () = self.pause(exchanged) => {}
            }
        }
    }

    async fn pause(&self, exchanged: Exchanged) {
        let begins = self.quotas.iter().any(|kept| kept.state == State::Back);
        match self.state {
            State::Silent => sleep(jittered(RETRY)).await,
            // What may be spent comes with the second answer.
            _ if begins => {}
            _ if self.late == 1 => sleep(PAUSE).await,
            _ if self.late > 1 => sleep(jittered(BUSY)).await,
            _ if self.params.strict.is_some() => self.until_asked().await,
            _ => self.until_wanted(exchanged).await,
        }
    }

    /// The last exchange.
    async fn take_leave(&self, store: &impl Store) {
        let now = Instant::now();
        let questions = self
            .quotas
            .iter()
            .filter_map(|Kept { name, quota, .. }| quota.farewell(name.clone(), &self.wanted, now));
        let questions: Vec<_> = questions.collect();
        if !questions.is_empty() {
            let exchange = store.exchange(&self.params.instance, &questions);
            // Nothing is to be done if it has not heard of it.
            drop(timeout(self.params.patience, exchange).await);
        }
    }

    async fn exchange(&mut self, store: &impl Store) -> Exchanged {
        let asked = Instant::now();
        let strict = self.params.strict;
        // One that was late is asked until it is not.
        let all = self.state != State::Answering || self.late > 0;
        let due = self.quotas.iter_mut();
        let mut due: Vec<_> = due.filter(|kept| all || kept.is_due(asked)).collect();
        let questions: Vec<_> = due.iter_mut().map(|kept| kept.question(asked)).collect();
        if questions.is_empty() {
            // That nothing is answered says nothing of the store.
            return Exchanged::default();
        }
        let exchange = store.exchange(&self.params.instance, &questions);
        let result = timeout(self.params.patience, exchange).await;
        let result = result.unwrap_or_else(|_| Err(StoreError::new("no answer in time")));
        let result = result.and_then(|given| match given.len() == questions.len() {
            true => Ok(given),
            false => Err(StoreError::new("not as many answers as questions")),
        });
        let is_late = strict.is_some_and(|within| asked.elapsed() > within);
        let answer = |at: usize| match &result {
            Ok(given) => given.get(at),
            Err(error) => error.answers().get(at)?.as_ref(),
        };

        let mut exchanged = Exchanged::default();
        for (at, (kept, question)) in due.iter_mut().zip(&questions).enumerate() {
            exchanged.busy |= question.is_busy();
            let Some(answer) = answer(at) else {
                kept.unanswered(question, asked);
                continue;
            };
            kept.answered(question, answer, asked, is_late);
            exchanged.in_vain |= answer.is_less_than(question);
        }
        self.late = if is_late { self.late + 1 } else { 0 };
        self.state = State::of(&self.quotas);
        self.tell(result.as_ref().err());
        exchanged
    }

    /// Tells of a change, when it takes effect.
    fn tell(&mut self, error: Option<&StoreError>) {
        let now = Instant::now();
        if self.quotas.iter().any(|kept| kept.is_undecided(now)) {
            return;
        }
        let all = self.quotas.len();
        let silent = self.quotas.iter();
        let silent = silent.filter(|kept| kept.state == State::Silent).count();
        let late = self.params.strict.filter(|_| self.late > 0);
        match (error.filter(|_| silent > 0), late) {
            (Some(error), _) if silent == all => self.teller.is_silent(error),
            (Some(error), _) => self.teller.is_silent_for(silent, all, error),
            // Before an answer was in time, one that is late says nothing yet.
            (None, Some(_)) if self.late == 1 => {}
            (None, Some(within)) => {
                let error = StoreError::new(format!("no answer within {within:?}"));
                self.teller.is_silent(&error);
            }
            (None, None) => self.teller.answers(),
        }
    }

    /// Waits until something is wanted that may be had, or it is time.
    async fn until_wanted(&self, exchanged: Exchanged) {
        sleep(PAUSE).await;
        let partly = self.state == State::Partly;
        let pause = jittered(if exchanged.busy || partly { BUSY } else { IDLE });
        // Whoever wants more than there is would ask without end, and so would those that are not answered.
        let in_vain = exchanged.in_vain || partly;
        // In this order, so that what is simulated comes out the same every time.
        tokio::select! {
            biased;
            () = self.wanted.news.notified() => {}
            () = self.wanted.more.notified(), if !in_vain => {}
            () = sleep(pause) => {}
        }
    }

    /// Waits until a request is there to be asked for, or in a moment what comes back, or it is time.
    async fn until_asked(&self) {
        let now = Instant::now();
        let pauses = self.quotas.iter().map(|kept| {
            let pause = match self.state {
                State::Partly => BUSY,
                _ => kept.pause(),
            };
            pause.saturating_sub(now.duration_since(kept.last))
        });
        let pause = pauses.min().unwrap_or(IDLE);
        let more = async {
            sleep(PAUSE).await;
            self.wanted.more.notified().await;
        };
        tokio::select! {
            biased;
            () = self.wanted.news.notified() => {}
            () = more => {}
            () = sleep(pause) => {}
        }
    }
}

/// A little longer or shorter, at random.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64((2.0 * JITTER).mul_add(fastrand::f64(), 1.0 - JITTER))
}

// ===== impl Answer =====

impl Answer {
    /// True if something was wanted of which there is no more.
    fn is_less_than(&self, asked: &Question) -> bool {
        let mut rates = asked.rates.iter().zip(&self.rates);
        let rates = rates.any(|(rate, given)| rate.ask.want > 0 && given.amount + given.left == 0);
        let slots = asked.slots.is_some_and(|slots| slots.want > self.slots);
        rates || slots
    }
}

// ===== impl Question =====

impl Question {
    /// True if something is asked for.
    fn is_busy(&self) -> bool {
        let rates = self
            .rates
            .iter()
            .any(|rate| rate.ask.want > 0 || rate.ask.alone > 0);
        rates || self.slots.is_some_and(|slots| slots.want > 0)
    }
}
