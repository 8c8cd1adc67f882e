//! Over a line on which a handshake takes longer than an exchange may.

use super::*;
use headworks_upstream::{RedisCluster, RedisSentinel};
use tokio::{io::copy_bidirectional, net::TcpStream};

/// How long a connection takes: twice as long as an exchange is waited for.
const HANDSHAKE: Duration = Duration::from_millis(500);

/// Stands before a server on this port and holds up each connection, which it counts. Says where.
async fn stand_before(port: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicU64::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                sleep(HANDSHAKE).await;
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                drop(copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    (own, connections)
}

fn local(port: u16) -> Address {
    Address::new("127.0.0.1", port)
}

/// What is said of the store, each time that it changes.
type Said = Arc<Mutex<Vec<Result<(), String>>>>;

/// Shares a quota over this store, and waits until all of it can be had; says how that went.
async fn share(store: RedisStore) -> (Said, Quota, Keeper) {
    let said = Said::default();
    let tell = said.clone();
    let params = KeeperParams::new("one").alone(Alone::Closed);
    let params =
        params.on_change(move |state| tell.lock().push(state.map_err(ToString::to_string)));
    let quota = Quota::new(Limits::new().rpm(10));
    let keeper = Keeper::spawn(store, [("account".into(), quota.clone())], params);
    until(|| said.lock().last() == Some(&Ok(()))).await;
    until(|| quota.reserve(Tokens::NONE, Instant::now()).is_ok()).await;
    (said, quota, keeper)
}

fn patience() -> Duration {
    KeeperParams::new("any").patience
}

#[tokio::test]
async fn a_server_is_reached_whose_handshake_takes_longer_than_an_exchange_and_is_connected_once() {
    let (server, port) = RedisServer::start_on_port(&[]).await;
    let (port, connections) = stand_before(port).await;
    let store = RedisStore::server(&local(port), &Login::default(), patience()).unwrap();
    let channel = store.rests.channel().to_owned();
    let (said, _quota, _keeper) = share(store).await;
    let late = format!("it does not answer in time (at 127.0.0.1:{port})");
    assert_eq!(*said.lock(), [Err(late), Ok(())]);

    // And whoever listens for rests, over a connection of its own.
    until(|| server.cli(&["PUBSUB", "NUMSUB", &channel]).ends_with('1')).await;
    sleep(2 * HANDSHAKE).await;
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    assert_eq!(said.lock().len(), 2);
}

#[tokio::test]
async fn servers_of_a_cluster_are_reached_whose_handshakes_take_longer_than_an_exchange() {
    let mut cluster = RedisCluster::start(2).await;
    let mut ports = Vec::new();
    for number in 0..2 {
        let (_, port) = cluster.address(number);
        let (port, connections) = stand_before(port).await;
        let announce = ["CONFIG", "SET", "cluster-announce-port", &port.to_string()];
        assert_eq!(cluster.server(number).cli(&announce), "OK");
        ports.push((port, connections));
    }
    // Each has heard of the other where it is reached now.
    let (one, other) = (ports[0].0.to_string(), ports[1].0.to_string());
    until(|| {
        let known = cluster.server(0).cli(&["CLUSTER", "SLOTS"]);
        known.contains(&one) && known.contains(&other)
    })
    .await;
    let seeds = vec![local(ports[0].0)];
    let store = RedisStore::cluster(seeds, Login::default(), patience()).unwrap();
    let names: Vec<Arc<str>> = (0..2)
        .map(|keeper| {
            let mut names = (0..).map(|number| format!("account {number}"));
            let name = names.find(|name| cluster.keeper(0, name) == keeper);
            name.unwrap().into()
        })
        .collect();
    let quotas: Vec<_> = names
        .into_iter()
        .map(|name| (name, Quota::new(Limits::new().rpm(10))))
        .collect();
    let params = KeeperParams::new("one").alone(Alone::Closed);
    let _keeper = Keeper::spawn(store, quotas.clone(), params);
    for (_, quota) in &quotas {
        until(|| quota.reserve(Tokens::NONE, Instant::now()).is_ok()).await;
    }
    sleep(2 * HANDSHAKE).await;
    let made = ports.iter().map(|(_, made)| made.load(Ordering::Relaxed));
    let made: Vec<_> = made.collect();
    // One for exchanges with each, and one to listen to either.
    assert!(made == [2, 1] || made == [1, 2], "{made:?}");
}

#[tokio::test]
async fn a_master_is_reached_whose_handshake_and_whose_sentinels_take_longer_than_an_exchange() {
    let mut sentinel = RedisSentinel::start(None).await;
    let (_server, master) = RedisServer::start_on_port(&[]).await;
    let (master, _) = stand_before(master).await;
    let (_, port) = sentinel.address();
    let (port, connections) = stand_before(port).await;
    let monitor = [
        "SENTINEL",
        "MONITOR",
        "far",
        "127.0.0.1",
        &master.to_string(),
        "1",
    ];
    assert_eq!(sentinel.sentinel().cli(&monitor), "OK");
    let login = Login::default();
    let sentinels = vec![local(port)];
    let store = RedisStore::sentinel(sentinels, &login, "far", login.clone(), patience());
    share(store.unwrap()).await;
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_server_that_turns_everybody_away_is_tried_less_and_less_often() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tried = Arc::new(AtomicU64::new(0));
    let count = tried.clone();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            drop(connection);
        }
    });
    let store = RedisStore::server(&local(port), &Login::default(), patience()).unwrap();
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        let refused = store.exchange(&"one".into(), &question).await;
        assert!(refused.is_err());
        sleep(Duration::from_millis(1)).await;
    }
    // After 0.1 s, 0.2 s, 0.4 s, and 0.8 s.
    let tried = tried.load(Ordering::Relaxed);
    assert!((2..=4).contains(&tried), "{tried}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_at_once() {
    let server = RedisServer::start(&[]).await;
    let store = RedisStore::new(&server.url(), PATIENCE).unwrap();
    let question = [question(&mut fastrand::Rng::with_seed(1), &[])];
    for _ in 0..5 {
        let answered = store.exchange(&"one".into(), &question).await;
        assert!(answered.is_ok(), "{answered:?}");
        assert_eq!(server.cli(&["CLIENT", "KILL", "TYPE", "normal"]), "1");
        // It finds out.
        drop(store.exchange(&"one".into(), &question).await);
    }
}
