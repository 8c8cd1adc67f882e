use super::*;
use headworks_config::{
    Commit, HealthCheck, HealthCheckSettings, HttpVersion, OwnSettings, QueueSettings, RetryBudget,
    TlsRoots, WhenAllRest,
};
use serde_json::json;
use std::time::Duration;

const WHOLE: &str = r#"
environment_variables:
  REGION_HOST: https://paris.example.com
  BASE: os.environ/REGION_HOST
model_list:
  - model_name: gpt-4o
    tpm: 90000
    litellm_params:
      model: azure/gpt-4o
      custom_llm_provider: azure
      api_base: os.environ/BASE
      api_key: os.environ/AZURE_KEY
      api_version: 2024-10-21
      organization: org-1
      rpm: "600"
      weight: 2.5
      order: 1
      max_parallel_requests: 8
      timeout: os.environ/TIMEOUT
      stream_timeout: 0.5
      num_retries: 3
      cooldown_time: 7
      tags: [eu, os.environ/TAG]
      region_name: eu
      mock_response: hello
      input_cost_per_token: 1e-6
      output_cost_per_token: 0.00001
      extra_headers: {X-Team: blue, X-Number: 7}
      simulated: {latency_ms: 20, jitter_ms: 1.5, first_token_ms: 5, tokens_per_second: 50,
                  answer_tokens: 64, error_rate: 0.1, errors: {429: 0.25, 503: 0}, rpm: 60,
                  cut_rate: 0.01, seed: 7}
    model_info:
      id: paris
      mode: chat
      base_model: gpt-4o
      max_input_tokens: 128_000
      max_output_tokens: 16384
      max_tokens: 144384
      rpm: 1
      supports_vision: yes
      owner: {team: blue, on_call: [a, 1]}
"#;

fn whole() -> headworks_config::Config {
    let variables = &[
        ("AZURE_KEY", "sk-canary"),
        ("TIMEOUT", "30"),
        ("TAG", "gold"),
        ("BASE", "https://the-file-comes-first.example.com"),
    ];
    let loaded = load_with(WHOLE, variables);
    loaded.unwrap_or_else(|error| panic!("{error}")).config
}

#[test]
fn every_setting_of_a_deployment_is_read() {
    let config = whole();
    let deployment = &config.deployments[0];
    assert_eq!(deployment.id.as_str(), "paris");
    assert_eq!(deployment.group.as_str(), "gpt-4o");
    assert_eq!(deployment.model, "azure/gpt-4o");
    assert_eq!(deployment.custom_llm_provider.as_deref(), Some("azure"));
    assert_eq!(
        deployment.api_base.as_deref(),
        Some("https://paris.example.com")
    );
    assert_eq!(deployment.api_key.as_ref().unwrap().expose(), "sk-canary");
    assert_eq!(deployment.api_version.as_deref(), Some("2024-10-21"));
    assert_eq!(deployment.organization.as_deref(), Some("org-1"));
    assert_eq!((deployment.rpm, deployment.tpm), (Some(600), Some(90_000)));
    assert_eq!((deployment.weight, deployment.order), (Some(2.5), Some(1)));
    assert_eq!(deployment.max_parallel_requests, Some(8));
    assert_eq!(deployment.timeout, Some(Duration::from_secs(30)));
    assert_eq!(deployment.stream_timeout, Some(Duration::from_millis(500)));
    assert_eq!(deployment.num_retries, Some(3));
    assert_eq!(deployment.cooldown_time, Some(Duration::from_secs(7)));
    assert_eq!(deployment.tags, ["eu", "gold"]);
    assert_eq!(deployment.region_name.as_deref(), Some("eu"));
    assert_eq!(deployment.mock_response, Some(json!("hello")));
    assert_eq!(deployment.input_cost_per_token, Some(1e-6));
    assert_eq!(deployment.output_cost_per_token, Some(1e-5));
    assert_eq!(deployment.extra_headers["x-team"], "blue");
    assert_eq!(deployment.extra_headers["x-number"], "7");
    assert_eq!(deployment.at.to_string(), "config.yaml:9:14");
}

