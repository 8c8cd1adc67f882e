use super::{Alone, Answer, InstanceId, Question, Store, StoreError, Wanted};
use crate::Quota;
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Keeps the quotas of one instance in step with a [`Store`]: a task that ends when this is dropped.
pub struct Keeper {
    task: JoinHandle<()>,
}

/// What a [`Keeper`] goes by.
#[derive(Clone)]
#[non_exhaustive]
pub struct KeeperParams {
    /// This instance, as no other is called.
    pub instance: InstanceId,
    /// What becomes of the limits when the store is silent. Default: [`Alone::Share`] of a half.
    pub alone: Alone,
    /// How long an answer of the store is waited for. Default: 250 ms, so that several tries fit into a lease.
    pub patience: Duration,
    /// Is told when the store falls silent, for all quotas or for some, with the reason, and when it answers for
    /// all of them again. Default: nobody.
    pub on_change: Arc<OnChange>,
}

type OnChange = dyn Fn(Result<(), &StoreError>) + Send + Sync;

/// Between two exchanges while something is asked for.
const BUSY: Duration = Duration::from_millis(100);

/// Between two exchanges while nothing is: twice within a lease, so that one is always held.
const IDLE: Duration = Duration::from_millis(400);

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
            alone: Alone::Share(0.5),
            patience: Duration::from_millis(250),
            on_change: Arc::new(|_| {}),
        }
    }

    /// Sets [`alone`](Self::alone).
    #[must_use]
    pub const fn alone(mut self, alone: Alone) -> Self {
        self.alone = alone;
        self
    }

    /// Sets [`patience`](Self::patience).
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
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
            quota.share(params.alone, wanted.clone());
        }
        let named: HashMap<_, _> = quotas.iter().cloned().collect();
        let heard = move |name: &str, rest| {
            if let Some(quota) = named.get(name) {
                quota.heard(rest);
            }
        };
        let task = tokio::spawn(async move {
            let keep = keep(&store, quotas, params, wanted);
            tokio::join!(keep, store.listen(heard));
        });
        Self { task }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

/// A quota that is kept, and what is known of whoever keeps it.
struct Kept {
    name: Arc<str>,
    quota: Quota,
    state: State,
}

/// What is known of the store, of one quota or of all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing yet.
    New,
    /// It does not answer.
    Silent,
    /// It answers for some.
    Partly,
    /// It has answered once since.
    Back,
    Answering,
}

async fn keep(
    store: &impl Store,
    quotas: Vec<(Arc<str>, Quota)>,
    params: KeeperParams,
    wanted: Arc<Wanted>,
) {
    let kept = |(name, quota)| Kept {
        name,
        quota,
        state: State::New,
    };
    let mut quotas: Vec<_> = quotas.into_iter().map(kept).collect();
    let mut told = State::New;
    let mut last = Instant::now();
    loop {
        let asked = Instant::now();
        let since = asked.duration_since(last).max(PAUSE);
        last = asked;
        let questions: Vec<_> = quotas
            .iter()
            .map(|kept| kept.quota.question(kept.name.clone(), since, asked))
            .collect();
        let busy = questions.iter().any(Question::is_busy);
        let exchange = timeout(
            params.patience,
            store.exchange(&params.instance, &questions),
        );
        let result = exchange
            .await
            .unwrap_or_else(|_| Err(StoreError::new("no answer in time")));
        let result = result.and_then(|given| match given.len() == questions.len() {
            true => Ok(given),
            false => Err(StoreError::new("not as many answers as questions")),
        });
        let answer = |at: usize| match &result {
            Ok(given) => given.get(at),
            Err(error) => error.answers().get(at)?.as_ref(),
        };

        let (mut silent, mut begins, mut in_vain) = (0, false, false);
        for (at, (kept, question)) in quotas.iter_mut().zip(&questions).enumerate() {
            let Some(answer) = answer(at) else {
                kept.quota.unanswered(question);
                kept.state = State::Silent;
                silent += 1;
                continue;
            };
            kept.quota.answered(question, answer, asked);
            in_vain |= answer.is_less_than(question);
            // The first answer says that there is somebody; what may be spent comes with the second.
            kept.state = match kept.state {
                State::Back | State::Answering => State::Answering,
                _ => State::Back,
            };
            begins |= kept.state == State::Back;
        }
        let state = match &result {
            Ok(_) if begins => State::Back,
            Ok(_) => State::Answering,
            Err(_) if silent < quotas.len() => State::Partly,
            Err(_) => State::Silent,
        };
        if state != told && state != State::Back {
            told = state;
            match &result {
                Err(error) if state == State::Partly => {
                    let all = quotas.len();
                    let of = StoreError::new(format!("{error}, for {silent} of {all} quotas"));
                    (params.on_change)(Err(&of));
                }
                Err(error) => (params.on_change)(Err(error)),
                Ok(_) => (params.on_change)(Ok(())),
            }
        }
        if state == State::Silent {
            sleep(jittered(RETRY)).await;
            continue;
        }
        if begins {
            continue;
        }
        sleep(PAUSE).await;
        let partly = state == State::Partly;
        let pause = jittered(if busy || partly { BUSY } else { IDLE });
        if in_vain || partly {
            // Whoever wants more than there is would ask without end, and so would those that are not answered.
            tokio::select! {
                () = sleep(pause) => {}
                () = wanted.news.notified() => {}
            }
            continue;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = wanted.more.notified() => {}
            () = wanted.news.notified() => {}
        }
    }
}

fn jittered(pause: Duration) -> Duration {
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
        rates || self.slots.is_some_and(|slots| slots.used > 0)
    }
}
