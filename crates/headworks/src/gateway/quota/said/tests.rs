use super::*;
use proptest::prelude::*;

fn said(params: &str, rest: &str) -> Option<String> {
    let text = format!(
        "model_list:\n\
         - {{model_name: m, litellm_params: {{model: openai/a, api_key: a{params}}}}}\n\
         - {{model_name: m, litellm_params: {{model: openai/b, api_key: b}}}}\n\
         {rest}"
    );
    let config = Config::parse(&text, "config.yaml").unwrap().config;
    LimitPlan::new(&config).map(|limits| limits.to_string())
}

#[test]
fn what_decides_is_named_and_what_to_write_instead() {
    for (rest, line) in [
        (
            "",
            "weights only, because simple-shuffle keeps none by itself; to keep them write \
             `headworks.limits: enforce`",
        ),
        (
            "headworks: {limits: weigh}",
            "weights only, as headworks.limits says",
        ),
        (
            "headworks: {limits: enforce}",
            "enforced, as headworks.limits says, for 1 of 2 deployments; counted by this instance alone",
        ),
        (
            "headworks: {limits: enforce, minute: fixed}",
            "enforced, as headworks.limits says, for 1 of 2 deployments; by the minutes on the clock, around \
             whose edges twice a limit may go through; counted by this instance alone",
        ),
        (
            "headworks: {limits: learn}",
            "enforced, and learned from providers where none is set, as headworks.limits says; counted by this \
             instance alone",
        ),
        (
            "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}",
            "enforced, as enforce_model_rate_limits says, for 1 of 2 deployments; counted by this instance alone",
        ),
        (
            "router_settings: {routing_strategy: usage-based-routing-v2}",
            "enforced, as usage-based-routing-v2 says, for 1 of 2 deployments; counted by this instance alone",
        ),
    ] {
        let said = said(", rpm: 3", rest).unwrap();
        assert_eq!(said.strip_prefix("limits: "), Some(line), "{rest}");
    }
    assert_eq!(said("", "headworks: {limits: enforce}"), None);
}

#[test]
fn where_it_is_shared_is_told_and_no_password() {
    let redis =
        "redis_host: redis.example.com, redis_port: 1992, redis_password: secret, redis_db: 2";
    let kept = |settings: &str, own: &str| {
        let rest = format!("router_settings: {{{settings}}}\nheadworks: {{limits: enforce{own}}}");
        said(", tpm: 9", &rest).unwrap()
    };
    let line = kept(redis, "");
    assert!(
        line.ends_with(
            "deployments; shared over Redis at redis.example.com:1992/2, as router_settings says, and while \
             it is silent each instance keeps to its part of as many as it has told of, 1/2 before it has told of any"
        ),
        "{line}"
    );
    let line = kept(redis, ", redis: {replicas: 5}");
    assert!(
        line.ends_with("and while it is silent each instance keeps to 1/5"),
        "{line}"
    );
    let url = "redis_url: \"rediss://user:secret@redis.example.com?pass=secret\"";
    let line = kept(url, ", redis: {when_silent: open}");
    assert!(
        line.ends_with(
            "shared over Redis at redis.example.com, as router_settings says, and while it is silent each \
             instance counts alone"
        ),
        "{line}"
    );
    let line = kept(redis, ", redis: {strict_within: 0.02}");
    assert!(
        line.contains("says, which is asked for each request and waited for 20ms at most, and")
    );
    let line = said("", &format!("router_settings: {{{redis}}}")).unwrap();
    assert!(
        line.starts_with(
            "limits: none on requests or tokens; rests and requests at a time are shared over Redis"
        ),
        "{line}"
    );
    assert!(!line.contains("secret"), "{line}");
    for (settings, place) in [
        (
            "redis_startup_nodes: [[a, 1], [b, 2]]",
            "the Redis Cluster of a:1, b:2",
        ),
        (
            "redis_sentinel_nodes: [[a, 1]], service_name: m, sentinel_password: secret, redis_db: 3",
            "the Redis that the Sentinels at a:1 call m/3",
        ),
    ] {
        let line = kept(settings, "");
        let shared = format!("; shared over {place}, as router_settings says, and while");
        assert!(line.contains(&shared), "{line}");
        assert!(!line.contains("secret"), "{line}");
    }
    let cache =
        "litellm_settings: {cache: true, cache_params: {host: a, port: 7, password: secret}}";
    let line = said("", cache).unwrap();
    let shared = "over Redis at a:7, as litellm_settings.cache_params says, and while";
    assert!(line.contains(shared), "{line}");
}

#[test]
fn where_a_url_leads_is_told_and_nothing_else_of_it() {
    for (url, place) in [
        ("redis://redis.internal", Some("redis.internal")),
        ("redis://redis.internal:6380/", Some("redis.internal:6380")),
        (
            "redis://u:secret@redis.internal:6379/2",
            Some("redis.internal:6379/2"),
        ),
        (
            "rediss://:secret@[::1]:6379/2?protocol=resp3",
            Some("[::1]:6379/2"),
        ),
        (
            "rediss://:secret@redis.internal/0#insecure",
            Some("redis.internal/0"),
        ),
        ("redis://:s@cret@redis.internal", Some("redis.internal")),
        ("redis://redis.internal/secret", Some("redis.internal")),
        (
            "redis://redis.internal?password=secret",
            Some("redis.internal"),
        ),
        (
            "unix:///run/redis.sock?db=2&pass=secret",
            Some("/run/redis.sock"),
        ),
        ("redis://:sec?ret@redis.internal", None),
        ("redis://user:12/3@redis.internal", None),
        ("redis://user:12#3@redis.internal", None),
        ("redis://user:12?3@redis.internal", None),
        ("redis://user/secret@redis.internal", None),
        ("redis://redis.internal?password=s@cret", None),
        ("secret", None),
        ("", None),
    ] {
        assert_eq!(stripped(url).as_deref(), place, "{url}");
    }
}

proptest! {
    /// Whatever it is made of, and whether it was encoded: the place is told as it is without one, or not at all.
    #[test]
    fn no_password_changes_the_line(
        password in prop_oneof!["\\PC{0,24}", "[@/?#:%\\[\\]&=.0-9a-z \\\\]{0,24}"],
        user in "[a-z]{0,4}",
        encoded in any::<bool>(),
    ) {
        let password = match encoded {
            true => percent_encoding::utf8_percent_encode(&password, percent_encoding::NON_ALPHANUMERIC).to_string(),
            false => password,
        };
        for url in [
            format!("redis://{user}:{password}@REDIS:6379/2"),
            format!("redis://REDIS:6379/2?password={password}"),
        ] {
            let told = stripped(&url);
            prop_assert!(told.as_deref().is_none_or(|told| told == "REDIS:6379/2"), "{}: {:?}", url, told);
            prop_assert!(!encoded || told.is_some(), "{}", url);
        }
    }
}
