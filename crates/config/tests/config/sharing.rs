//! Where instances share: the Redis of the router, else the one that answers would be kept in.

use super::*;
use headworks_config::{Redis, RedisNode, RedisPlace};

fn node(host: &str, port: u16) -> RedisNode {
    RedisNode {
        host: host.to_owned(),
        port,
    }
}

fn redis(settings: &str) -> (Option<Redis>, Vec<String>) {
    let variables = &[("NODES", r#"[{"host": "redis-1", "port": "7001"}]"#)];
    let loaded = load_with(&with_model(settings), variables).unwrap();
    let notices = notices(&loaded);
    (loaded.config.redis, notices)
}

fn place(settings: &str) -> RedisPlace {
    let (redis, notices) = redis(settings);
    assert!(notices.is_empty(), "{notices:?}");
    redis.unwrap().place
}

#[test]
fn a_cluster_is_some_of_its_servers() {
    for settings in [
        "router_settings: {redis_startup_nodes: [{host: redis-1, port: '7001'}]}",
        "router_settings: {redis_startup_nodes: [[redis-1, 7001]]}",
        "router_settings: {redis_startup_nodes: os.environ/NODES}",
        "router_settings: {cache_kwargs: {startup_nodes: [{host: redis-1, port: 7001}]}}",
    ] {
        let RedisPlace::Cluster(nodes) = place(settings) else {
            panic!("{settings}");
        };
        assert_eq!(nodes, [node("redis-1", 7001)], "{settings}");
    }
}

#[test]
fn a_master_is_known_to_sentinels_by_a_name() {
    let settings = "router_settings: {redis_sentinel_nodes: [[sentinel-1, 26379], ['::1', '26380']], \
                    service_name: mymaster, sentinel_password: sesame, redis_password: other, redis_db: 2}";
    let (redis, notices) = redis(settings);
    assert!(notices.is_empty(), "{notices:?}");
    let redis = redis.unwrap();
    assert_eq!(redis.password.unwrap().expose(), "other");
    assert_eq!((redis.db, redis.section), (2, "router_settings"));
    let RedisPlace::Sentinel {
        nodes,
        service,
        password,
    } = redis.place
    else {
        panic!("{:?}", redis.place);
    };
    assert_eq!(nodes, [node("sentinel-1", 26379), node("::1", 26380)]);
    assert_eq!(nodes[1].to_string(), "[::1]:26380");
    assert_eq!(service, "mymaster");
    assert_eq!(password.unwrap().expose(), "sesame");
}

#[test]
fn arguments_of_the_client_come_before_the_keys_beside_them() {
    let settings = "router_settings: {redis_host: a, redis_port: 1, redis_username: u, \
                    cache_kwargs: {port: 2, ssl: true, db: 3, password: p, socket_timeout: 1}}";
    let (redis, notices) = redis(settings);
    let redis = redis.unwrap();
    assert!(matches!(redis.place, RedisPlace::Server(one) if one == node("a", 2)));
    assert_eq!((redis.db, redis.ssl), (3, true));
    assert_eq!(redis.username.as_deref(), Some("u"));
    assert_eq!(redis.password.unwrap().expose(), "p");
    let [notice] = &notices[..] else {
        panic!("{notices:?}");
    };
    assert!(
        notice.contains("`router_settings.cache_kwargs.socket_timeout` is not a known key"),
        "{notice}"
    );
}

#[test]
fn the_redis_of_the_cache_is_shared_over_if_the_router_names_none() {
    let cache =
        |params: &str| format!("litellm_settings: {{cache: true, cache_params: {{{params}}}}}\n");
    for params in [
        "type: redis, host: a, port: 7, password: p, ttl: 600",
        "host: a, port: 7, password: p",
    ] {
        let (redis, notices) = redis(&cache(params));
        let redis = redis.unwrap();
        assert_eq!(redis.section, "litellm_settings.cache_params");
        assert!(matches!(redis.place, RedisPlace::Server(one) if one == node("a", 7)));
        assert_eq!(redis.password.unwrap().expose(), "p");
        assert_eq!(notices.len(), 1, "that nothing is cached: {notices:?}");
    }
    let nodes = "type: redis, redis_startup_nodes: [{host: a, port: 7}]";
    let (cluster, _) = redis(&cache(nodes));
    assert!(matches!(cluster.unwrap().place, RedisPlace::Cluster(_)));

    let router = "router_settings: {redis_host: b, redis_port: 8}\n";
    let (both, _) = redis(&format!("{router}{}", cache("host: a, port: 7")));
    assert_eq!(both.unwrap().section, "router_settings");

    for other in [
        cache("type: s3, host: a"),
        cache("type: redis, host: a").replace("true", "false"),
        "litellm_settings: {cache_params: {type: redis, host: a}}\n".to_owned(),
        "litellm_settings: {cache: true}\n".to_owned(),
    ] {
        assert!(redis(&other).0.is_none(), "{other}");
    }
    let (none, notices) = redis(&cache("type: redis"));
    assert!(none.is_none());
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("`host: os.environ/REDIS_HOST`")),
        "{notices:?}"
    );
}

#[test]
fn what_cannot_be_meant_is_told_with_what_to_write() {
    for (settings, message) in [
        (
            "redis_sentinel_nodes: [[a, 1]]",
            "`router_settings.redis_sentinel_nodes` want a `service_name`",
        ),
        (
            "redis_startup_nodes: [a]",
            "must be a list of servers, each with host and port",
        ),
        (
            "redis_startup_nodes: []",
            "must be a list of servers, each with host and port",
        ),
        (
            "redis_startup_nodes: [{host: a, port: 70000}]",
            "must be a list of servers, each with host and port",
        ),
        (
            "redis_startup_nodes: [{host: a, port: 1}], redis_db: 1",
            "`router_settings.redis_db` must be 0 for a Cluster",
        ),
    ] {
        let text = with_model(&format!("router_settings: {{{settings}}}\n"));
        let error = load(&text).unwrap_err().to_string();
        assert!(error.contains(message), "{settings}: {error}");
    }
    let both = "router_settings: {redis_url: redis://a, redis_startup_nodes: [[b, 1]]}";
    let (one, notices) = redis(both);
    assert!(matches!(one.unwrap().place, RedisPlace::Url(_)));
    assert!(
        notices[0].ends_with(
            "`router_settings.redis_startup_nodes` has no effect beside `router_settings.redis_url`"
        ),
        "{notices:?}"
    );
}
