//! The script against the plain arithmetic of the shelf, on one sequence of exchanges and one clock.

use super::*;

/// A server whose script asks for the time where a test has put it, so that it goes as the test wants.
struct Clock {
    connection: redis::aio::MultiplexedConnection,
    now: Duration,
}

const WHEN: &str = "redis.call('TIME')";

impl Clock {
    async fn of(server: &RedisServer) -> (Self, RedisStore) {
        let text = include_str!("../exchange.lua");
        assert_eq!(text.matches(WHEN).count(), 1);
        let text = text.replace(WHEN, "redis.call('LRANGE', 'clock', 0, 1)");
        let script = Arc::new(Script::new(&text));
        let one = Server::new(server.url(), script.clone()).unwrap();
        let store = RedisStore::of(Servers::One(Box::new(one)), 0, script, PATIENCE);
        let client = Client::open(server.url()).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        let now = Duration::from_secs(1_700_000_000);
        (Self { connection, now }, store)
    }

    async fn set(&mut self) -> u64 {
        let (seconds, micros) = (self.now.as_secs(), self.now.subsec_micros());
        let mut set = redis::pipe();
        set.del("clock").rpush("clock", &[seconds, micros.into()]);
        let _: (u64, u64) = set.query_async(&mut self.connection).await.unwrap();
        crate::window::micros(self.now)
    }

    /// Most of the time it stands or goes on, now and then it goes back: a little, or by more than any window.
    fn turn(&mut self, rng: &mut fastrand::Rng) {
        let (ahead, back) = match rng.u16(0..512) {
            0 => (0, rng.u64(0..400_000)),
            1..8 => (0, rng.u64(0..40_000)),
            8..80 => (rng.u64(0..25_000), 0),
            80..240 => (rng.u64(0..500), 0),
            _ => (0, 0),
        };
        self.now += Duration::from_millis(ahead);
        self.now -= Duration::from_millis(back);
    }
}

/// The same of windows that are a thousand times as long: they are not to be over by the server's own clock. And
/// now and then the rates come in another order.
fn longer(mut question: Question, rng: &mut fastrand::Rng) -> Question {
    let longer = |time: &mut Duration| *time *= 1000;
    for rate in &mut question.rates {
        longer(&mut rate.width);
        longer(&mut rate.ask.told_age);
        longer(&mut rate.ask.told_lasts);
        rate.ask
            .debts
            .iter_mut()
            .for_each(|debt| longer(&mut debt.age));
    }
    if let Some(slots) = &mut question.slots {
        longer(&mut slots.lapse);
    }
    longer(&mut question.rest);
    longer(&mut question.said);
    if rng.u8(0..4) == 0 {
        question.rates.reverse();
        question
            .requests
            .iter_mut()
            .for_each(|needs| needs.reverse());
    }
    question
}

#[tokio::test]
async fn the_script_keeps_the_rules_of_the_shelf_also_when_the_clock_goes_back() {
    let server = RedisServer::start(&[]).await;
    let (mut clock, store) = Clock::of(&server).await;
    let mut rng = fastrand::Rng::with_seed(11);
    let mut shelf = Shelf::default();
    let mut last = Vec::new();
    let heard = listen(&server).await;
    let mut told = Vec::new();
    let mut seen = [0; 5];
    let (mut mattered, mut waits) = (0, 0);
    for step in 0..3000 {
        let question = longer(question(&mut rng, &last), &mut rng);
        let instance = InstanceId::from(["one", "two", "three"][rng.usize(0..3)]);
        let now = clock.set().await;
        let answers = store
            .exchange(&instance, std::slice::from_ref(&question))
            .await;
        let answer = &answers.unwrap()[0];
        assert_eq!(answer.rates[0].at, now);
        let mut untold = question.clone();
        untold.rates.iter_mut().for_each(|rate| rate.ask.told = 0);
        let untold = shelf.clone().exchange(&instance, &untold, now);
        let mut expected = shelf.exchange(&instance, &question, now);
        let news = shelf.take_news().into_iter();
        told.extend(news.map(|news| words("account", news)));
        if step == 0 {
            assert_eq!(answer.memory, now, "it is called by when it began");
        }
        mattered += u32::from(untold.rates != expected.rates);
        waits += u32::from(answer.rates[0].one_fits < answer.rates[0].need_fits);
        expected.memory = answer.memory;
        assert_eq!(*answer, expected, "step {step}: {question:?}");
        for decision in &answer.decisions {
            seen[match decision {
                Decision::Admitted => 0,
                Decision::Used { rate, .. } => 1 + rate,
                Decision::Full => 4,
            }] += 1;
        }
        last.push(now);
        if last.len() > 8 {
            last.remove(0);
        }
        clock.turn(&mut rng);
    }
    for news in ["Rest", "Awake", "Empty"] {
        let told = told.iter().filter(|told| told.contains(news)).count();
        assert!(told > 5, "{news}: {told}");
    }
    assert!(
        mattered > 20,
        "{mattered} times more is used than is counted"
    );
    assert!(waits > 20, "{waits} times more does not fit before less");
    assert!(seen.iter().all(|times| *times > 20), "{seen:?}");
    until(|| heard.lock().len() >= told.len()).await;
    assert_eq!(*heard.lock(), told, "what is news is published");
}
