//! Against a master, its replica and a Sentinel.

use super::*;
use headworks_upstream::RedisSentinel;

fn store(sentinel: &RedisSentinel, service: &str, login: Login) -> RedisStore {
    let (host, port) = sentinel.address();
    // One that is down is nobody's trouble.
    let dead = headworks_upstream::DeadPort::new();
    let dead = dead.addr().port();
    let sentinels = vec![Address::new(&*host, dead), Address::new(host, port)];
    let theirs = Login::default();
    RedisStore::sentinel(sentinels, &theirs, service, login, PATIENCE / 20).unwrap()
}

async fn until_answered(store: &RedisStore) {
    let end = Instant::now() + 2 * PATIENCE;
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    while let Err(error) = store.exchange(&"one".into(), &question).await {
        assert!(Instant::now() < end, "{error}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_new_master_is_found_when_the_old_one_dies_and_knows_what_was_used() {
    let mut sentinel = RedisSentinel::start(None).await;
    let instance = |number: usize| {
        let quota = Quota::new(Limits::new().rpm(100));
        let params = KeeperParams::new(format!("instance {number}").as_str());
        let store = store(&sentinel, RedisSentinel::SERVICE, Login::default());
        let params = params.alone(Alone::Closed);
        let keeper = Keeper::spawn(store, [("account".into(), quota.clone())], params);
        (quota, keeper)
    };
    let instances = [instance(0), instance(1)];
    let of = || instances.iter().map(|(quota, _)| quota);
    let before = ask_each(of(), Duration::from_secs(2)).await;
    assert_eq!(before, 100);
    sentinel.server(0).kill();
    sentinel.has_failed_over().await;
    let after = ask_each(of(), Duration::from_secs(3)).await;
    assert_eq!(after, 0, "the replica had been told of all of it");
    let other = Quota::new(Limits::new().rpm(10));
    let params = KeeperParams::new("other").alone(Alone::Closed);
    let store = store(&sentinel, RedisSentinel::SERVICE, Login::default());
    let _keeper = Keeper::spawn(store, [("other".into(), other.clone())], params);
    assert_eq!(ask_each([&other], Duration::from_secs(2)).await, 10);
}

#[tokio::test]
async fn a_master_that_has_become_a_replica_is_left_for_the_new_one() {
    let sentinel = RedisSentinel::start(None).await;
    let store = store(&sentinel, RedisSentinel::SERVICE, Login::default());
    until_answered(&store).await;
    sentinel.fail_over().await;
    until_answered(&store).await;
}

#[tokio::test]
async fn the_master_has_a_password_and_the_sentinel_has_none() {
    let sentinel = RedisSentinel::start(Some("sesame")).await;
    let login = |password: &str| Login {
        password: Some(password.into()),
        ..Login::default()
    };
    until_answered(&store(&sentinel, RedisSentinel::SERVICE, login("sesame"))).await;

    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    let error = async |store: RedisStore| {
        let answer = store.exchange(&"one".into(), &question).await;
        answer.unwrap_err().to_string()
    };
    let wrong = store(&sentinel, RedisSentinel::SERVICE, login("canary"));
    let told = error(wrong).await;
    assert!(
        told.starts_with("the user or password is wrong (at 127.0.0.1:"),
        "{told}"
    );

    let told = error(store(&sentinel, "another", login("sesame"))).await;
    let (host, port) = sentinel.address();
    let expected = format!("the Sentinel knows no service named \"another\" (at {host}:{port})");
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_server_that_is_no_sentinel_is_told() {
    let (_server, port) = RedisServer::start_on_port(&[]).await;
    let sentinels = vec![Address::new("127.0.0.1", port)];
    let login = Login::default();
    let store = RedisStore::sentinel(sentinels, &login, "mymaster", login.clone(), PATIENCE);
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    let error = store.unwrap().exchange(&"one".into(), &question).await;
    let told = error.unwrap_err().to_string();
    assert!(told.starts_with("it is no Sentinel: "), "{told}");
}