#[test]
fn a_simulated_deployment_is_described_by_its_own_key() {
    let config = whole();
    let simulated = config.deployments[0].simulated.as_ref().unwrap();
    assert_eq!(simulated.latency, Some(Duration::from_millis(20)));
    assert_eq!(simulated.jitter, Some(Duration::from_micros(1500)));
    assert_eq!(simulated.first_token, Some(Duration::from_millis(5)));
    assert_eq!(simulated.tokens_per_second, Some(50.0));
    assert_eq!(simulated.answer_tokens, Some(64));
    assert_eq!(simulated.errors, [(500, 0.1), (429, 0.25)]);
    assert_eq!(simulated.rpm, Some(60));
    assert_eq!(simulated.cut_rate, Some(0.01));
    assert_eq!(simulated.seed, Some(7));
}

#[test]
fn what_is_known_of_a_deployment_is_kept_whole() {
    let config = whole();
    let info = &config.deployments[0].info;
    assert_eq!(info.mode.as_deref(), Some("chat"));
    assert_eq!(info.base_model.as_deref(), Some("gpt-4o"));
    assert_eq!(info.max_input_tokens, Some(128_000));
    assert_eq!(info.max_output_tokens, Some(16_384));
    assert_eq!(info.max_tokens, Some(144_384));
    assert_eq!(
        serde_json::Value::Object(info.rest.clone()),
        json!({
            "rpm": 1,
            "supports_vision": true,
            "owner": {"team": "blue", "on_call": ["a", 1]},
        })
    );
}

#[test]
fn variables_of_the_file_are_kept_for_whoever_asks_later() {
    let config = whole();
    let base = config.environment_variable("BASE").unwrap();
    assert_eq!(base.expose(), "https://paris.example.com");
    assert!(config.environment_variable("AZURE_KEY").is_none());
}

#[test]
fn rpm_is_looked_for_in_three_places() {
    for (text, rpm) in [
        ("{rpm: 1}, rpm: 2, model_info: {rpm: 3}", 1),
        ("{}, rpm: 2, model_info: {rpm: 3}", 2),
        ("{}, model_info: {rpm: 3}", 3),
    ] {
        let text = text.replacen('{', "{model: openai/g, ", 1);
        let text = format!("model_list: [{{model_name: g, litellm_params: {text}}}]");
        assert_eq!(load(&text).unwrap().config.deployments[0].rpm, Some(rpm));
    }
}

#[test]
fn the_router_comes_before_litellm_and_only_a_missing_number_of_retries_falls_through() {
    let config = |router: &str, litellm: &str| {
        let rest = format!("router_settings: {{{router}}}\nlitellm_settings: {{{litellm}}}\n");
        load(&with_model(&rest)).unwrap().config
    };
    let default = config("", "");
    assert_eq!(default.num_retries(), 2);
    assert_eq!(default.timeout(), Duration::from_secs(6000));
    assert_eq!(default.stream_timeout(), Duration::from_secs(6000));

    let both = config(
        "num_retries: 0, timeout: 9",
        "num_retries: 1, request_timeout: 8",
    );
    assert_eq!(both.num_retries(), 0);
    assert_eq!(both.timeout(), Duration::from_secs(9));

    let zero = config(
        "timeout: 0, stream_timeout: 3",
        "num_retries: 1, request_timeout: 8",
    );
    assert_eq!(zero.num_retries(), 1);
    assert_eq!(zero.timeout(), Duration::from_secs(8));
    assert_eq!(zero.stream_timeout(), Duration::from_secs(3));
}

