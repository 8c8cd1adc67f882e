//! What is said of the store, and when.

use super::*;

/// What was said, and when.
type Said = Arc<Mutex<Vec<(Instant, Result<(), String>)>>>;

const WITHIN: Duration = Duration::from_millis(20);

/// A quota that admits nothing by itself, and what is said of the store that it is shared over.
fn keep(store: &impl Saying, strict: Option<Duration>) -> (Said, Quota, Keeper) {
    keep_of(Limits::new().rpm(1000), store, strict)
}

fn keep_of(limits: Limits, store: &impl Saying, strict: Option<Duration>) -> (Said, Quota, Keeper) {
    let said = Said::default();
    let tell = said.clone();
    let mut params = KeeperParams::new("one").alone(Alone::Closed);
    if let Some(within) = strict {
        params = params.strict(within);
    }
    let params = params.on_change(move |state| {
        let state = state.map_err(ToString::to_string);
        tell.lock().push((Instant::now(), state));
    });
    let quota = Quota::new(limits);
    let named = [("q".into(), quota.clone())];
    let keeper = Keeper::spawn(store.clone(), named, params);
    (said, quota, keeper)
}

trait Saying: Store + Clone {}

impl<T: Store + Clone> Saying for T {}

fn states(said: &Said) -> Vec<Result<(), String>> {
    said.lock().iter().map(|(_, state)| state.clone()).collect()
}

fn is_alone(quota: &Quota) -> bool {
    quota.standing(Instant::now()).is_err()
}

