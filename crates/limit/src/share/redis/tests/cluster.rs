//! Against a Cluster of real servers.

use super::*;
use headworks_upstream::RedisCluster;

fn addresses(cluster: &RedisCluster, numbers: &[usize]) -> Vec<Address> {
    let address = |number: &usize| {
        let (host, port) = cluster.address(*number);
        Address::new(host, port)
    };
    numbers.iter().map(address).collect()
}

fn store(cluster: &RedisCluster) -> RedisStore {
    let seeds = addresses(cluster, &[0]);
    RedisStore::cluster(seeds, Login::default(), PATIENCE / 20).unwrap()
}

/// A quota that is kept by this server.
fn kept_by(cluster: &RedisCluster, number: usize) -> Arc<str> {
    let mut names = (0..).map(|n| format!("account {n}"));
    let name = names.find(|name| cluster.keeper(0, name) == number);
    name.unwrap().into()
}

fn share(cluster: &RedisCluster, quotas: &[(Arc<str>, Quota)]) -> Keeper {
    let instance = fastrand::u64(..).to_string();
    let params = KeeperParams::new(instance.as_str()).alone(Alone::Closed);
    Keeper::spawn(store(cluster), quotas.iter().cloned(), params)
}

fn ask(quota: &Arc<str>, want: u64) -> Question {
    let mut question = question(&mut fastrand::Rng::with_seed(1), &[]);
    question.quota = quota.clone();
    question.rates[0].ask = Ask {
        want,
        ..Ask::default()
    };
    // A window that outlasts the test.
    (question.rates[0].width, question.rates[0].buckets) = (Duration::from_secs(10), 30);
    question.rates.truncate(1);
    question.slots = None;
    question.requests.clear();
    question
}

