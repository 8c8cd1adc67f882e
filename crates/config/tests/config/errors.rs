use super::*;
use headworks_config::Problem;

/// The first problem, as it is printed.
fn problem(text: &str) -> String {
    let error = load(text).expect_err("it is wrong");
    error.problems()[0].to_string()
}

/// Each problem as `line:column message`.
fn problems(text: &str) -> Vec<String> {
    let show = |problem: &Problem| {
        let at = problem.location().expect("it stands somewhere");
        format!("{}:{} {}", at.line(), at.column(), problem.message())
    };
    let error = load(text).expect_err("it is wrong");
    error.problems().iter().map(show).collect()
}

#[test]
fn a_wrong_type_is_shown_where_it_stands() {
    let text = "\
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      rpm: six  # per minute
";
    assert_eq!(
        problem(text),
        "\
error: `litellm_params.rpm` must be a whole number, 0 or more, found the text `six`
 --> config.yaml:5:12
  |
5 |       rpm: six
  |            ^^^"
    );
}

#[test]
fn a_missing_model_is_shown_at_its_section() {
    let text = "\
model_list:
  - model_name: gpt-4o
    litellm_params:
      api_base: https://example.com
";
    assert_eq!(
        problem(text),
        "\
error: `litellm_params` of `gpt-4o` has no `model`
 --> config.yaml:3:5
  |
3 |     litellm_params:
  |     ^^^^^^^^^^^^^^
  = help: write `model: provider/name`"
    );
}

#[test]
fn a_misspelt_strategy_gets_the_nearest_name_and_all_others() {
    let text = with_model("router_settings: {routing_strategy: least-bussy}");
    assert_eq!(
        problem(&text),
        "\
error: `router_settings.routing_strategy` must be one of simple-shuffle, least-busy, \
usage-based-routing, usage-based-routing-v2, latency-based-routing, cost-based-routing, \
round-robin, sticky, found the text `least-bussy`
 --> config.yaml:2:37
  |
2 | router_settings: {routing_strategy: least-bussy}
  |                                     ^^^^^^^^^^^
  = help: did you mean `least-busy`?"
    );
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_full_path() {
    let text = "\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_KEY}
";
    assert_eq!(
        problem(text),
        "\
error: `model_list[0].litellm_params.api_key` wants the environment variable `OPENAI_KEY`, \
which is not set
 --> config.yaml:3:53
  |
3 |     litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_KEY}
  |                                                     ^^^^^^^^^^^^^^^^^^^^^"
    );
}

#[test]
fn an_alias_that_points_nowhere_is_refused() {
    let text = with_model("router_settings:\n  model_group_alias:\n    gpt-4: gpt-40\n");
    assert_eq!(
        problem(&text),
        "\
error: the alias `gpt-4` points to `gpt-40`, which is not a `model_name`
 --> config.yaml:4:12
  |
4 |     gpt-4: gpt-40
  |            ^^^^^^
  = help: did you mean `gpt-4o`?"
    );
}

#[test]
fn a_fallback_that_points_nowhere_is_refused() {
    let text = with_model("litellm_settings: {fallbacks: [{gpt-4o: [claude]}]}");
    assert_eq!(
        problem(&text),
        "\
error: `fallbacks` of `gpt-4o` leads to `claude`, which is not a `model_name`
 --> config.yaml:2:42
  |
2 | litellm_settings: {fallbacks: [{gpt-4o: [claude]}]}
  |                                          ^^^^^^
  = help: the groups are `gpt-4o`"
    );
}

#[test]
fn aliases_in_a_circle_are_refused() {
    let text = with_model("router_settings: {model_group_alias: {a: b, b: c, c: a}}");
    assert_eq!(
        problem(&text),
        "\
error: the aliases go in a circle: `a` → `b` → `c` → `a`
 --> config.yaml:2:54
  |
2 | router_settings: {model_group_alias: {a: b, b: c, c: a}}
  |                                                      ^
  = help: let one of them lead to a group"
    );
}

#[test]
fn fallbacks_in_a_circle_are_refused_also_over_an_alias() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
router_settings:
  model_group_alias: {first: a}
  fallbacks:
    - a: [b]
    - b: [first]
";
    assert_eq!(
        problem(text),
        "\
error: the `fallbacks` go in a circle: `a` → `b` → `a`
 --> config.yaml:8:11
  |
8 |     - b: [first]
  |           ^^^^^
  = help: a request would come back to where it failed: remove one step"
    );
}

