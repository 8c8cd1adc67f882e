//! The embedded default: a configuration that needs no key and no server.

use headworks::config::{Error, Loaded, Loader};
use std::net::SocketAddr;

const CONFIG: &str = include_str!("demo.yaml");

/// The demo's configuration.
pub(crate) fn config() -> Result<Loaded, Error> {
    // No variable of the process has a say in what a demo does.
    Loader::new()
        .environment(|_| None)
        .parse(CONFIG, "demo.yaml")
}

/// Prints what to try.
#[expect(
    clippy::print_stdout,
    reason = "the demo speaks to a person at a terminal"
)]
pub(crate) fn invite(address: SocketAddr) {
    println!(
        r#"
Headworks demo: one model, "demo", on three simulated deployments: one slow, one flaky, one rate-limited.
Try, and look at the x-litellm-* headers to see who answered and after how many attempts:

  curl -i http://{address}/v1/chat/completions -H 'content-type: application/json' -d '{{"model":"demo","messages":[{{"role":"user","content":"Hello"}}]}}'

  curl -N http://{address}/v1/chat/completions -H 'content-type: application/json' -d '{{"model":"demo","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'

  curl http://{address}/v1/models

Ctrl-C ends it.
"#
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_three_deployments_of_one_model_and_says_nothing_to_worry_about() {
        let loaded = config().unwrap();
        assert_eq!(loaded.config.deployments.len(), 3);
        assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
    }
}
