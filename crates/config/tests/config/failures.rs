//! When a deployment rests, and how often an error is tried again.

use super::*;
use headworks_config::{AllowedFailsPolicy, Config, Cooldown, NoticeKind, Problem, RetryPolicy};
use std::time::Duration;

/// A deployment with these settings, and the rest of the file.
fn config(params: &str, info: &str, rest: &str) -> Config {
    let text = format!(
        "model_list: [{{model_name: g, litellm_params: {{model: openai/g{params}}}, \
         model_info: {{{info}}}}}]\n{rest}"
    );
    let loaded = load(&text).unwrap_or_else(|error| panic!("{error}"));
    assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
    loaded.config
}

fn cooldown(params: &str, info: &str, rest: &str) -> Cooldown {
    let config = config(params, info, rest);
    config.cooldown(&config.deployments[0])
}

fn messages(text: &str) -> Vec<String> {
    let error = load(text).expect_err("it is wrong");
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_deployment_rests_five_seconds_by_the_breakers_own_rule_unless_told_otherwise() {
    assert_eq!(
        cooldown("", "", ""),
        Cooldown {
            time: Some(Duration::from_secs(5)),
            allowed_fails: None,
            policy: AllowedFailsPolicy::default(),
        }
    );
}

#[test]
fn the_time_of_a_rest_is_looked_for_in_four_places() {
    let places = [
        ("", "cooldown_time: 1.5"),
        (", cooldown_time: 2", ""),
        ("", ""),
    ];
    let router = "router_settings: {cooldown_time: 3}\n";
    let litellm = "litellm_settings: {cooldown_time: 4}\n";
    let time = |params, info, rest: &str| cooldown(params, info, rest).time.unwrap().as_millis();
    let both = format!("{router}{litellm}");
    assert_eq!(places.map(|(p, i)| time(p, i, &both)), [1500, 2000, 3000]);
    assert_eq!(
        time(", cooldown_time: 2", "cooldown_time: 1.5", &both),
        1500
    );
    assert_eq!(time("", "", litellm), 4000);
}

#[test]
fn a_rest_of_zero_is_none_at_the_deployment_and_not_set_elsewhere() {
    let router = "router_settings: {cooldown_time: 3}\n";
    assert_eq!(cooldown(", cooldown_time: 0", "", router).time, None);
    assert_eq!(cooldown("", "cooldown_time: 0", router).time, None);
    let zero = "router_settings: {cooldown_time: 0}\nlitellm_settings: {cooldown_time: 0}\n";
    assert_eq!(cooldown("", "", zero).time, Some(Duration::from_secs(5)));
}

#[test]
fn no_deployment_rests_when_cooldowns_are_disabled() {
    let rest = "router_settings: {disable_cooldowns: true, cooldown_time: 3}\n";
    assert_eq!(cooldown("", "cooldown_time: 9", rest).time, None);
    let rest = "router_settings: {disable_cooldowns: false}\n";
    assert!(cooldown("", "", rest).time.is_some());
}

#[test]
fn the_failures_borne_are_the_deployments_else_the_routers_else_litellms() {
    let both = "router_settings: {allowed_fails: 2}\nlitellm_settings: {allowed_fails: 3}\n";
    let fails = |info, rest| cooldown("", info, rest).allowed_fails;
    assert_eq!(fails("allowed_fails: 0", both), Some(0));
    assert_eq!(fails("", both), Some(2));
    assert_eq!(fails("", "litellm_settings: {allowed_fails: 3}\n"), Some(3));
    let zero = "router_settings: {allowed_fails: 0}\nlitellm_settings: {allowed_fails: 3}\n";
    assert_eq!(fails("", zero), Some(0));
}

#[test]
fn every_class_of_errors_may_have_a_number_of_failures_of_its_own() {
    const ALL: &str = "allowed_fails_policy: {BadRequestErrorAllowedFails: 1, \
        AuthenticationErrorAllowedFails: 2, TimeoutErrorAllowedFails: 3, \
        RateLimitErrorAllowedFails: 4, ContentPolicyViolationErrorAllowedFails: 5, \
        InternalServerErrorAllowedFails: 6, ServiceUnavailableErrorAllowedFails: 7, \
        BadGatewayErrorAllowedFails: 8, NotFoundErrorAllowedFails: 9}";
    let policy = AllowedFailsPolicy {
        bad_request: Some(1),
        authentication: Some(2),
        timeout: Some(3),
        rate_limit: Some(4),
        content_policy: Some(5),
        internal_server: Some(6),
        service_unavailable: Some(7),
        bad_gateway: Some(8),
        not_found: Some(9),
    };
    let own = config("", ALL, "");
    assert_eq!(own.deployments[0].allowed_fails_policy, policy);
    assert_eq!(own.cooldown(&own.deployments[0]).policy, policy);

    let text = with_model(&format!("router_settings: {{{ALL}}}\n"));
    let shared = load(&text).unwrap();
    assert_eq!(shared.config.router.allowed_fails_policy, policy);
    let deployment = &shared.config.deployments[0];
    assert_eq!(
        shared.config.cooldown(deployment).policy,
        AllowedFailsPolicy {
            bad_request: None,
            content_policy: None,
            ..policy
        },
        "what callers send rests nobody"
    );
    assert_eq!(
        notices(&shared)[0],
        "config.yaml:2:42: `router_settings.allowed_fails_policy.BadRequestErrorAllowedFails` has no \
         effect, as in LiteLLM: no deployment rests for what its callers send, unless its own \
         `model_info.allowed_fails_policy` says so"
    );
    assert_eq!(shared.notices.len(), 2);
    assert!(
        shared
            .notices
            .iter()
            .all(|notice| notice.kind() == NoticeKind::Advice)
    );
}

#[test]
fn a_deployments_own_number_hides_the_routers_policy_and_its_policy_only_the_same_classes() {
    let rest = "router_settings: {allowed_fails: 9, \
        allowed_fails_policy: {TimeoutErrorAllowedFails: 8, RateLimitErrorAllowedFails: 7}}\n";
    let policy = cooldown(
        "",
        "allowed_fails_policy: {TimeoutErrorAllowedFails: 1}",
        rest,
    );
    assert_eq!(policy.allowed_fails, Some(9));
    assert_eq!(policy.policy.timeout, Some(1));
    assert_eq!(policy.policy.rate_limit, Some(7));

    let number = cooldown("", "allowed_fails: 2", rest);
    assert_eq!(number.allowed_fails, Some(2));
    assert!(number.policy.is_empty());
}

#[test]
fn every_class_of_errors_may_have_a_number_of_retries_of_its_own() {
    let rest = "router_settings: {retry_policy: {BadRequestErrorRetries: 1, \
        AuthenticationErrorRetries: 2, TimeoutErrorRetries: 3, RateLimitErrorRetries: 4, \
        ContentPolicyViolationErrorRetries: 5, InternalServerErrorRetries: 6, \
        ServiceUnavailableErrorRetries: 7, NotFoundErrorRetries: 8, DefaultRetries: 9}}\n";
    assert_eq!(
        config("", "", rest).router.retry_policy,
        RetryPolicy {
            bad_request: Some(1),
            authentication: Some(2),
            timeout: Some(3),
            rate_limit: Some(4),
            content_policy: Some(5),
            internal_server: Some(6),
            service_unavailable: Some(7),
            not_found: Some(8),
            default: Some(9),
        }
    );
}

#[test]
fn a_groups_retry_policy_replaces_the_routers_as_a_whole() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
  - {model_name: c, litellm_params: {model: openai/c}}
router_settings:
  model_group_alias: {bee: b}
  retry_after: 0.5
  retry_policy: {TimeoutErrorRetries: 1, RateLimitErrorRetries: 2}
  model_group_retry_policy:
    a: {TimeoutErrorRetries: 0}
    bee: {RateLimitErrorRetries: 4}
";
    let loaded = load(text).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
    let config = loaded.config;
    let numbers = |group| {
        let policy = config.retry_policy(group);
        (policy.timeout, policy.rate_limit)
    };
    assert_eq!(numbers("a"), (Some(0), None));
    assert_eq!(numbers("b"), (None, Some(4)), "by its alias");
    assert_eq!(numbers("c"), (Some(1), Some(2)));
    assert_eq!(config.router.retry_after, Some(Duration::from_millis(500)));
}