#[test]
fn our_own_settings_have_their_own_section() {
    let config = load(&with_model("")).unwrap().config;
    assert_eq!(config.headworks, OwnSettings::default());
    assert_eq!(config.max_request_size(), 100 * 1024 * 1024);
    let text = "\
general_settings: {max_request_size_mb: 0.5}
headworks:
  {total_timeout: 120, connect_timeout: 0.5, upstream_http: 2, tls_roots: native, pool_idle_timeout: 4,
   ttft_timeout: 1.5, stream_idle_timeout: 30, headers_timeout: 4, commit: complete,
   retry_budget: {share: 0.2, floor_per_minute: 5}, queue: {wait: 2.5, max: 7}, when_all_rest: least_bad,
   longest_hint: 90.5}
";
    let config = load(&with_model(text)).unwrap().config;
    assert_eq!(config.max_request_size(), 512 * 1024);
    assert_eq!(
        config.headworks,
        OwnSettings {
            total_timeout: Some(Duration::from_secs(120)),
            connect_timeout: Duration::from_millis(500),
            upstream_http: HttpVersion::Http2,
            tls_roots: TlsRoots::Native,
            pool_idle_timeout: Duration::from_secs(4),
            ttft_timeout: Some(Duration::from_millis(1500)),
            headers_timeout: Some(Duration::from_secs(4)),
            stream_idle_timeout: Duration::from_secs(30),
            stream_keepalive: None,
            commit: Commit::Complete,
            health_check: HealthCheck::Models,
            model_group_commit: Vec::new(),
            retry_budget: Some(RetryBudget {
                share: 0.2,
                floor_per_minute: 5,
            }),
            queue: Some(QueueSettings {
                wait: Duration::from_millis(2500),
                max: 7,
            }),
            when_all_rest: WhenAllRest::LeastBad,
            longest_hint: Duration::from_millis(90_500),
            ..OwnSettings::default()
        }
    );
    let text = with_model(
        "headworks: {commit: first_token, retry_budget: {share: 1}, queue: {wait: 1}}\n",
    );
    let own = load(&text).unwrap().config.headworks;
    assert_eq!(own.commit, Commit::FirstToken);
    assert_eq!(own.retry_budget.unwrap().floor_per_minute, 60);
    assert_eq!(own.queue.unwrap().max, 1000);
    assert_eq!(own.when_all_rest, WhenAllRest::Refuse);
    assert_eq!(own.longest_hint, Duration::from_secs(3600));
}

#[test]
fn a_check_by_completion_is_described_by_its_model_its_bound_and_its_voice() {
    let info = |info: &str| {
        let text = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/a}}, model_info: {{{info}}}}}]"
        );
        load(&text).unwrap().config.deployments[0].info.clone()
    };
    let plain = info("");
    assert_eq!(plain.health_check_max_tokens(), None);
    assert!(!plain.health_check_without_max_tokens && !plain.supports_reasoning);
    let by_kind = "health_check_max_tokens_reasoning: 64, health_check_max_tokens_non_reasoning: 2";
    assert_eq!(info(by_kind).health_check_max_tokens(), Some(2));
    let reasoning = format!("supports_reasoning: true, {by_kind}");
    assert_eq!(info(&reasoning).health_check_max_tokens(), Some(64));
    let all = format!("health_check_max_tokens: 5, {reasoning}");
    assert_eq!(info(&all).health_check_max_tokens(), Some(5));
    let other = info("health_check_supports_max_tokens: false, health_check_voice: onyx");
    assert!(other.health_check_without_max_tokens);
    assert_eq!(other.health_check_voice.as_deref(), Some("onyx"));
    let own = |own: &str| load(&with_model(&format!("headworks: {{{own}}}")));
    let default = own("").unwrap().config.headworks.health_check;
    assert_eq!(default, HealthCheck::Models);
    let asked = own("health_check: completion").unwrap();
    assert_eq!(asked.config.headworks.health_check, HealthCheck::Completion);
    assert!(own("health_check: chat").is_err());
}