#[tokio::test(start_paused = true)]
async fn changes_of_the_store_are_told_once() {
    let store = Remote::new(Duration::from_millis(5));
    let (said, ..) = &keep(&store, None);
    for cut in [false, true, false] {
        store.cut.store(cut, Ordering::Relaxed);
        sleep(5 * LEASE).await;
    }
    let expected = [Ok(()), Err("cut off".to_owned()), Ok(())];
    assert_eq!(states(said), expected);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_misses_a_question_now_and_then_is_not_told_of() {
    for strict in [None, Some(WITHIN)] {
        let store = Remote::new(Duration::from_millis(4));
        let (said, quota, _keeper) = keep(&store, strict);
        sleep(SETTLE).await;
        for _ in 0..40 {
            for mute in [true, false] {
                store.mute.store(mute, Ordering::Relaxed);
                for _ in 0..30 {
                    sleep(Duration::from_millis(10)).await;
                    // Where requests are asked for, somebody has to ask.
                    drop(quota.ask(Tokens::NONE, Instant::now()));
                }
            }
            sleep(LEASE / 3).await;
        }
        assert_eq!(states(&said), [Ok(())], "{strict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_quotas_that_are_seldom_asked_for_one_missed_question_is_no_silence_and_several_are() {
    for strict in [None, Some(WITHIN)] {
        let store = Remote::new(Duration::from_millis(4));
        let (said, ..) = &keep_of(Limits::new(), &store, strict);
        sleep(SETTLE).await;
        for moment in 0..40 {
            store.mute.store(true, Ordering::Relaxed);
            sleep(Duration::from_millis(300)).await;
            store.mute.store(false, Ordering::Relaxed);
            sleep(Duration::from_millis(700 + 13 * moment)).await;
        }
        assert_eq!(states(said), [Ok(())], "{strict:?}");
        store.cut.store(true, Ordering::Relaxed);
        sleep(4 * LEASE).await;
        store.cut.store(false, Ordering::Relaxed);
        sleep(LEASE).await;
        let silent = Err("cut off".to_owned());
        assert_eq!(states(said), [Ok(()), silent, Ok(())], "{strict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_it_is_silent_is_told_when_it_takes_effect_and_not_half_a_second_later() {
    for mute in [false, true] {
        for moment in 0..20 {
            let store = Remote::new(Duration::from_millis(4));
            let (said, quota, _keeper) = keep(&store, None);
            sleep(SETTLE + Duration::from_millis(23) * moment).await;
            let silent = if mute { &store.mute } else { &store.cut };
            silent.store(true, Ordering::Relaxed);
            while !is_alone(&quota) {
                assert_eq!(states(&said), [Ok(())]);
                sleep(Duration::from_millis(1)).await;
            }
            let alone = Instant::now();
            sleep(2 * LEASE).await;
            let said = said.lock();
            assert_eq!(said.len(), 2, "{said:?}");
            let after = said[1].0 - alone;
            assert!(after < Duration::from_millis(500), "{after:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_late_are_told_of_when_none_has_been_in_time_for_as_long() {
    let store = Lagging::default();
    let (said, quota, _keeper) = keep(&store, Some(WITHIN));
    sleep(SETTLE).await;
    // One that is late now and then is none.
    for _ in 0..20 {
        *store.lag.lock() = 2 * WITHIN;
        drop(quota.ask(Tokens::NONE, Instant::now()));
        sleep(WITHIN).await;
        *store.lag.lock() = WITHIN / 4;
        sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(states(&said), [Ok(())]);
    *store.lag.lock() = 2 * WITHIN;
    let began = Instant::now();
    sleep(3 * LEASE).await;
    *store.lag.lock() = WITHIN / 4;
    sleep(LEASE).await;
    let late = Err("no answer within 20ms".to_owned());
    assert_eq!(states(&said), [Ok(()), late, Ok(())]);
    let after = said.lock()[1].0 - began;
    assert!(after > Duration::from_millis(300), "{after:?}");
    assert!(after < Duration::from_millis(1000), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn of_a_silence_each_reason_is_told_once() {
    let store = Refusing::default();
    let (said, ..) = &keep(&store, None);
    let because = async |reason: Option<&'static str>| {
        *store.reason.lock() = reason;
        sleep(2 * LEASE).await;
    };
    because(None).await;
    for _ in 0..3 {
        because(Some("refused")).await;
        because(Some("the password is wrong")).await;
    }
    because(None).await;
    because(Some("refused")).await;
    let [refused, wrong] = ["refused", "the password is wrong"].map(|why| Err(why.to_owned()));
    let expected = [Ok(()), refused.clone(), wrong, Ok(()), refused];
    assert_eq!(states(said), expected);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_gives_another_reason_each_time_is_not_told_of_without_end() {
    let store = Refusing::default();
    *store.reason.lock() = Some("of another time");
    store.numbered.store(true, Ordering::Relaxed);
    let (said, ..) = &keep(&store, None);
    sleep(MINUTE).await;
    assert_eq!(said.lock().len(), 8);
}

/// A store that takes its time.
#[derive(Clone, Default)]
struct Lagging {
    store: MemoryStore,
    lag: Arc<Mutex<Duration>>,
}

impl Store for Lagging {
    type Future = Pin<Box<dyn Future<Output = Result<Vec<Answer>, StoreError>> + Send>>;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        let answers = self.store.exchange(instance, questions);
        let lag = *self.lag.lock();
        Box::pin(async move {
            sleep(lag).await;
            answers.await
        })
    }
}

/// A store that says why it does not answer.
#[derive(Clone, Default)]
struct Refusing {
    store: MemoryStore,
    reason: Arc<Mutex<Option<&'static str>>>,
    /// Each time another.
    numbered: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Store for Refusing {
    type Future = std::future::Ready<Result<Vec<Answer>, StoreError>>;

    fn exchange(&self, instance: &InstanceId, questions: &[Question]) -> Self::Future {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        match *self.reason.lock() {
            None => self.store.exchange(instance, questions),
            Some(reason) if self.numbered.load(Ordering::Relaxed) => {
                std::future::ready(Err(StoreError::new(format!("{reason} {asked}"))))
            }
            Some(reason) => std::future::ready(Err(StoreError::new(reason))),
        }
    }
}
