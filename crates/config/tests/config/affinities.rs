use super::*;
use headworks_config::{Affinity, RoutingStrategy};

#[test]
fn a_group_has_its_own_affinities_or_those_of_all() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
router_settings:
  model_group_alias: {also-b: b}
  routing_strategy: sticky
  optional_pre_call_checks: [session_affinity, responses_api_deployment_check, session_affinity]
  model_group_affinity_config: {also-b: [deployment_affinity, prompt_caching]}
";
    let loaded = load(text).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
    let config = loaded.config;
    assert_eq!(config.router.routing_strategy, RoutingStrategy::Sticky);
    assert_eq!(
        config.affinities("a"),
        [Affinity::Session, Affinity::Responses]
    );
    assert_eq!(
        config.affinities("b"),
        [Affinity::Deployment, Affinity::PromptCaching]
    );
    let without = load(&with_model("")).unwrap().config;
    assert!(without.affinities("gpt-4o").is_empty());
}

#[test]
fn other_checks_and_keys_without_meaning_are_told_of() {
    let text = with_model(
        "\
router_settings:
  optional_pre_call_checks: [router_budget_limiting, session_afinity, colour]
  deployment_affinity_ttl_seconds: 60
",
    );
    assert_eq!(
        notices(&load(&text).unwrap()),
        [
            "config.yaml:3:30: `router_settings.optional_pre_call_checks: router_budget_limiting` is \
             not honoured yet: nothing is limited",
            "config.yaml:3:54: `router_settings.optional_pre_call_checks` has no `session_afinity`: did \
             you mean `session_affinity`?",
            "config.yaml:3:71: `router_settings.optional_pre_call_checks` has no `colour`",
            "config.yaml:4:3: `router_settings.deployment_affinity_ttl_seconds` is not honoured yet: \
             nothing is kept that could expire",
        ]
    );
}

#[test]
fn affinities_of_a_group_nobody_knows_are_refused() {
    let text = with_model("router_settings: {model_group_affinity_config: {gpt-4: []}}\n");
    let error = load(&text).unwrap_err().to_string();
    let message = "`model_group_affinity_config` is for `gpt-4`, which is not a `model_name`";
    assert!(error.contains(message), "{error}");
    assert!(error.contains("did you mean `gpt-4o`?"), "{error}");
}
