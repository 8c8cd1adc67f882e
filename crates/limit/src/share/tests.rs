//! Several instances over one store, on paused time: what goes through in all.

use super::*;
use crate::{Limits, Quota, Reservation, Tokens};
use headworks_core::Reason;
use parking_lot::Mutex;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::time::{Instant, sleep, timeout};

mod changes;
mod close;
mod pace;
mod part;
mod silence;
mod slots;
mod strict;
mod told;
mod wait;
mod woken;

/// A store behind a network that is slow, and can be cut.
#[derive(Clone)]
struct Remote {
    store: MemoryStore,
    latency: Duration,
    /// Nothing arrives.
    cut: Arc<AtomicBool>,
    /// What arrives is not answered.
    mute: Arc<AtomicBool>,
    /// What others are told is not heard.
    deaf: Arc<AtomicBool>,
    exchanges: Arc<AtomicU64>,
    /// It keeps nothing for quotas of this name.
    lost: Arc<Mutex<Option<&'static str>>>,
}

impl Remote {
    fn new(latency: Duration) -> Self {
        Self {
            store: MemoryStore::new(),
            latency,
            cut: Arc::default(),
            mute: Arc::default(),
            deaf: Arc::default(),
            exchanges: Arc::default(),
            lost: Arc::default(),
        }
    }
}

impl Store for Remote {
    type Future = Pin<Box<dyn Future<Output = Result<Vec<Answer>, StoreError>> + Send>>;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        let (this, instance, questions) = (self.clone(), instance.clone(), questions.to_vec());
        Box::pin(async move {
            if this.cut.load(Ordering::Relaxed) {
                return Err(StoreError::new("cut off"));
            }
            // As a client of Redis does.
            if questions.is_empty() {
                return Ok(Vec::new());
            }
            sleep(this.latency / 2).await;
            this.exchanges.fetch_add(1, Ordering::Relaxed);
            let answers = this.store.exchange(&instance, &questions).await;
            if this.mute.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            sleep(this.latency / 2).await;
            let Some(lost) = *this.lost.lock() else {
                return answers;
            };
            let asked = questions.iter().map(|question| &*question.quota);
            let answers = asked
                .zip(answers?)
                .map(|(quota, answer)| (quota != lost).then_some(answer));
            Err(StoreError::new("a shard is down").but(answers.collect()))
        })
    }

    async fn listen(&self, heard: impl Fn(&str, News<'_>) + Send + Sync + 'static) {
        let deaf = self.deaf.clone();
        let heard = move |quota: &str, news: News<'_>| {
            if !deaf.load(Ordering::Relaxed) {
                heard(quota, news);
            }
        };
        self.store.listen(heard).await;
    }
}

/// One process of many.
struct Instance {
    quota: Quota,
    /// Dropped when it crashes.
    keeper: Option<Keeper>,
}

/// Everything that was admitted anywhere.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Instant, u64)>>>);

impl Log {
    fn admitted(&self, amount: u64) {
        self.0.lock().push((Instant::now(), amount));
    }

    fn all(&self) -> u64 {
        self.0.lock().iter().map(|(_, amount)| amount).sum()
    }

    /// The most that was admitted in any sixty seconds.
    fn busiest_minute(&self) -> u64 {
        let log = self.0.lock();
        let (mut begin, mut sum, mut most) = (0, 0, 0);
        for (at, amount) in log.iter() {
            sum += amount;
            while *at - log[begin].0 >= Duration::from_secs(60) {
                sum -= log[begin].1;
                begin += 1;
            }
            most = most.max(sum);
        }
        most
    }
}

fn instance(number: usize, limits: &Limits, store: impl Store, alone: Alone) -> Instance {
    let began = Duration::from_secs(1_000_000_000 + 11 * number as u64);
    let quota = Quota::starting(limits.clone(), began);
    let params = KeeperParams::new(format!("instance {number}").as_str()).alone(alone);
    let keeper = Keeper::spawn(store, [("account".into(), quota.clone())], params);
    Instance {
        quota,
        keeper: Some(keeper),
    }
}

fn instances(n: usize, limits: &Limits, store: &Remote) -> Vec<Instance> {
    alike(n, limits, store, Alone::Closed)
}

/// The same, which do so while the store is silent.
fn alike(n: usize, limits: &Limits, store: &Remote, alone: Alone) -> Vec<Instance> {
    let make = |number| instance(number, limits, store.clone(), alone);
    (0..n).map(make).collect()
}

