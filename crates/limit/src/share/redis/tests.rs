//! Against a real server.

mod cluster;
mod rules;
mod sentinel;
mod slow;

use super::*;
use crate::{
    Limits, Quota, Tokens,
    share::{
        Alone, Ask, Debt, Decision, Keeper, KeeperParams, RateQuestion, Return, SlotQuestion,
        shelf::Shelf,
    },
};
use headworks_core::Reason;
use headworks_upstream::RedisServer;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, sleep},
};

const PATIENCE: Duration = Duration::from_secs(5);

fn question(rng: &mut fastrand::Rng, last: &[u64]) -> Question {
    let mut returns = Vec::new();
    for _ in 0..rng.usize(0..3) {
        if let Some(at) = rng.choice(last) {
            returns.push(Return {
                at: *at,
                amount: rng.u64(0..20),
            });
        }
    }
    let mut debts = Vec::new();
    for _ in 0..rng.usize(0..4).saturating_sub(1) {
        debts.push(Debt {
            age: Duration::from_millis(rng.u64(0..120)),
            amount: rng.u64(0..5),
        });
    }
    let alone = if rng.u8(0..20) == 0 { 150 } else { 0 };
    let rate = |name, width, buckets, ask| RateQuestion {
        name,
        limit: 100,
        width: Duration::from_millis(width),
        buckets,
        offset: Duration::from_millis(3),
        ask,
    };
    let ask = Ask {
        returns,
        debts,
        want: rng.u64(0..60).saturating_sub(20),
        held: rng.u64(0..10),
        advance: rng.u64(0..20),
        alone,
        need: rng.u64(0..120),
        told: rng.u64(0..420).saturating_sub(300),
        told_age: Duration::from_millis(rng.u64(0..120)),
        told_lasts: Duration::ZERO,
    };
    // A window that lets go of nothing before it is over.
    let fixed = Ask {
        alone: 0,
        told_age: Duration::ZERO,
        told_lasts: Duration::from_millis(rng.u64(1..40)),
        ..ask.clone()
    };
    let used = rng.u64(0..6);
    Question {
        quota: "account".into(),
        rates: vec![
            rate("rpm", 20, 5, ask.clone()),
            rate("tpm", 7, 5, Ask { alone: 0, ..ask }),
            rate("tpd", 50, 1, fixed),
        ],
        slots: rng.bool().then(|| SlotQuestion {
            limit: 10,
            used,
            want: (used + rng.u64(0..6)).saturating_sub(2),
            advance: rng.u64(0..3),
            lapse: Duration::from_millis(40),
        }),
        rest: Duration::from_millis(rng.u64(0..200).saturating_sub(190)),
        heard: match (last.last(), rng.u8(0..50)) {
            (Some(last), 0) => last + 2_000_000,
            (Some(last), _) => *last,
            (None, _) => 0,
        },
        woken: rng.u8(0..20) == 0,
        leaves: rng.u8(0..20) == 0,
        said: Duration::from_millis(rng.u64(0..40).saturating_sub(20)),
        requests: (0..rng.usize(0..4))
            .map(|_| match rng.u8(0..10) {
                0 => vec![1, 150, 1],
                _ => vec![rng.u64(0..30), rng.u64(0..40), rng.u64(0..40)],
            })
            .collect(),
    }
}

type Heard = Arc<Mutex<Vec<String>>>;

fn words(quota: &str, news: News<'_>) -> String {
    format!("{quota}: {news:?}")
}