#[test]
fn a_group_may_have_a_commit_point_of_its_own() {
    let text = with_model(
        "router_settings: {model_group_alias: {x: gpt-4o}}\n\
         headworks: {model_group_commit: {x: complete}}",
    );
    let loaded = load(&text).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
    assert_eq!(
        loaded.config.commit("gpt-4o"),
        headworks_config::Commit::Complete
    );
    assert_eq!(
        loaded.config.commit("other"),
        headworks_config::Commit::FirstToken
    );
    let text = with_model("headworks: {model_group_commit: {gpt-4: complete, gpt-4o: all}}");
    assert_eq!(
        messages(&text),
        ["\
error: `model_group_commit` is for `gpt-4`, which is not a `model_name`
 --> config.yaml:2:34
  |
2 | headworks: {model_group_commit: {gpt-4: complete, gpt-4o: all}}
  |                                  ^^^^^
  = help: did you mean `gpt-4o`?",
        "\
error: `headworks.model_group_commit.gpt-4o` must be `first_token` or `complete`, found the text `all`
 --> config.yaml:2:59
  |
2 | headworks: {model_group_commit: {gpt-4: complete, gpt-4o: all}}
  |                                                           ^^^"]
    );
}

#[test]
fn a_retry_policy_for_no_group_or_for_one_twice_is_told_of() {
    let text = with_model(
        "router_settings: {model_group_alias: {x: gpt-4o}, model_group_retry_policy: {gpt-4: {}}}",
    );
    assert_eq!(
        messages(&text),
        ["\
error: `model_group_retry_policy` is for `gpt-4`, which is not a `model_name`
 --> config.yaml:2:78
  |
2 | router_settings: {model_group_alias: {x: gpt-4o}, model_group_retry_policy: {gpt-4: {}}}
  |                                                                              ^^^^^
  = help: did you mean `gpt-4o`?"]
    );
    let text = with_model(
        "router_settings: {model_group_alias: {x: gpt-4o}, model_group_retry_policy: \
         {x: {DefaultRetries: 1}, gpt-4o: {DefaultRetries: 2}}}",
    );
    let loaded = load(&text).unwrap();
    assert_eq!(
        notices(&loaded),
        ["config.yaml:2:102: `model_group_retry_policy` has `gpt-4o` twice: the first holds"]
    );
    assert_eq!(loaded.config.retry_policy("gpt-4o").default, Some(1));
}

#[test]
fn a_class_of_errors_nobody_knows_is_refused_with_the_nearest() {
    let text = "\
model_list:
  - model_name: g
    litellm_params: {model: openai/g}
    model_info: {allowed_fails_policy: {TimeoutAllowedFails: 1}}
router_settings:
  allowed_fails_policy: {RateLimitErrorAlowedFails: 1}
  retry_policy: {RateLimitErrorAllowedFails: 1, TimeoutErrorRetries: -1}
  model_group_retry_policy: {g: {colour: 1, DefaultRetries: x}}
";
    let error = load(text).unwrap_err();
    let all: Vec<_> = error.problems().iter().map(Problem::message).collect();
    assert_eq!(
        all,
        [
            "`model_info.allowed_fails_policy.TimeoutAllowedFails` is not a class of errors",
            "`router_settings.allowed_fails_policy.RateLimitErrorAlowedFails` is not a class of errors",
            "`router_settings.retry_policy.RateLimitErrorAllowedFails` is not a class of errors",
            "`router_settings.retry_policy.TimeoutErrorRetries` must be a number of retries, 0 or more, found the number `-1`",
            "`router_settings.model_group_retry_policy.*.colour` is not a class of errors",
            "`router_settings.model_group_retry_policy.*.DefaultRetries` must be a number of retries, 0 or more, found the text `x`",
        ]
    );
    let printed = error.to_string();
    assert!(printed.contains("help: did you mean `TimeoutErrorAllowedFails`?"));
    assert!(printed.contains("help: did you mean `RateLimitErrorAllowedFails`?"));
    assert!(printed.contains("help: the classes are `BadRequestErrorRetries`, "));
}
