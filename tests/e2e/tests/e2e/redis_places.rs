//! The same where Redis is a Cluster, or a master with a replica that takes over.

use crate::redis::{ask_group, start_many};
use futures_util::future::join_all;
use headworks_e2e::{Client, Headworks, bounded, config};
use headworks_upstream::{RedisCluster, RedisSentinel, Upstream};
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// A deployment in a group of its own for each server, whose quota that server keeps.
fn kept_by_each(cluster: &RedisCluster, upstream: &Upstream, rpm: u64) -> [String; 3] {
    [0, 1, 2].map(|server| {
        let mut ids = (0..).map(|number| format!("d{number}"));
        let id = ids.find(|id| cluster.keeper(0, &format!("deployment:{id}")) == server);
        let group = format!("group-{server}");
        let limit = format!("rpm: {rpm}");
        config::with(&group, &id.unwrap(), &upstream.base_url(), &limit)
    })
}

fn shared(deployments: &[String], redis: &str) -> String {
    let rest =
        format!("router_settings: {{ {redis}, num_retries: 0 }}\nheadworks: {{ limits: enforce }}");
    config::of(deployments, &rest)
}

fn startup_nodes(cluster: &RedisCluster) -> String {
    let (host, port) = cluster.address(0);
    format!("redis_startup_nodes: [{{ host: {host}, port: {port} }}]")
}

/// Asks all instances for a group at a time, and counts the answers.
async fn ask_all(instances: &[Headworks], group: &str, lasts: Duration) -> usize {
    let clients: Vec<_> = instances.iter().map(Headworks::client).collect();
    let asked = clients
        .iter()
        .map(|client| ask_group(client, group, 2, lasts));
    join_all(asked).await.iter().map(|(given, _)| given).sum()
}

#[tokio::test]
async fn a_cluster_keeps_each_limit_to_the_last_and_a_server_that_dies_takes_its_own_alone() {
    let (upstream, mut cluster) = (Upstream::start().await, RedisCluster::start(3).await);
    let deployments = kept_by_each(&cluster, &upstream, 40);
    let yaml = shared(&deployments, &startup_nodes(&cluster));
    let instances = start_many(2, &yaml).await;
    assert_eq!(ask_all(&instances, "group-0", 3 * SECOND).await, 40);

    cluster.server(2).kill();
    bounded(instances[0].logs("for 1 of 3 quotas; until it does")).await;
    bounded(instances[1].logs("for 1 of 3 quotas; until it does")).await;
    // What is asked of the others is shared as before.
    assert_eq!(ask_all(&instances, "group-1", 3 * SECOND).await, 40);
    // Of the dead one each has its half, less what it had granted and nobody was told of: a few, that take the half
    // of each with them.
    let alone = ask_all(&instances, "group-2", 3 * SECOND).await;
    assert!((20..=40).contains(&alone), "{alone}");
    assert_eq!(upstream.seen().requests, 80 + alone);
    for instance in &instances {
        let ready = instance.client().get("/health/readiness").await;
        assert_eq!(ready.status, 200);
    }
}

#[tokio::test]
async fn a_client_cannot_tell_that_servers_of_a_cluster_hang_and_die() {
    let (upstream, mut cluster) = (Upstream::start().await, RedisCluster::start(3).await);
    let deployments = kept_by_each(&cluster, &upstream, 1_000_000);
    let yaml = shared(&deployments, &startup_nodes(&cluster));
    let instances = start_many(2, &yaml).await;
    let client = instances[0].client();
    let ask = async || {
        let groups = ["group-0", "group-1", "group-2"];
        let asked = groups.map(|group| ask_group(&client, group, 1, 2 * SECOND));
        for (answered, refused) in join_all(asked).await {
            assert_eq!(refused, 0);
            assert!(answered > 0);
        }
    };
    ask().await;
    cluster.server(1).pause();
    ask().await;
    cluster.server(1).resume();
    cluster.server(2).kill();
    ask().await;
    cluster.server(2).start_again().await;
    ask().await;
}

#[tokio::test]
async fn a_replica_that_takes_over_knows_what_was_used_and_no_client_can_tell() {
    let (upstream, mut redis) = (Upstream::start().await, RedisSentinel::start(None).await);
    let deployments = ["limited", "free"].map(|group| {
        let limit = if group == "limited" { 60 } else { 1_000_000 };
        config::with(group, group, &upstream.base_url(), &format!("rpm: {limit}"))
    });
    let (host, port) = redis.address();
    let service = RedisSentinel::SERVICE;
    let redis_keys = format!("redis_sentinel_nodes: [[{host}, {port}]], service_name: {service}");
    let instances = start_many(2, &shared(&deployments, &redis_keys)).await;
    assert_eq!(ask_all(&instances, "limited", 3 * SECOND).await, 60);

    redis.server(0).kill();
    let client = instances[0].client();
    let free = ask_group(&client, "free", 2, 4 * SECOND);
    let (_, (answered, refused)) = tokio::join!(redis.has_failed_over(), free);
    assert_eq!(refused, 0);
    assert!(answered > 0);
    bounded(instances[0].logs("Redis does not answer: ")).await;
    let said = "call mymaster, as router_settings says";
    bounded(instances[0].logs(said)).await;
    bounded(is_shared_again(&client)).await;
    assert_eq!(ask_all(&instances, "limited", 2 * SECOND).await, 0);
}

async fn is_shared_again(client: &Client) {
    let up = async || {
        let metrics = client.get("/metrics").await;
        String::from_utf8_lossy(&metrics.body).contains("headworks_redis_up 1")
    };
    while !up().await {
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_to_do() {
    let (upstream, cluster) = (Upstream::start().await, RedisCluster::start(3).await);
    let deployments = kept_by_each(&cluster, &upstream, 10);
    let (host, port) = cluster.address(0);
    let single = format!("redis_host: {host}, redis_port: {port}, redis_password: canary");
    let instance = Headworks::start(&shared(&deployments, &single)).await;
    let told = format!("the user or password is wrong (at {host}:{port})");
    bounded(instance.logs(&told)).await;

    let single = format!("redis_host: {host}, redis_port: {port}");
    let instance = Headworks::start(&shared(&deployments, &single)).await;
    let told = format!("it is part of a Cluster: name its startup nodes (at {host}:{port})");
    bounded(instance.logs(&told)).await;
}
