use super::*;
use headworks_config::{Limits, LimitsBy, Minute, Sharing, WhenSilent};
use std::time::Duration;

fn config(settings: &str) -> headworks_config::Config {
    load(&with_model(settings)).unwrap().config
}

#[test]
fn limits_are_kept_by_strategies_that_look_at_them_by_a_check_or_when_asked_for() {
    for (settings, kept) in [
        ("", false),
        ("router_settings: {routing_strategy: least-busy}\n", false),
        (
            "router_settings: {routing_strategy: usage-based-routing-v2}\n",
            true,
        ),
        (
            "router_settings: {routing_strategy: usage-based-routing}\n",
            true,
        ),
        (
            "router_settings: {routing_strategy: latency-based-routing}\n",
            true,
        ),
        (
            "router_settings: {routing_strategy: cost-based-routing}\n",
            true,
        ),
        (
            "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}\n",
            true,
        ),
        ("headworks: {limits: enforce}\n", true),
        ("headworks: {limits: learn}\n", true),
        (
            "router_settings: {routing_strategy: usage-based-routing}\nheadworks: {limits: weigh}\n",
            false,
        ),
    ] {
        assert_eq!(config(settings).keeps_limits(), kept, "{settings}");
    }
    let asked = "routing_strategy: usage-based-routing, optional_pre_call_checks: [enforce_model_rate_limits]";
    let both = config(&format!("router_settings: {{{asked}}}\n"));
    assert_eq!(both.limits(), (Limits::Enforce, LimitsBy::Check));
    let text =
        with_model("router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}\n");
    assert!(notices(&load(&text).unwrap()).is_empty());
}

#[test]
fn every_limit_of_a_deployment_is_read() {
    let text = "\
model_list:
  - model_name: g
    litellm_params:
      model: openai/a
      rpm: 1
      tpm: 2
      itpm: 3
      otpm: 4
      rpd: 5
      tpd: 6
      daily_reset_time: \"07:30\"
    model_info: {quota_group: account}
";
    let config = load(text).unwrap().config;
    let one = &config.deployments[0];
    let limits = [one.rpm, one.tpm, one.itpm, one.otpm, one.rpd, one.tpd];
    assert_eq!(limits, [1, 2, 3, 4, 5, 6].map(Some));
    assert_eq!(
        one.daily_reset_time,
        Duration::from_secs(7 * 3600 + 30 * 60)
    );
    assert_eq!(one.info.quota_group.as_deref(), Some("account"));
}

#[test]
fn what_is_no_time_of_day_is_refused() {
    for time in ["24:00", "7:30", "07:60", "noon", "0730"] {
        let text = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: m/g, daily_reset_time: \"{time}\"}}}}]"
        );
        let error = load(&text).unwrap_err().to_string();
        assert!(error.contains("a time of day"), "{time}: {error}");
    }
}

#[test]
fn how_instances_share_can_be_said() {
    let settings = "\
router_settings: {redis_url: \"rediss://:canary@redis.example.com/3\"}
headworks: {limits: enforce, minute: fixed, redis: {replicas: 4, when_silent: closed, strict_within: 0.02}}
";
    let config = config(settings);
    assert_eq!(config.headworks.limits, Some(Limits::Enforce));
    assert_eq!(config.headworks.minute, Minute::Fixed);
    assert_eq!(config.headworks.redis.when_silent, WhenSilent::Closed);
    assert_eq!(config.headworks.redis.share(), Some(0.25));
    let within = config.headworks.redis.strict_within;
    assert_eq!(within, Some(std::time::Duration::from_millis(20)));
    assert!(!format!("{config:?}").contains("canary"));
    assert_eq!(Sharing::default().share(), None, "as many as there are");
    let wrong = "headworks: {limits: maybe, minute: short, redis: {replicas: 0, when_silent: never, strict_within: 20}}\n";
    let error = load(&with_model(wrong)).unwrap_err().to_string();
    for message in [
        "`weigh`, `enforce` or `learn`",
        "`sliding` or `fixed`",
        "1 or more",
        "`share`, `open` or `closed`",
        "0.001 to 1",
    ] {
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_check_that_is_no_list_is_one_problem() {
    let text =
        with_model("router_settings: {optional_pre_call_checks: enforce_model_rate_limits}\n");
    let error = load(&text).unwrap_err().to_string();
    assert_eq!(error.matches("must be a list").count(), 1, "{error}");
}
