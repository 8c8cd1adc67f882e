use super::*;
use std::time::Duration;

#[test]
fn where_and_how_often_addresses_are_looked_up_can_be_said() {
    let text = "\
model_list:
  - {model_name: g, litellm_params: {model: hosted_vllm/a, api_base: 'http://vllm.ns.svc:8000/v1', kubernetes_pod_discovery: true}}
  - {model_name: g, litellm_params: {model: hosted_vllm/a, api_base: 'http://other:8000/v1'}}
headworks: {dns_servers: [10.96.0.10, '127.0.0.1:5353', '[::1]:53'], dns_refresh_interval: 0.5, dns_timeout: 1}
";
    let loaded = load(text).unwrap();
    assert_eq!(notices(&loaded), [""; 0]);
    let config = loaded.config;
    let discovery = config
        .deployments
        .iter()
        .map(|d| d.kubernetes_pod_discovery);
    assert_eq!(discovery.collect::<Vec<_>>(), [true, false]);
    let servers = ["10.96.0.10:53", "127.0.0.1:5353", "[::1]:53"];
    assert_eq!(
        config.headworks.dns_servers,
        servers.map(|s| s.parse().unwrap())
    );
    assert_eq!(
        config.headworks.dns_refresh_interval,
        Duration::from_millis(500)
    );
    assert_eq!(config.headworks.dns_timeout, Duration::from_secs(1));

    let default = load(&with_model("")).unwrap().config.headworks;
    assert!(default.dns_servers.is_empty());
    assert_eq!(default.dns_refresh_interval, Duration::from_secs(5));
    assert_eq!(default.dns_timeout, Duration::from_secs(2));
}

#[test]
fn discovery_that_has_nothing_to_look_up_is_told_of() {
    let text = "\
model_list:
  - {model_name: g, litellm_params: {model: openai/a, api_base: 'http://10.0.0.1:8000/v1', kubernetes_pod_discovery: true}}
  - {model_name: g, litellm_params: {model: openai/a, api_base: 'http://[::1]:8000/v1', kubernetes_pod_discovery: true}}
  - {model_name: g, litellm_params: {model: openai/b, kubernetes_pod_discovery: true}}
  - {model_name: g, litellm_params: {model: openai/c, kubernetes_pod_discovery: false}}
";
    let told = notices(&load(text).unwrap());
    let expected = [
        "2:92: `litellm_params.kubernetes_pod_discovery` has no effect: the host of its `api_base` is an address already (and once more below)",
        "4:55: `litellm_params.kubernetes_pod_discovery` has no effect: the deployment has no `api_base` of its own",
    ];
    assert_eq!(told, expected.map(|line| format!("config.yaml:{line}")));
}

#[test]
fn what_is_no_name_server_is_refused() {
    let error = load(&with_model(
        "headworks: {dns_servers: [10.96.0.10, dns.example.com, '10.0.0.1:dns']}\n",
    ));
    let error = error.unwrap_err().to_string();
    for found in ["`dns.example.com`", "`10.0.0.1:dns`"] {
        let message = "`headworks.dns_servers` must be an IP address, or one with a port";
        assert!(error.contains(message) && error.contains(found), "{error}");
    }
}
