//! Which fallbacks are in force.

use super::*;
use headworks_config::{Config, Fallback};

/// Four groups, one under a provider's name, and an alias.
fn load_fallbacks(router: &str, litellm: &str) -> Loaded {
    let text = format!(
        "\
model_list:
  - {{model_name: a, litellm_params: {{model: openai/a}}}}
  - {{model_name: b, litellm_params: {{model: openai/b}}}}
  - {{model_name: c, litellm_params: {{model: openai/c}}}}
  - {{model_name: azure/d, litellm_params: {{model: azure/x}}}}
router_settings:
  {{model_group_alias: {{best: better, better: c}}, {router}}}
litellm_settings: {{{litellm}}}
"
    );
    load(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn config(router: &str, litellm: &str) -> Config {
    let loaded = load_fallbacks(router, litellm);
    assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
    loaded.config
}

/// Each entry as `group: targets`.
fn shown(list: &[Fallback]) -> Vec<String> {
    let show = |entry: &Fallback| format!("{}: {}", entry.group, entry.targets.join(" "));
    list.iter().map(show).collect()
}

#[test]
fn without_any_there_are_none_and_five_might_follow() {
    let config = config("", "");
    let fallbacks = config.fallbacks();
    assert!(fallbacks.general.is_empty() && fallbacks.default.is_empty());
    assert!(fallbacks.context_window.is_empty() && fallbacks.content_policy.is_empty());
    assert_eq!(config.max_fallbacks(), 5);
}

#[test]
fn each_list_is_the_routers_or_litellms_where_that_is_empty() {
    let config = config(
        "fallbacks: [{a: [b]}], context_window_fallbacks: [], max_fallbacks: 0",
        "fallbacks: [{a: [c]}], context_window_fallbacks: [{a: [c]}], default_fallbacks: [b], \
         content_policy_fallbacks: [{b: [a]}, {'*': [c]}], max_fallbacks: 3",
    );
    let fallbacks = config.fallbacks();
    assert_eq!(shown(&fallbacks.general), ["a: b"]);
    assert_eq!(shown(&fallbacks.context_window), ["a: c"]);
    assert_eq!(shown(&fallbacks.content_policy), ["b: a", "*: c"]);
    assert_eq!(fallbacks.default, ["b"]);
    assert_eq!(config.max_fallbacks(), 0);
    assert_eq!(self::config("", "max_fallbacks: 3").max_fallbacks(), 3);
}

#[test]
fn an_entry_for_all_is_the_default_unless_there_are_default_fallbacks() {
    let star = config("fallbacks: [{a: [b]}, {'*': [c, b]}]", "");
    assert_eq!(star.fallbacks().default, ["c", "b"]);
    assert_eq!(shown(&star.fallbacks().general), ["a: b"]);

    let both = load_fallbacks("fallbacks: [{'*': [c]}]", "default_fallbacks: [b]");
    assert_eq!(both.config.fallbacks().default, ["b"]);
    assert!(both.config.fallbacks().general.is_empty());
    assert_eq!(
        notices(&both),
        ["config.yaml:7:63: the entry `*` of `fallbacks` has no effect beside `default_fallbacks`"]
    );

    let twice = load_fallbacks("fallbacks: [{'*': [c]}, {'*': [a]}]", "");
    assert_eq!(twice.config.fallbacks().default, ["a"]);
    assert_eq!(
        notices(&twice),
        ["config.yaml:7:75: `fallbacks` has `*` twice: the last holds"]
    );
}

#[test]
fn aliases_and_names_with_or_without_the_provider_become_groups() {
    let config = config(
        "fallbacks: [{openai/a: [better, azure/d]}, {d: [b, {model: best}]}], \
         context_window_fallbacks: [{best: [a]}]",
        "default_fallbacks: [best]",
    );
    let fallbacks = config.fallbacks();
    assert_eq!(shown(&fallbacks.general), ["a: c azure/d", "azure/d: b c"]);
    assert_eq!(shown(&fallbacks.context_window), ["c: a"]);
    assert_eq!(fallbacks.default, ["c"]);
}

#[test]
fn what_no_group_is_stays_as_it_is() {
    let config = config("fallbacks: [{azure/x: [openai/b]}]", "");
    assert_eq!(shown(&config.fallbacks().general), ["azure/x: openai/b"]);
}

#[test]
fn of_two_entries_for_one_group_that_with_its_own_name_holds() {
    let loaded = load_fallbacks(
        "fallbacks: [{better: [a]}, {c: [b]}, {best: [azure/d]}]",
        "",
    );
    assert_eq!(shown(&loaded.config.fallbacks().general), ["c: b"]);
    assert_eq!(
        notices(&loaded),
        [
            "config.yaml:7:63: the entry `better` of `fallbacks` has no effect: `c` has another one",
            "config.yaml:7:88: the entry `best` of `fallbacks` has no effect: `c` has another one",
        ]
    );
}

#[test]
fn an_entry_for_all_is_none_for_a_wildcard_of_a_provider() {
    let text = "\
model_list:
  - {model_name: openai/*, litellm_params: {model: openai/*}}
  - {model_name: b, litellm_params: {model: openai/b}}
litellm_settings: {fallbacks: [{'*': [b]}], content_policy_fallbacks: [{'*': [b]}]}
";
    let config = load(text).unwrap().config;
    assert_eq!(config.fallbacks().default, ["b"]);
    assert_eq!(shown(&config.fallbacks().content_policy), ["*: b"]);
}

#[test]
fn a_circle_is_seen_through_names_with_the_provider() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
router_settings: {fallbacks: [{openai/a: [b]}, {b: [a]}]}
";
    let error = load(text).unwrap_err();
    assert_eq!(
        error.problems()[0].message(),
        "the `fallbacks` go in a circle: `a` → `b` → `a`"
    );
}

#[test]
fn default_fallbacks_that_point_nowhere_are_refused_by_their_name() {
    let error = load(&with_model("router_settings: {default_fallbacks: [gpt-4]}")).unwrap_err();
    assert_eq!(
        error.problems()[0].message(),
        "`default_fallbacks` leads to `gpt-4`, which is not a `model_name`"
    );
}
