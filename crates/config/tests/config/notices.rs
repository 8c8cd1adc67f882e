use super::*;
use headworks_config::{KEYS, NoticeKind, RoutingStrategy, Status};

#[test]
fn what_has_no_effect_yet_is_told_once_by_its_full_name() {
    let text = "\
model_list:
  - {model_name: g, litellm_params: {model: openai/a, max_budget: 1, seed: 1}}
  - {model_name: g, litellm_params: {model: openai/b, max_budget: 2, seed: 1}}
  - {model_name: g, litellm_params: {model: openai/c, max_budget: 2}, model_info: {blocked: true}}
router_settings: {plugins: []}
litellm_settings: {drop_params: yes}
";
    let loaded = load(text).unwrap();
    assert_eq!(
        notices(&loaded),
        [
            "config.yaml:2:55: `litellm_params.max_budget` is not honoured yet: nothing is limited (and 2 times more below)",
            "config.yaml:2:70: `litellm_params.seed` is not honoured yet: requests pass unchanged (and once more below)",
            "config.yaml:4:84: `model_info.blocked` is not honoured yet: it is used",
            "config.yaml:5:19: `router_settings.plugins` is not honoured yet",
            "config.yaml:6:20: `litellm_settings.drop_params` is not honoured yet: requests pass unchanged",
        ]
    );
    assert!(
        loaded
            .notices
            .iter()
            .all(|notice| notice.kind() == NoticeKind::NotHonoured)
    );
}

#[test]
fn every_key_without_effect_is_told_of_wherever_it_stands() {
    for key in KEYS {
        let Status::NotYet(_) = key.status else {
            continue;
        };
        let (section, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        // An empty list is of the wrong type for some; what counts is that the key is recognised.
        let text = match section {
            "" => with_model(&format!("{name}: []\n")),
            "litellm_params" => {
                format!(
                    "model_list: [{{model_name: g, litellm_params: {{model: m/g, {name}: 1}}}}]"
                )
            }
            "model_info" => format!(
                "model_list: [{{model_name: g, litellm_params: {{model: m/g}}, model_info: {{{name}: 1}}}}]"
            ),
            section => with_model(&format!("{section}: {{{name}: 1}}\n")),
        };
        match load(&text) {
            Ok(loaded) => {
                let told = format!("`{}` is not honoured yet", key.path);
                let all = notices(&loaded);
                assert!(all.iter().any(|notice| notice.contains(&told)), "{told}");
            }
            // Checked although not honoured: then it is named as well.
            Err(error) => assert!(error.to_string().contains(key.path), "{error}"),
        }
    }
}

#[test]
fn a_key_nobody_knows_is_told_of_with_the_nearest_one() {
    let text = "\
model_list:
  - model_name: g
    rmp: 6
    litellm_params: {model: openai/g, api_bse: x}
    model_info: {id: g, baze_model: gpt-4o, owner: me}
router_setting: {}
router_settings: {num_retry: 1, health_check_interval: 3, colour: red}
x-anchors: {a: 1}
";
    let loaded = load(text).unwrap();
    assert_eq!(
        notices(&loaded),
        [
            "config.yaml:3:5: `model_list[].rmp` is not a known key: did you mean `rpm`?",
            "config.yaml:4:39: `litellm_params.api_bse` is not a known key: did you mean `api_base`?",
            "config.yaml:5:25: `model_info.baze_model` is not a known key: did you mean `base_model`?",
            "config.yaml:6:1: `router_setting` is not a known key: did you mean `router_settings`?",
            "config.yaml:7:19: `router_settings.num_retry` is not a known key: did you mean `num_retries`?",
            "config.yaml:7:33: `router_settings.health_check_interval` is not a known key: it belongs under `general_settings`",
            "config.yaml:7:59: `router_settings.colour` is not a known key",
        ]
    );
}

#[test]
fn every_strategy_of_litellm_is_taken_as_it_is() {
    for strategy in RoutingStrategy::ALL {
        let text = with_model(&format!(
            "router_settings: {{routing_strategy: {strategy}}}\n"
        ));
        let loaded = load(&text).unwrap();
        assert_eq!(loaded.config.router.routing_strategy, strategy);
        assert!(loaded.notices.is_empty());
    }
}

#[test]
fn who_chooses_by_price_is_told_who_has_none() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a, input_cost_per_token: 0.0}}
  - {model_name: a, litellm_params: {model: openai/b}, model_info: {id: b}}
  - {model_name: a, litellm_params: {model: openai/c}, model_info: {id: c, output_cost_per_token: 1e-6}}
  - {model_name: a, litellm_params: {model: openai/d}, model_info: {id: d}}
router_settings: {routing_strategy: cost-based-routing}
";
    assert_eq!(
        notices(&load(text).unwrap()),
        [
            "config.yaml:6:37: 2 of 4 deployments of `a` have no price and are asked last by \
             cost-based-routing: neither `input_cost_per_token` nor `output_cost_per_token`"
        ]
    );
}

#[test]
fn an_alias_over_a_group_hides_it_and_an_alias_of_itself_does_nothing() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
router_settings: {model_group_alias: {a: b, b: b}}
";
    let loaded = load(text).unwrap();
    assert_eq!(loaded.config.aliases.len(), 1);
    assert_eq!(
        notices(&loaded),
        [
            "config.yaml:4:42: the alias `a` hides the group of the same name: requests go to `b`",
            "config.yaml:4:48: the alias `b` is the group itself and does nothing",
        ]
    );
}

#[test]
fn a_weak_master_key_is_told_of_unless_that_is_permitted() {
    let weak = |settings: &str| {
        let text = with_model(&format!("general_settings: {{{settings}}}\n"));
        let loaded = load(&text).unwrap();
        let weak = loaded.config.general.has_weak_master_key();
        (weak, notices(&loaded).len())
    };
    assert_eq!(weak("master_key: sk-1234"), (true, 1));
    assert_eq!(weak("master_key: sk-aaaaaaaaaaaaaaaaaaaaaaaa"), (true, 1));
    assert_eq!(weak("master_key: sk-8d1f0b6a2c9e4475"), (false, 0));
    assert_eq!(
        weak("master_key: sk-1234, dangerously_permit_weak_or_unset_master_key: true"),
        (true, 0)
    );
    assert_eq!(weak(""), (false, 0));
}

#[test]
fn wildcards_and_idle_settings_are_told_of() {
    let text = "\
model_list:
  - {model_name: openai/*, litellm_params: {model: openai/*, simulated: {latency_ms: 1}}}
router_settings: {redis_host: localhost, fallbacks: [{openai/*: [openai/x]}, {openai/*: [openai/y]}]}
";
    let loaded = load(text).unwrap();
    assert_eq!(
        notices(&loaded),
        [
            "config.yaml:2:18: the wildcard in the `model_name` `openai/*` is not honoured yet: it is a name like any other",
            "config.yaml:2:62: `litellm_params.simulated` has no effect on `openai/*`, which is not a `simulated/` model",
            "config.yaml:3:19: Redis wants both `redis_host` and `redis_port`, or `redis_url`",
            "config.yaml:3:79: `fallbacks` has `openai/*` twice: the first holds",
        ]
    );
}