#[tokio::test]
async fn limits_are_kept_to_the_last_over_all_of_its_servers() {
    let cluster = RedisCluster::start(3).await;
    let names: Vec<_> = (0..3).map(|number| kept_by(&cluster, number)).collect();
    let instance = || -> (Vec<_>, _) {
        let quotas = names.iter().map(|name| {
            let quota = Quota::new(Limits::new().rpm(60));
            (name.clone(), quota)
        });
        let quotas: Vec<_> = quotas.collect();
        let keeper = share(&cluster, &quotas);
        (quotas, keeper)
    };
    let instances = [instance(), instance()];
    for (at, name) in names.iter().enumerate() {
        let of = instances.iter().map(|(quotas, _)| &quotas[at].1);
        let admitted = ask_each(of, Duration::from_secs(2)).await;
        assert_eq!(admitted, 60, "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_or_hangs_silences_its_own_quotas_alone() {
    let mut cluster = RedisCluster::start(3).await;
    let names: Vec<_> = (0..3).map(|number| kept_by(&cluster, number)).collect();
    let store = store(&cluster);
    let questions: Vec<_> = names.iter().map(|name| ask(name, 1)).collect();
    let one = InstanceId::from("one");
    assert!(store.exchange(&one, &questions).await.is_ok());
    for hangs in [true, false] {
        if hangs {
            cluster.server(2).pause();
        } else {
            cluster.server(2).kill();
        }
        for time in 0..10 {
            let began = Instant::now();
            let error = store.exchange(&one, &questions).await.unwrap_err();
            let answered: Vec<_> = error.answers().iter().map(Option::is_some).collect();
            assert_eq!(answered, [true, true, false], "{time}: {error}");
            let (_, port) = cluster.address(2);
            let at = format!("127.0.0.1:{port}");
            assert!(error.to_string().contains(&at), "{error}");
            // It is waited for once, and then left alone.
            if time > 0 && hangs {
                assert!(began.elapsed() < PATIENCE / 20 / 2, "{time}");
            }
        }
        if hangs {
            cluster.server(2).resume();
        } else {
            cluster.server(2).start_again().await;
        }
        until_all(&store, &questions).await;
    }
}

async fn until_all(store: &RedisStore, questions: &[Question]) -> Vec<Answer> {
    let end = Instant::now() + PATIENCE;
    loop {
        match store.exchange(&"one".into(), questions).await {
            Ok(answers) => return answers,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn keys_that_move_to_another_server_are_followed_with_what_they_know() {
    let cluster = RedisCluster::start(3).await;
    let name = kept_by(&cluster, 1);
    let store = store(&cluster);
    let before = until_all(&store, &[ask(&name, 20)]).await;
    cluster.reshard(&name, 1, 2);
    let after = store.exchange(&"one".into(), &[ask(&name, 20)]).await;
    let after = &after.unwrap()[0];
    assert_eq!(after.memory, before[0].memory);
    assert_eq!(after.rates[0].left, before[0].rates[0].left - 20);
    assert_eq!(cluster.keeper(0, &name), 2);
}

#[tokio::test]
async fn a_limit_is_kept_while_its_keys_move_to_and_fro() {
    let cluster = RedisCluster::start(2).await;
    let name = kept_by(&cluster, 0);
    let instance = || {
        let quotas = [(name.clone(), Quota::new(Limits::new().rpm(200)))];
        let keeper = share(&cluster, &quotas);
        (quotas, keeper)
    };
    let instances = [instance(), instance()];
    let of = || instances.iter().map(|(quotas, _)| &quotas[0].1);
    let asking = ask_each(of(), Duration::from_secs(3));
    let moving = async {
        for (from, to) in [(0, 1), (1, 0), (0, 1), (1, 0)] {
            sleep(Duration::from_millis(150)).await;
            cluster.reshard(&name, from, to);
        }
    };
    let (admitted, ()) = tokio::join!(asking, moving);
    assert_eq!(admitted, 200);
}

#[tokio::test]
async fn a_replica_that_takes_over_is_found_and_knows_what_was_used() {
    let mut cluster = RedisCluster::start(3).await;
    cluster.add_replica(2).await;
    let name = kept_by(&cluster, 2);
    let store = store(&cluster);
    let before = until_all(&store, &[ask(&name, 20)]).await;
    // It has been told of that once it has answered to this.
    assert_eq!(cluster.server(2).cli(&["WAIT", "1", "5000"]), "1");
    cluster.server(2).kill();
    let after = until_all(&store, &[ask(&name, 0)]).await;
    assert_eq!(after[0].memory, before[0].memory);
    assert_eq!(after[0].rates[0].left, before[0].rates[0].left);
    assert_eq!(cluster.keeper(0, &name), 3);
}

#[tokio::test]
async fn one_startup_node_of_several_is_enough() {
    let mut cluster = RedisCluster::start(2).await;
    let name = kept_by(&cluster, 1);
    cluster.server(0).kill();
    let seeds = addresses(&cluster, &[0, 1]);
    let store = RedisStore::cluster(seeds, Login::default(), PATIENCE / 20).unwrap();
    until_all(&store, &[ask(&name, 1)]).await;
}

#[tokio::test]
async fn a_cluster_where_there_is_none_and_none_where_there_is_one_are_told() {
    let cluster = RedisCluster::start(3).await;
    let (host, port) = cluster.address(0);
    let single = RedisStore::new(&format!("redis://{host}:{port}"), PATIENCE).unwrap();
    let name = kept_by(&cluster, 1);
    let error = single.exchange(&"one".into(), &[ask(&name, 1)]).await;
    let told = format!("it is part of a Cluster: name its startup nodes (at {host}:{port})");
    assert_eq!(error.unwrap_err().to_string(), told);

    let (server, port) = RedisServer::start_on_port(&[]).await;
    let seeds = vec![Address::new("127.0.0.1", port)];
    let store = RedisStore::cluster(seeds, Login::default(), PATIENCE).unwrap();
    let error = store.exchange(&"one".into(), &[ask(&name, 1)]).await;
    let told = format!("it is no Cluster: name it as a single server (at 127.0.0.1:{port})");
    assert_eq!(error.unwrap_err().to_string(), told);
    drop(server);

    let login = Login {
        db: 3,
        ..Login::default()
    };
    let error = RedisStore::cluster(Vec::new(), login, PATIENCE).unwrap_err();
    assert_eq!(error.to_string(), "a Cluster has no database but 0");
}

#[tokio::test]
async fn a_rest_that_is_told_to_one_server_is_heard_by_who_listens_to_any() {
    let cluster = RedisCluster::start(3).await;
    let heard: Vec<_> = (0..3)
        .map(|turn| {
            let (heard, store) = (Heard::default(), store(&cluster));
            let tell = heard.clone();
            tokio::spawn(async move {
                let until = Instant::now() + PATIENCE;
                let client = store.servers.to_listen_to(turn, until).await.unwrap();
                let tell = move |quota: &str, news: News<'_>| tell.lock().push(words(quota, news));
                store.rests.follow(client, PATIENCE, &tell).await;
            });
            heard
        })
        .collect();
    let store = store(&cluster);
    let mut question = ask(&kept_by(&cluster, 1), 0);
    let end = Instant::now() + PATIENCE;
    while heard.iter().any(|heard| heard.lock().is_empty()) {
        assert!(Instant::now() < end, "all of them hear it");
        question.rest += Duration::from_secs(1);
        let one = std::slice::from_ref(&question);
        drop(store.exchange(&"one".into(), one).await);
        sleep(Duration::from_millis(20)).await;
    }
}