/// Hears of what is published, from now on.
async fn listen(server: &RedisServer) -> Heard {
    let store = RedisStore::new(&server.url(), PATIENCE).unwrap();
    let heard = Heard::default();
    let tell = heard.clone();
    let channel = store.rests.channel().to_owned();
    tokio::spawn(async move {
        let tell = move |quota: &str, news: News<'_>| tell.lock().push(words(quota, news));
        store.listen(tell).await;
    });
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        let mut count = redis::cmd("PUBSUB");
        count.arg("NUMSUB").arg(&channel);
        let (_, listeners): (String, u64) = count.query_async(&mut connection).await.unwrap();
        if listeners > 0 {
            return heard;
        }
        assert!(Instant::now() < end, "nobody listens");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it does not come about");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn whoever_listens_listens_again_after_the_server_was_gone() {
    let mut server = RedisServer::start(&[]).await;
    listen(&server).await;
    let heard = listen(&server).await;
    server.kill();
    server.start_again().await;
    let store = RedisStore::new(&server.url(), PATIENCE).unwrap();
    let mut question = question(&mut fastrand::Rng::with_seed(1), &[]);
    let end = Instant::now() + PATIENCE;
    while heard.lock().is_empty() {
        assert!(Instant::now() < end, "it is not heard again");
        question.rest += Duration::from_secs(1);
        let one = std::slice::from_ref(&question);
        drop(store.exchange(&"one".into(), one).await);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_user_that_may_not_publish_shares_all_the_same() {
    let user = "--user default on nopass ~* resetchannels +@all";
    let user: Vec<_> = user.split(' ').collect();
    let server = RedisServer::start(&user).await;
    let store = RedisStore::new(&server.url(), PATIENCE).unwrap();
    let mut question = question(&mut fastrand::Rng::with_seed(1), &[]);
    question.rest = Duration::from_secs(30);
    let questions = [question];
    let answers = store.exchange(&"one".into(), &questions).await.unwrap();
    assert_eq!(answers[0].rest, questions[0].rest);
    let answers = store.exchange(&"two".into(), &questions).await.unwrap();
    assert!(answers[0].rest >= questions[0].rest);
}

#[tokio::test]
async fn databases_of_one_server_do_not_hear_each_other() {
    let channel = |url| {
        RedisStore::new(url, PATIENCE)
            .unwrap()
            .rests
            .channel()
            .to_owned()
    };
    assert_eq!(channel("redis://localhost"), channel("redis://localhost/0"));
    assert_ne!(
        channel("redis://localhost/1"),
        channel("redis://localhost/0")
    );
}

#[tokio::test]
async fn a_number_that_nobody_can_mean_uses_up_no_more_than_a_window() {
    let server = RedisServer::start(&[]).await;
    let instances = share(&server, 2, &Limits::new().tpm(1000), Alone::Closed);
    let (quota, _keeper) = &instances[0];
    let end = Instant::now() + PATIENCE;
    let huge = loop {
        match quota.reserve(Tokens::new(u64::MAX, u64::MAX), Instant::now()) {
            Ok(huge) => break huge,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
        assert!(Instant::now() < end, "it goes alone");
    };
    // It was never sent: the others have the limit again.
    huge.refund();
    let (other, _keeper) = &instances[1];
    while other.reserve(Tokens::new(500, 0), Instant::now()).is_err() {
        assert!(Instant::now() < end, "it comes back");
        sleep(Duration::from_millis(10)).await;
    }
}

fn share(server: &RedisServer, n: usize, limits: &Limits, alone: Alone) -> Vec<(Quota, Keeper)> {
    let one = |number| {
        let quota = Quota::new(limits.clone());
        let name = format!("instance {number}");
        let params = KeeperParams::new(name.as_str()).alone(alone);
        let store = RedisStore::new(&server.url(), Duration::from_millis(250)).unwrap();
        let keeper = Keeper::spawn(store, [("account".into(), quota.clone())], params);
        (quota, keeper)
    };
    (0..n).map(one).collect()
}

/// Asks of each in turn until nothing is admitted for `quiet`, and counts what is.
async fn ask_all(instances: &[(Quota, Keeper)], quiet: Duration) -> u64 {
    ask_each(instances.iter().map(|(quota, _)| quota), quiet).await
}

async fn ask_each(quotas: impl IntoIterator<Item = &Quota>, quiet: Duration) -> u64 {
    let quotas: Vec<_> = quotas.into_iter().collect();
    let admitted = AtomicU64::new(0);
    let mut last = Instant::now();
    while last.elapsed() < quiet {
        for quota in &quotas {
            let asked = Instant::now();
            if let Ok(reservation) = quota.reserve(Tokens::NONE, asked) {
                reservation.settle(Tokens::NONE);
                admitted.fetch_add(1, Ordering::Relaxed);
                last = asked;
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
    admitted.into_inner()
}

#[tokio::test]
async fn several_instances_use_a_limit_to_the_last_and_no_more() {
    for n in [2, 5] {
        let server = RedisServer::start(&[]).await;
        let mut instances = share(&server, n + 1, &Limits::new().rpm(100), Alone::Closed);
        let (idle, _keeper) = instances.pop().unwrap();
        let admitted = ask_all(&instances, Duration::from_secs(3)).await;
        assert_eq!(admitted, 100, "{n} instances");
        // One that has used nothing of it is told for how long it is used up.
        let refused = idle.reserve(Tokens::NONE, Instant::now()).unwrap_err();
        let left = refused.reason().left().unwrap();
        assert!(left > Duration::from_secs(40), "{left:?}");
    }
}

#[tokio::test]
async fn a_server_that_stops_is_done_without_and_one_that_is_back_is_used_again() {
    let mut server = RedisServer::start(&[]).await;
    let instances = share(&server, 2, &Limits::new().rpm(100), Alone::Share(0.5));
    let before = ask_all(&instances, Duration::from_secs(2)).await;
    assert_eq!(before, 100);

    // It hangs: whoever asks is answered at once all the same, by what is known.
    server.pause();
    let during = ask_all(&instances, Duration::from_secs(2)).await;
    assert_eq!(during, 0, "nothing was left when it fell silent");
    server.resume();

    // It has forgotten everything: it is told.
    server.kill();
    server.start_again().await;
    let after = ask_all(&instances, Duration::from_secs(3)).await;
    assert!(
        after <= 60,
        "{after}: what is granted before both have told theirs"
    );
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again_in_the_same_exchange() {
    let server = RedisServer::start(&[]).await;
    let store = RedisStore::new(&server.url(), PATIENCE).unwrap();
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    for _ in 0..5 {
        store.exchange(&"one".into(), &question).await.unwrap();
        assert_eq!(server.cli(&["CLIENT", "KILL", "TYPE", "normal"]), "1");
    }
    // One that is not to be had any more is told of for what it is now.
    assert_eq!(server.cli(&["CONFIG", "SET", "requirepass", "other"]), "OK");
    let error = store.exchange(&"one".into(), &question).await.unwrap_err();
    assert!(error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn a_rest_without_end_is_one_that_it_can_count() {
    let server = RedisServer::start(&[]).await;
    let limits = Limits::new().rpm(10);
    let instances = share(&server, 2, &limits, Alone::Closed);
    let [one, two] = [0, 1].map(|number: usize| &instances[number].0);
    until(|| one.standing(Instant::now()).is_ok()).await;
    one.rest(Duration::MAX, Instant::now());
    let rests = |quota: &Quota| matches!(quota.standing(Instant::now()), Err(Reason::Resting(_)));
    until(|| rests(two)).await;
    one.wake(Instant::now());
    until(|| two.standing(Instant::now()).is_ok()).await;
}

#[tokio::test]
async fn a_server_that_is_back_with_what_it_knew_before_is_told_the_rest() {
    let mut server = RedisServer::start(&[]).await;
    let instances = share(&server, 2, &Limits::new().rpm(100), Alone::Closed);
    until(|| instances[0].0.reserve(Tokens::NONE, Instant::now()).is_ok()).await;
    assert_eq!(server.cli(&["SAVE"]), "OK");
    let saved = Instant::now();
    ask_all(&instances, Duration::from_secs(2)).await;
    assert!(saved.elapsed() > 2 * crate::share::LEASE);
    server.kill();
    server.start_again().await;
    let keys = server.cli(&["KEYS", "*quota"]);
    assert!(keys.contains("account"), "it knows what it did: {keys:?}");
    let after = ask_all(&instances, Duration::from_secs(3)).await;
    assert!(
        after <= 60,
        "{after}: what is granted before both have told theirs"
    );
}

#[tokio::test]
async fn a_server_that_is_full_goes_on_with_what_it_knows_and_takes_nothing_new() {
    let server = RedisServer::start(&["--maxmemory-policy", "noeviction"]).await;
    let store = RedisStore::new(&server.url(), PATIENCE).unwrap();
    let known = question(&mut fastrand::Rng::with_seed(1), &[]);
    let mut new = known.clone();
    new.quota = "new".into();
    let ask = async |question: &Question| {
        let answer = store.exchange(&"one".into(), std::slice::from_ref(question));
        answer.await.map_err(|error| error.to_string())
    };
    ask(&known).await.unwrap();
    assert_eq!(server.cli(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    ask(&known).await.unwrap();
    let told = ask(&new).await.unwrap_err();
    assert!(told.starts_with("its memory is full"), "{told}");
    assert_eq!(server.cli(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    ask(&new).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words_and_without_the_password() {
    let server = RedisServer::start(&["--requirepass", "sesame"]).await;
    let wrong = format!("{}?pass=canary", server.url());
    let store = RedisStore::new(&wrong, PATIENCE).unwrap();
    let error = store.exchange(&"one".into(), &[]).await;
    let question = question(&mut fastrand::Rng::with_seed(1), &[]);
    let error = match error {
        Ok(_) => store
            .exchange(&"one".into(), &[question])
            .await
            .unwrap_err(),
        Err(error) => error,
    };
    let told = error.to_string();
    assert!(told.starts_with("the user or password is wrong"), "{told}");

    let error = RedisStore::new("http://user:canary@host", PATIENCE).unwrap_err();
    assert!(error.to_string().contains("redis://"), "{error}");
    assert!(!format!("{error:?} {error}").contains("canary"));
}

/// Why this store does not answer.
async fn why(store: Result<RedisStore, StoreError>) -> String {
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    let answer = store.unwrap().exchange(&"one".into(), &question).await;
    answer.unwrap_err().to_string()
}

#[tokio::test]
async fn a_login_that_is_wrong_is_told_by_what_is_wrong_and_right_when_it_is_mended() {
    let (server, port) = RedisServer::start_on_port(&["--requirepass", "sesame"]).await;
    let at = Address::new("127.0.0.1", port);
    let login = |db, password: Option<&str>| {
        let mut login = Login::default();
        (login.db, login.password) = (db, password.map(Into::into));
        RedisStore::server(&at, &login, PATIENCE)
    };
    for (db, password, told) in [
        (0, Some("canary"), "the user or password is wrong"),
        (0, None, "it wants a password"),
        (99, Some("sesame"), "it has no database of this number"),
    ] {
        let why = why(login(db, password)).await;
        assert_eq!(why, format!("{told} (at 127.0.0.1:{port})"));
    }
    let store = login(0, Some("another")).unwrap();
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    assert!(store.exchange(&"one".into(), &question).await.is_err());
    let set = ["-a", "sesame", "CONFIG", "SET", "requirepass", "another"];
    assert_eq!(server.cli(&set), "OK");
    let end = Instant::now() + PATIENCE;
    while let Err(error) = store.exchange(&"one".into(), &question).await {
        assert!(Instant::now() < end, "{error}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_port_that_wants_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    // What a server for TLS says to anything else: an alert of its protocol.
    let alert = async || {
        let (mut client, _) = listener.accept().await.unwrap();
        client.read_u8().await.unwrap();
        client.write_all(&[21, 3, 1, 0, 2, 2, 10]).await.unwrap();
    };
    let at = Address::new(at.ip().to_string(), at.port());
    let store = RedisStore::server(&at, &Login::default(), PATIENCE);
    let (why, ()) = tokio::join!(why(store), alert());
    assert!(why.contains("does it want TLS? (at 127.0.0.1:"), "{why}");
}

#[cfg(feature = "redis-tls")]
#[tokio::test]
async fn a_port_without_tls_is_told() {
    let (_server, port) = RedisServer::start_on_port(&[]).await;
    let login = Login {
        tls: true,
        ..Login::default()
    };
    let at = Address::new("127.0.0.1", port);
    let why = why(RedisStore::server(&at, &login, PATIENCE / 20)).await;
    let told = format!("it does not answer in time (at 127.0.0.1:{port} over TLS)");
    assert_eq!(why, told);
}
