//! The four configurations that users of `LiteLLM` start from, with their placeholders filled in.

use super::*;
use headworks_config::{RedisPlace, RoutingStrategy};
use std::time::Duration;

pub(crate) const THREE_DEPLOYMENTS: &str = include_str!("../fixtures/1-three-deployments.yaml");
pub(crate) const SEVERAL_INSTANCES: &str = include_str!("../fixtures/2-several-instances.yaml");
pub(crate) const ALIAS: &str = include_str!("../fixtures/3-alias.yaml");
pub(crate) const HIDDEN_ALIAS: &str = include_str!("../fixtures/4-hidden-alias.yaml");

pub(crate) fn filled(text: &str) -> String {
    text.replace("<your-deployment-name>", "gpt-turbo")
        .replace("<your-azure-endpoint>", "https://home.openai.azure.com/")
        .replace("<your-azure-api-key>", "canary-azure-key")
        .replace("<your redis host>", "redis.example.com")
        .replace("<your redis password>", "canary-redis-password")
}

#[test]
fn three_deployments() {
    let loaded = load(&filled(THREE_DEPLOYMENTS)).unwrap();
    let config = &loaded.config;
    let shown: Vec<_> = config
        .deployments
        .iter()
        .map(|deployment| {
            let base = deployment.api_base.as_deref().unwrap();
            (&*deployment.group, &*deployment.model, base, deployment.rpm)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "gpt-3.5-turbo",
                "azure/gpt-turbo",
                "https://home.openai.azure.com/",
                Some(6)
            ),
            (
                "gpt-3.5-turbo",
                "azure/gpt-turbo-small-ca",
                "https://my-endpoint-canada-berri992.openai.azure.com/",
                Some(6)
            ),
            (
                "gpt-3.5-turbo",
                "azure/gpt-turbo-large",
                "https://openai-france-1234.openai.azure.com/",
                Some(1440)
            ),
        ]
    );
    let key = config.deployments[0].api_key.as_ref().unwrap();
    assert_eq!(key.expose(), "canary-azure-key");
    assert_eq!(
        config.router.routing_strategy,
        RoutingStrategy::SimpleShuffle
    );
    assert_eq!(config.num_retries(), 2);
    assert_eq!(config.timeout(), Duration::from_secs(30));
    assert_eq!(config.aliases[0].name, "gpt-4");
    assert_eq!(config.aliases[0].model, "gpt-3.5-turbo");
    let redis = config.redis.as_ref().unwrap();
    assert!(
        matches!(&redis.place, RedisPlace::Server(node) if node.to_string() == "redis.example.com:1992")
    );
    assert_eq!(
        redis.password.as_ref().unwrap().expose(),
        "canary-redis-password"
    );
    assert!(notices(&loaded).is_empty(), "{:?}", loaded.notices);
}

#[test]
fn several_instances() {
    let loaded = load(&filled(SEVERAL_INSTANCES)).unwrap();
    assert_eq!(loaded.config.deployments.len(), 2);
    assert!(loaded.config.redis.is_some());
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
}

#[test]
fn an_alias() {
    let loaded = load(&filled(ALIAS)).unwrap();
    let alias = &loaded.config.aliases[0];
    assert_eq!(
        (&*alias.name, &*alias.model, alias.hidden),
        ("gpt-4", "gpt-3.5-turbo", false)
    );
    assert!(loaded.notices.is_empty());
}

#[test]
fn a_hidden_alias() {
    let loaded = load(&filled(HIDDEN_ALIAS)).unwrap();
    let alias = &loaded.config.aliases[0];
    assert_eq!(
        (&*alias.name, &*alias.model, alias.hidden),
        ("GPT-3.5-turbo", "gpt-3.5-turbo", true)
    );
    assert!(loaded.notices.is_empty());
}

#[test]
fn as_printed_every_placeholder_in_a_deployment_is_refused_by_name() {
    for (text, expected) in [
        (THREE_DEPLOYMENTS, 5),
        (SEVERAL_INSTANCES, 4),
        (ALIAS, 3),
        (HIDDEN_ALIAS, 3),
    ] {
        let error = load(text).unwrap_err();
        assert_eq!(error.problems().len(), expected, "{error}");
        for problem in error.problems() {
            assert!(problem.message().contains("placeholder, `<your"), "{error}");
        }
    }
}

#[test]
fn a_placeholder_for_redis_is_worth_a_word_while_redis_is_not_used() {
    let text = filled(SEVERAL_INSTANCES).replace("redis.example.com", "<your redis host>");
    let loaded = load(&text).unwrap();
    assert!(
        notices(&loaded).contains(
            &"config.yaml:15:15: `router_settings.redis_host` still holds a placeholder, \
              `<your redis host>`"
                .to_owned()
        ),
        "{:?}",
        notices(&loaded)
    );
}