#[test]
fn health_checks_are_described_in_general_and_of_a_deployment_in_its_info() {
    let none = load(&with_model("")).unwrap().config;
    assert_eq!(none.health_checks, HealthCheckSettings::default());
    let info = &none.deployments[0].info;
    assert_eq!(info.health_check_timeout(), Duration::from_secs(60));
    assert!(!info.disable_background_health_check && info.health_check_model.is_none());

    let text = "\
model_list:
  - model_name: g
    litellm_params: {model: openai/*}
    model_info: {disable_background_health_check: yes, health_check_timeout: 2.5, health_check_model: openai/g}
general_settings: {background_health_checks: true, health_check_interval: 30, health_check_concurrency: 4,
                   enable_health_check_routing: true, health_check_ignore_transient_errors: true}
";
    let config = load(text).unwrap().config;
    assert_eq!(
        config.health_checks,
        HealthCheckSettings {
            background: true,
            interval: Duration::from_secs(30),
            concurrency: Some(4),
            routing: true,
            staleness_threshold: Duration::from_secs(60),
            ignore_transient_errors: true,
        }
    );
    let info = &config.deployments[0].info;
    assert!(info.disable_background_health_check);
    assert_eq!(info.health_check_timeout(), Duration::from_millis(2500));
    assert_eq!(info.health_check_model.as_deref(), Some("openai/g"));
    assert_eq!(
        info.rest["health_check_timeout"],
        json!(2.5),
        "and is shown"
    );
}

#[test]
fn what_is_not_said_of_health_checks_in_general_is_looked_for_at_the_router() {
    let text = with_model(
        "general_settings: {health_check_concurrency: 0, enable_health_check_routing: false}
router_settings: {enable_health_check_routing: true, health_check_staleness_threshold: 7}
",
    );
    let checks = load(&text).unwrap().config.health_checks;
    assert_eq!(checks.concurrency, None);
    assert!(!checks.routing);
    assert_eq!(checks.staleness_threshold, Duration::from_secs(7));
}

#[test]
fn how_deployments_are_chosen_is_read_from_the_router() {
    let router = |settings: &str| {
        let text = with_model(&format!("router_settings: {{{settings}}}\n"));
        let loaded = load(&text).unwrap();
        assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
        loaded.config.router
    };
    let default = router("");
    assert!(!default.enable_tag_filtering && default.tag_filtering_match_any);
    assert!(!default.enable_pre_call_checks);
    let router = router("enable_tag_filtering: true, tag_filtering_match_any: false");
    assert!(router.enable_tag_filtering && !router.tag_filtering_match_any);
}

#[test]
fn requests_at_a_time_are_the_deployments_else_the_routers_and_are_not_derived_from_rpm() {
    let limit = |params: &str, router: &str| {
        let text = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/g, rpm: 2{params}}}}}]\n\
             router_settings: {{{router}}}\n"
        );
        let loaded = load(&text).unwrap();
        assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
        let config = loaded.config;
        config.max_parallel_requests(&config.deployments[0])
    };
    let default = "default_max_parallel_requests: 9";
    assert_eq!(limit("", ""), None);
    assert_eq!(limit("", default), Some(9));
    assert_eq!(limit(", max_parallel_requests: 3", default), Some(3));
    assert_eq!(limit(", max_parallel_requests: 0", default), None);
}

#[test]
fn order_is_looked_for_in_two_places() {
    for (params, info, order) in [(", order: -1", "order: 2", -1), ("", "order: 2", 2)] {
        let text = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/g{params}}}, \
             model_info: {{{info}}}}}]"
        );
        let loaded = load(&text).unwrap();
        assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
        assert_eq!(loaded.config.deployments[0].order, Some(order));
    }
}

#[test]
fn a_master_key_may_come_from_the_environment_alone() {
    let key = |text: &str| {
        let variables = &[("LITELLM_MASTER_KEY", "sk-8d1f0b6a2c9e4475")];
        let config = load_with(&with_model(text), variables).unwrap().config;
        config.general.master_key.unwrap().expose().to_owned()
    };
    assert_eq!(key(""), "sk-8d1f0b6a2c9e4475");
    assert_eq!(
        key("general_settings: {master_key: sk-from-the-file-itself}"),
        "sk-from-the-file-itself"
    );
    assert!(
        load(&with_model(""))
            .unwrap()
            .config
            .general
            .master_key
            .is_none()
    );
}

#[test]
fn anchors_and_merge_keys_save_repetition() {
    let text = "\
x-azure: &azure {api_base: https://paris.example.com, api_key: k, rpm: 6}
model_list:
  - model_name: a
    litellm_params: {<<: *azure, model: azure/a}
  - model_name: b
    litellm_params: {model: azure/b, <<: *azure, rpm: 12}
";
    let loaded = load(text).unwrap();
    assert!(loaded.notices.is_empty());
    let rpm = |index: usize| loaded.config.deployments[index].rpm;
    assert_eq!((rpm(0), rpm(1)), (Some(6), Some(12)));
}

#[test]
fn null_and_empty_values_are_as_good_as_absent() {
    let text = "\
model_list:
  - model_name: g
    litellm_params: {model: openai/g, api_base: null, api_key: '', rpm: ~, order: }
    model_info:
router_settings:
general_settings: {master_key: }
";
    let loaded = load(text).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", notices(&loaded));
    let deployment = &loaded.config.deployments[0];
    assert!(deployment.api_base.is_none() && deployment.api_key.is_none());
}

#[test]
fn a_variable_is_found_wherever_it_stands_and_missing_ones_are_told_of_once_each() {
    let text = "\
environment_variables: {A: os.environ/NOWHERE}
model_list:
  - model_name: g
    litellm_params: {model: os.environ/MODEL, tags: [x, os.environ/TAG], rpm: os.environ/RPM}
router_settings: {redis_password: os.environ/, timeout: os.environ/NOT-A-NAME}
";
    let error = load_with(text, &[("RPM", "many")]).unwrap_err();
    let messages: Vec<_> = error
        .problems()
        .iter()
        .map(headworks_config::Problem::message)
        .collect();
    assert_eq!(
        messages,
        [
            "`environment_variables.A` wants the environment variable `NOWHERE`, which is not set",
            "`model_list[0].litellm_params.model` wants the environment variable `MODEL`, which is not set",
            "`model_list[0].litellm_params.tags[1]` wants the environment variable `TAG`, which is not set",
            "`litellm_params.rpm` must be a whole number, 0 or more, found the value of the variable `RPM`",
            "`router_settings.redis_password` wants a variable, and what follows `os.environ/` is not the name of one: letters, digits, underscores",
            "`router_settings.timeout` wants a variable, and what follows `os.environ/` is not the name of one: letters, digits, underscores",
        ]
    );
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_do_not_move_columns() {
    let text = with_model("router_settings: {timeout: x}\n").replace('\n', "\r\n");
    let error = load(&format!("\u{feff}{text}")).unwrap_err();
    let at = error.problems()[0].location().unwrap();
    assert_eq!((at.line(), at.column()), (2, 28));
    assert!(load(&format!("\u{feff}{}", with_model(""))).is_ok());
}

#[test]
fn streams_are_asked_for_their_usage_where_that_is_said_or_tokens_decide() {
    for (settings, asks) in [
        ("", false),
        (
            "router_settings: {routing_strategy: usage-based-routing-v2}",
            true,
        ),
        (
            "router_settings: {routing_strategy: latency-based-routing}",
            false,
        ),
        (
            "general_settings: {always_include_stream_usage: true}",
            true,
        ),
        (
            "router_settings: {routing_strategy: usage-based-routing}\n\
             general_settings: {always_include_stream_usage: false}",
            false,
        ),
    ] {
        let config = load(&with_model(&format!("{settings}\n"))).unwrap().config;
        assert_eq!(config.asks_stream_usage(), asks, "{settings}");
    }
    for (limit, settings, asks) in [
        ("tpm", "limits: enforce", true),
        ("itpm", "limits: enforce", true),
        ("rpm", "limits: enforce", false),
        ("tpm", "limits: weigh", false),
    ] {
        let text = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/a, {limit}: 9}}}}]\n\
             headworks: {{{settings}}}\n"
        );
        let config = load(&text).unwrap().config;
        assert_eq!(config.asks_stream_usage(), asks, "{limit} {settings}");
    }
}