#[test]
fn fallbacks_that_meet_again_are_no_circle() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
  - {model_name: c, litellm_params: {model: openai/c}}
  - {model_name: d/*, litellm_params: {model: openai/d}}
litellm_settings:
  fallbacks: [{a: [b, c]}, {b: [c]}, {'*': [a]}]
  default_fallbacks: [a]
  context_window_fallbacks: [{c: [a]}, {openai/b: [a, d/x, openai/c, {model: c}]}]
";
    let fallbacks = load(text).unwrap().config.litellm.fallbacks;
    assert_eq!(fallbacks.general[0].targets, ["b", "c"]);
    assert_eq!(fallbacks.general[2].group, "*");
    assert_eq!(fallbacks.default.unwrap().targets, ["a"]);
    assert_eq!(
        fallbacks.context_window[1].targets,
        ["a", "d/x", "openai/c", "c"]
    );
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let text = with_model("router_settings:\n  timeout: 1\n  timeout: 2\n");
    assert_eq!(
        problem(&text),
        "\
error: the key `timeout` stands here a second time, first on line 3
 --> config.yaml:4:3
  |
4 |   timeout: 2
  |   ^^^^^^^
  = help: remove one of the two"
    );
}

#[test]
fn what_is_not_yaml_is_shown_in_outline() {
    let text = "model_list:\n  - model_name: a: b\n";
    assert_eq!(
        problem(text),
        "\
error: this is not YAML: mapping values are not allowed in this context
 --> config.yaml:2:18
  |
2 |   - model_name: ·: ·
  |                  ^
  = help: the mistake may stand on the line before: check indentation, brackets and quotes"
    );
}

#[test]
fn a_placeholder_left_in_is_named() {
    let text = "\
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      api_base: <your-azure-endpoint>
      api_key: <your-azure-api-key>
";
    let error = load(text).unwrap_err();
    let [base, key] = error.problems() else {
        panic!("two problems: {error}")
    };
    assert_eq!(
        base.to_string(),
        "\
error: `litellm_params.api_base` still holds a placeholder, `<your-azure-endpoint>`
 --> config.yaml:5:17
  |
5 |       api_base: <your-azure-endpoint>
  |                 ^^^^^^^^^^^^^^^^^^^^^
  = help: put your own value in its place"
    );
    assert_eq!(
        key.message(),
        "`litellm_params.api_key` still holds a placeholder, `<your-azure-api-key>`"
    );
}

#[test]
fn two_equal_ids_are_refused() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}, model_info: {id: 7}}
  - {model_name: b, litellm_params: {model: openai/b}, model_info: {id: '7'}}
";
    assert_eq!(
        problem(text),
        "\
error: the id `7` is that of the deployment on line 2 too
 --> config.yaml:3:73
  |
3 |   - {model_name: b, litellm_params: {model: openai/b}, model_info: {id: '7'}}
  |                                                                         ^^^
  = help: every deployment has an id of its own"
    );
}

#[test]
fn everything_wrong_is_told_at_once_in_the_order_of_the_file() {
    let text = "\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, weight: -1, timeout: soon, order: 1.5}
  - model_name: gpt-4
  - litellm_params: {model: openai/gpt-4o, api_base: example.com, weight: .nan}
  - gpt-4
router_settings:
  num_retries: -1
  model_group_alias: {g: gpt-4, h: {hidden: true}, i: [gpt-4o]}
  fallbacks: {gpt-4o: gpt-4}
  default_fallbacks: gpt-4
general_settings: {max_request_size_mb: 0, master_key: 1234}
headworks: {upstream_http: 3, tls_roots: mine, connect_timeout: 0, ttft_timeout: 0, commit: all, retry_budget: {floor_per_minute: -1}, queue: {max: no}, when_all_rest: wait}
litellm_settings: none
";
    assert_eq!(
        problems(text),
        [
            "3:52 `litellm_params.weight` must be a number, 0 or more, found the number `-1`",
            "3:65 `litellm_params.timeout` must be a number of seconds, 0 or more, found the text `soon`",
            "3:78 `litellm_params.order` must be a whole number, found the number `1.5`",
            "4:5 this entry of `gpt-4` has no `litellm_params`",
            "5:5 this entry of `model_list` has no `model_name`",
            "5:54 `litellm_params.api_base` must be a URL, `https://host/path`",
            "5:75 `litellm_params.weight` must be a number, 0 or more, found the number `.nan`",
            "6:5 an entry of `model_list` must be a mapping, found text",
            "8:16 `router_settings.num_retries` must be a number of retries, 0 or more, found the number `-1`",
            "9:33 the alias `h` has no `model`",
            "9:55 `router_settings.model_group_alias.i` must be text, found a list",
            "10:14 `router_settings.fallbacks` must be a list, found a mapping",
            "11:22 `router_settings.default_fallbacks` must be a list, found text",
            "12:41 `general_settings.max_request_size_mb` must be a number of megabytes above 0, found the number `0`",
            "12:56 `general_settings.master_key` must be text, found a number",
            "13:28 `headworks.upstream_http` must be 1 or 2, found the number `3`",
            "13:42 `headworks.tls_roots` must be `bundled` or `native`, found the text `mine`",
            "13:65 `headworks.connect_timeout` must be a number of seconds above 0, found the number `0`",
            "13:82 `headworks.ttft_timeout` must be a number of seconds above 0, found the number `0`",
            "13:93 `headworks.commit` must be `first_token` or `complete`, found the text `all`",
            "13:98 `headworks.retry_budget` has no `share`",
            "13:131 `headworks.retry_budget.floor_per_minute` must be a number of retries, 0 or more, found the number `-1`",
            "13:136 `headworks.queue` has no `wait`",
            "13:149 `headworks.queue.max` must be a number of requests, 0 or more, found the truth value `no`",
            "13:169 `headworks.when_all_rest` must be `refuse` or `least_bad`, found the text `wait`",
            "14:19 `litellm_settings` must be a mapping (`key: value`), found text",
        ]
    );
    let printed = load(text).unwrap_err().to_string();
    assert!(printed.ends_with("\n\nthe configuration was refused: 26 problems"));
}

#[test]
fn a_file_without_deployments_is_refused() {
    assert_eq!(problems(""), ["1:1 the file is empty"]);
    assert_eq!(problems("a: 1"), ["1:1 `model_list` is missing"]);
    assert_eq!(
        problems("a: 1\nmodel_list:\n"),
        ["2:1 `model_list` is missing"]
    );
    assert_eq!(
        problems("model_list: []"),
        ["1:13 `model_list` has no entries"]
    );
    assert_eq!(
        problems("model_list: {model_name: a}"),
        ["1:13 `model_list` must be a list, found a mapping"]
    );
    assert_eq!(
        problems("- a"),
        ["1:1 a configuration must be a mapping with `model_list` in it"]
    );
}

#[test]
fn what_a_simulated_deployment_cannot_do_is_refused() {
    let text = "\
model_list:
  - model_name: demo
    litellm_params:
      model: simulated/demo
      simulated:
        error_rate: 0.6
        errors: {429: 0.5, 700: 0.1, x: 1}
        cut_rate: 2
        tokens_per_second: 0
        latency_ms: -1
";
    assert_eq!(
        problems(text),
        [
            "7:17 the shares of errors come to 1.100, more than 1",
            "7:28 an error is a status from 400 to 599, found `700`",
            "7:38 an error is a status from 400 to 599, found `x`",
            "8:19 `litellm_params.simulated.cut_rate` must be a share from 0 to 1, found the number `2`",
            "9:28 `litellm_params.simulated.tokens_per_second` must be a number of tokens above 0, found the number `0`",
            "10:21 `litellm_params.simulated.latency_ms` must be a number of milliseconds, 0 or more, found the number `-1`",
        ]
    );
}

#[test]
fn a_problem_found_later_is_told_in_the_same_form() {
    let config = load(&with_model("")).unwrap().config;
    let error: Error = config
        .deployments
        .iter()
        .map(|deployment| Problem::new(&deployment.at, "no such provider"))
        .collect();
    assert_eq!(
        error.to_string(),
        "\
error: no such provider
 --> config.yaml:1:59
  |
1 | model_list: [{model_name: gpt-4o, litellm_params: {model: openai/gpt-4o}}]
  |                                                           ^^^^^^^^^^^^^

the configuration was refused: 1 problem"
    );
}

#[test]
fn many_problems_are_counted_and_the_first_are_shown() {
    let mut text = "model_list:\n".to_owned();
    for _ in 0..60 {
        text += "  - x\n";
    }
    let printed = load(&text).unwrap_err().to_string();
    assert_eq!(printed.matches("error: ").count(), 50);
    assert!(printed.ends_with("60 problems, the first 50 are shown"));
}

#[test]
fn a_key_nobody_knows_is_told_of_beside_what_it_leaves_missing() {
    let text = "model_list: [{model_name: m, litellm_params: {modle: openai/a}}]\n";
    let error = load(text).unwrap_err().to_string();
    assert!(
        error.contains("`litellm_params` of `m` has no `model`"),
        "{error}"
    );
    assert!(
        error.contains("note: config.yaml:1:47: `litellm_params.modle` is not a known key"),
        "{error}"
    );
}
