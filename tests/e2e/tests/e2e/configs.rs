//! A configuration that cannot be right is refused: where, what was found, what is accepted; exit status 2.

use headworks_e2e::{Headworks, checked, refused};

const GOOD: &str =
    "model_list:\n  - model_name: gpt-4o\n    litellm_params: { model: openai/gpt-4o }\n";

#[tokio::test]
async fn each_mistake_is_named_where_it_stands() {
    for (config, at, words) in [
        // Not YAML.
        ("model_list: [\n".to_owned(), "config.yaml:", &[][..]),
        // A wrong type.
        (
            GOOD.replace("openai/gpt-4o }", "openai/gpt-4o, rpm: many }"),
            "config.yaml:3:50",
            &["rpm", "many"][..],
        ),
        // No litellm_params.
        (
            "model_list:\n  - model_name: gpt-4o\n".to_owned(),
            "config.yaml:2:",
            &["litellm_params"],
        ),
        // An unknown strategy.
        (
            format!("{GOOD}router_settings:\n  routing_strategy: fastest-first\n"),
            "config.yaml:5:21",
            &["fastest-first", "simple-shuffle"],
        ),
        // A variable that is not set.
        (
            GOOD.replace(
                "openai/gpt-4o }",
                "openai/gpt-4o, api_key: os.environ/NO_SUCH_KEY }",
            ),
            "config.yaml:3:",
            &["NO_SUCH_KEY"],
        ),
        // An alias that points nowhere.
        (
            format!("{GOOD}router_settings:\n  model_group_alias: {{ gpt-4: gpt-4p }}\n"),
            "config.yaml:5:",
            &["gpt-4p", "gpt-4o"],
        ),
        // Aliases in a circle.
        (
            format!("{GOOD}router_settings:\n  model_group_alias: {{ a: b, b: a }}\n"),
            "config.yaml:5:",
            &["a", "b"],
        ),
        // A fallback that points nowhere.
        (
            format!("{GOOD}litellm_settings:\n  fallbacks: [{{ gpt-4o: [gpt-4p] }}]\n"),
            "config.yaml:5:",
            &["gpt-4p"],
        ),
        // A provider nobody knows.
        (
            GOOD.replace("openai/gpt-4o }", "opneai/gpt-4o }"),
            "config.yaml:3:",
            &["opneai"],
        ),
    ] {
        let refused = refused(&config, &[]).await;
        assert_eq!(refused.status, 2, "{config}\n{}", refused.said);
        assert!(refused.said.contains(at), "no {at}: {}", refused.said);
        for word in words {
            assert!(refused.said.contains(word), "no {word}: {}", refused.said);
        }
    }
}

#[tokio::test]
async fn every_mistake_is_told_at_once() {
    let config = GOOD.replace("openai/gpt-4o }", "openai/gpt-4o, rpm: many, tpm: few }");
    let refused = refused(&config, &[]).await;
    assert!(
        refused.said.contains("many") && refused.said.contains("few"),
        "{}",
        refused.said
    );
}

#[tokio::test]
async fn a_key_nobody_knows_is_reported_with_the_nearest_and_one_not_honoured_by_name() {
    let config = format!("{GOOD}router_settings: {{ num_retires: 1, plugins: [] }}\n");
    let headworks = headworks_e2e::Headworks::start(&config).await;
    headworks.logs("num_retries").await;
    headworks.logs("num_retires").await;
    headworks.logs("router_settings.plugins").await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let refused = refused(GOOD, &["--config", "/nonexistent/config.yaml"]).await;
    assert_eq!(refused.status, 2, "{}", refused.said);
}

#[tokio::test]
async fn other_addresses_than_loopback_need_a_key() {
    let open = refused(GOOD, &["--host", "0.0.0.0"]).await;
    assert_eq!(open.status, 2);
    assert!(open.said.contains("master_key"), "{}", open.said);
}

#[tokio::test]
async fn a_configuration_may_be_checked_without_being_run() {
    let good = format!("{GOOD}router_settings: {{ num_retries: 3 }}\n");
    let (status, said) = checked(&good).await;
    assert_eq!(
        (status, &*said),
        (0, "gpt-4o: 3 retries; at most 4 attempts\n")
    );
    // What has no effect is said and is no reason against it.
    let (status, said) = checked(&format!("{GOOD}search_tools: []\n")).await;
    assert_eq!(status, 0);
    assert!(said.starts_with("config.yaml:4:1: "), "{said}");
    let (status, said) = checked(&GOOD.replace("openai/gpt-4o", "opneai/gpt-4o")).await;
    assert_eq!((status, &*said), (1, ""));
    let refused = refused(
        &GOOD.replace("openai/gpt-4o", "opneai/gpt-4o"),
        &["--check"],
    )
    .await;
    assert_eq!(refused.status, 1);
    assert!(refused.said.contains("config.yaml:3:"), "{}", refused.said);
}

#[tokio::test]
async fn the_plan_of_each_group_is_said_at_the_start() {
    let headworks = Headworks::start(GOOD).await;
    let log = headworks.log();
    let line = "gpt-4o: 2 retries; at most 3 attempts";
    assert_eq!(log.matches(line).count(), 1, "{log}");
}

#[tokio::test]
async fn whether_limits_are_kept_is_said_at_the_start_and_by_a_check() {
    let limited = GOOD.replace("openai/gpt-4o }", "openai/gpt-4o, rpm: 60 }");
    let weights = "limits: weights only, because simple-shuffle keeps none by itself; to keep them write \
                   `headworks.limits: enforce`";
    let (_, said) = checked(&limited).await;
    assert_eq!(said.lines().nth(1), Some(weights), "{said}");

    let kept = format!("{limited}headworks: {{ limits: enforce }}\n");
    let line = "limits: enforced, as headworks.limits says; counted by this instance alone";
    let (_, said) = checked(&kept).await;
    assert_eq!(said.lines().nth(1), Some(line), "{said}");
    let headworks = Headworks::start(&kept).await;
    let log = headworks.log();
    assert_eq!(log.matches(line).count(), 1, "{log}");

    // Nobody answers at this port, and no password of it is anybody's to read.
    let shared = format!(
        "{kept}router_settings: {{ redis_host: 127.0.0.1, redis_port: 1, redis_password: canary }}\n"
    );
    let (_, said) = checked(&shared).await;
    assert!(
        said.contains(
            "shared over Redis at 127.0.0.1:1, as router_settings says, and while it is silent each instance keeps to its part"
        ),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
}