/// Sends a request whenever it may, `per_second` at most, and logs what is admitted.
async fn demand(quota: &Quota, log: &Log, cost: Tokens, per_second: u32, lasts: Duration) {
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        if let Ok(reservation) = quota.reserve(cost, Instant::now()) {
            log.admitted(cost.total().max(1));
            reservation.settle(cost);
        }
        sleep(Duration::from_secs(1) / per_second).await;
    }
}

const SETTLE: Duration = Duration::from_millis(900);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn more_demand_than_there_is_room_for_uses_all_of_it_and_no_more() {
    for n in [1, 2, 5] {
        let store = Remote::new(Duration::from_millis(2));
        let instances = instances(n, &Limits::new().rpm(60), &store);
        sleep(SETTLE).await;
        let log = Log::default();
        let lasts = Duration::from_secs(55);
        let all = instances
            .iter()
            .map(|instance| demand(&instance.quota, &log, Tokens::NONE, 20, lasts));
        futures(all).await;
        assert_eq!(log.all(), 60, "{n} instances");
    }
}

#[tokio::test(start_paused = true)]
async fn no_minute_sees_more_than_the_limit_over_all_instances() {
    for (n, limit) in [(2, 60), (5, 7), (5, 6000), (20, 100)] {
        let store = Remote::new(Duration::from_millis(5));
        let instances = instances(n, &Limits::new().rpm(limit), &store);
        let log = Log::default();
        // Demand that wanders: each has its own waves.
        let waves = instances.iter().enumerate().map(|(number, instance)| {
            let log = log.clone();
            let mut rng = fastrand::Rng::with_seed(number as u64);
            async move {
                for _ in 0..20 {
                    sleep(Duration::from_millis(rng.u64(0..9000))).await;
                    let rate = rng.u32(1..200);
                    let lasts = Duration::from_millis(rng.u64(100..6000));
                    demand(&instance.quota, &log, Tokens::NONE, rate, lasts).await;
                }
            }
        });
        futures(waves).await;
        let busiest = log.busiest_minute();
        assert!(busiest <= limit, "{busiest} of {limit} over {n}");
        assert!(
            busiest * 10 >= limit * 9,
            "{busiest} of {limit} over {n} are used"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_has_all_the_demand_has_nearly_all_of_the_limit() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = instances(5, &Limits::new().rpm(600), &store);
    let log = Log::default();
    demand(&instances[0].quota, &log, Tokens::NONE, 100, 10 * MINUTE).await;
    let share = log.all() as f64 / 6000.0;
    // The first minute's worth comes at once.
    assert!((0.95..=1.1).contains(&share), "{share}");
    let exchanges = store.exchanges.load(Ordering::Relaxed) as f64 / 600.0;
    assert!(exchanges < 30.0, "{exchanges} a second");
}

#[tokio::test(start_paused = true)]
async fn while_there_is_room_nobody_is_refused_whatever_the_store_does() {
    let store = Remote::new(Duration::from_millis(60));
    let limits = Limits::new().rpm(1_000_000).parallel(1000);
    let instances = alike(3, &limits, &store, Alone::Share(0.5));
    sleep(SETTLE).await;
    let mut rng = fastrand::Rng::with_seed(3);
    for step in 0..20_000 {
        for one in &instances {
            let reserved = one.quota.reserve(Tokens::NONE, Instant::now());
            reserved.unwrap().settle(Tokens::NONE);
        }
        // Now and then nothing is asked for, and now and then the store is silent, or has forgotten everything.
        if rng.u8(0..200) == 0 {
            store.store.clear();
        }
        let pause = if rng.u8(0..100) == 0 {
            3000
        } else {
            rng.u64(1..20)
        };
        sleep(Duration::from_millis(pause)).await;
        store.cut.store(step % 5000 > 4000, Ordering::Relaxed);
        store.mute.store(step % 7000 > 6500, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_were_not_needed_come_back_to_all() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = instances(2, &Limits::new().tpm(1000), &store);
    sleep(SETTLE).await;
    let [one, two] = &instances[..] else {
        panic!("two")
    };
    // The first reserves all there is, and uses a tenth of it.
    let held = until_reserved(&one.quota, Tokens::new(900, 0)).await;
    assert!(
        two.quota
            .reserve(Tokens::new(500, 0), Instant::now())
            .is_err()
    );
    held.settle(Tokens::new(90, 0));
    let more = until_reserved(&two.quota, Tokens::new(900, 0)).await;
    more.settle(Tokens::new(910, 0));
    sleep(SETTLE).await;
    let left = two.quota.reserve(Tokens::new(1, 0), Instant::now());
    assert!(left.is_err(), "what was used beyond the estimate is owed");
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_the_limit_goes_alone_over_all_instances() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = instances(3, &Limits::new().tpm(100), &store);
    sleep(SETTLE).await;
    let large = until_reserved(&instances[0].quota, Tokens::new(500, 0)).await;
    large.settle(Tokens::new(500, 0));
    let began = Instant::now();
    until_reserved(&instances[1].quota, Tokens::new(1, 0))
        .await
        .settle(Tokens::new(1, 0));
    assert!(began.elapsed() >= MINUTE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn slots_are_shared_and_come_back() {
    let store = Remote::new(Duration::from_millis(5));
    let instances = instances(3, &Limits::new().parallel(10), &store);
    sleep(SETTLE).await;
    let mut held = Vec::new();
    let all = Log::default();
    for round in 0..40 {
        for instance in &instances {
            if let Ok(one) = instance.quota.reserve(Tokens::NONE, Instant::now()) {
                held.push(one);
                all.admitted(1);
            }
        }
        sleep(Duration::from_millis(50)).await;
        assert!(held.len() <= 10, "{} in round {round}", held.len());
    }
    assert_eq!(held.len(), 10, "all of them are used");
    drop(held);
    sleep(Duration::from_secs(2)).await;
    // One alone may have nearly all, when the others want none.
    let mut held = Vec::new();
    for _ in 0..40 {
        held.extend(instances[0].quota.reserve(Tokens::NONE, Instant::now()));
        sleep(Duration::from_millis(50)).await;
    }
    assert!((8..=10).contains(&held.len()), "{}", held.len());
}

#[tokio::test(start_paused = true)]
async fn a_rest_is_told_to_all_at_once_and_to_who_is_deaf_by_the_next_exchange() {
    for (deaf, within) in [(false, 10), (true, 450)] {
        let store = Remote::new(Duration::from_millis(4));
        store.deaf.store(deaf, Ordering::Relaxed);
        let instances = instances(3, &Limits::new().rpm(100), &store);
        sleep(SETTLE).await;
        let rest = |seconds| {
            let rest = Duration::from_secs(seconds);
            instances[0].quota.rest(rest, Instant::now());
        };
        rest(30);
        sleep(Duration::from_millis(within)).await;
        for instance in &instances {
            let standing = instance.quota.standing(Instant::now());
            assert!(matches!(standing, Err(Reason::Resting(_))), "{standing:?}");
        }
        // A shorter one changes nothing for anybody.
        rest(3);
        sleep(Duration::from_secs(29)).await;
        assert!(instances[2].quota.standing(Instant::now()).is_err());
        sleep(Duration::from_secs(2)).await;
        assert!(instances[2].quota.standing(Instant::now()).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rest_is_told_at_once_where_everything_is_used_up_and_asked_for() {
    let store = Remote::new(Duration::from_millis(4));
    let instances = instances(2, &Limits::new().rpm(10), &store);
    sleep(SETTLE).await;
    let log = Log::default();
    let spell = Duration::from_secs(3);
    demand(&instances[0].quota, &log, Tokens::NONE, 100, spell).await;
    assert_eq!(log.all(), 10);
    for moment in 0..20 {
        sleep(Duration::from_millis(7)).await;
        drop(instances[0].quota.reserve(Tokens::NONE, Instant::now()));
        let rest = Duration::from_secs(100 + moment);
        instances[0].quota.rest(rest, Instant::now());
        sleep(Duration::from_millis(15)).await;
        let standing = instances[1].quota.standing(Instant::now());
        let Err(Reason::Resting(left)) = standing else {
            panic!("{standing:?}");
        };
        assert!(left > rest - Duration::from_millis(100), "{left:?}");
    }
}

async fn until_reserved(quota: &Quota, cost: Tokens) -> Reservation {
    let asking = async {
        loop {
            if let Ok(reservation) = quota.reserve(cost, Instant::now()) {
                return reservation;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(5 * MINUTE, asking).await.unwrap()
}

/// All of them at once.
async fn futures<F: Future<Output = ()>>(all: impl IntoIterator<Item = F>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
