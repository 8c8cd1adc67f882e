//! `LiteLLM`'s `config.yaml`: typed, checked, explained.
//!
//! A file goes in; typed settings come out, with a list of [`Notice`]s for what has no effect here yet, or an
//! [`Error`] with every [`Problem`] there is, each with file, line, column, what was found and what is
//! accepted. Where `LiteLLM` shrugs (a variable that is not set becomes null, a fallback that points nowhere
//! is found out when it is needed, a misspelt key does nothing) this crate speaks up before the first request.
//!
//! It differs from its neighbour, `headworks-provider`, in that it knows what is written and not what is
//! reachable: whether `azrue/gpt-4o` names a provider is for that crate to say, with the
//! [`Deployment::at`] it finds here and [`Problem::new`].
//!
//! # Where it belongs in the stack
//!
//! Above it. No layer depends on this crate; whoever assembles the stack converts a [`Config`] into the small
//! parameter types of the layers.
//!
//! # Example
//!
//! ```
//! use headworks_config::{Config, RoutingStrategy};
//! use std::time::Duration;
//!
//! let loaded = Config::parse(
//!     r#"
//! model_list:
//!   - model_name: gpt-4o
//!     litellm_params:
//!       model: azure/gpt-4o-paris
//!       api_base: https://paris.example.com
//!       rpm: 600
//!       order: 1
//!       max_budget: 20000
//!
//! router_settings:
//!   routing_strategy: least-busy
//!   model_group_alias: {"gpt-4": "gpt-4o"}
//!   timeout: 30
//! "#,
//!     "config.yaml",
//! )?;
//!
//! let config = loaded.config;
//! assert_eq!(config.deployments[0].model, "azure/gpt-4o-paris");
//! assert_eq!(config.deployments[0].rpm, Some(600));
//! assert_eq!(config.router.routing_strategy, RoutingStrategy::LeastBusy);
//! assert_eq!(config.timeout(), Duration::from_secs(30));
//! assert_eq!(config.num_retries(), 2);
//! let cooldown = config.cooldown(&config.deployments[0]);
//! assert_eq!(cooldown.time, Some(Duration::from_secs(5)));
//!
//! // What has no effect yet is said, not swallowed.
//! assert_eq!(
//!     loaded.notices[0].to_string(),
//!     "config.yaml:9:7: `litellm_params.max_budget` is not honoured yet: nothing is limited",
//! );
//! # Ok::<(), headworks_config::Error>(())
//! ```
//!
//! # What is read how
//!
//! - YAML as `PyYAML` reads it: `yes` is true, `010` is 8, anchors and `<<` work. A key that stands twice is
//!   refused (`PyYAML` takes the last).
//! - `os.environ/NAME` anywhere a value stands, also in lists; numbers may be given as text, so
//!   `timeout: os.environ/TIMEOUT` works.
//! - `include` joins lists and replaces other values, as `LiteLLM` does.
//! - Where two sections may say the same, [`Config`] has a method that tells what holds.
//! - [`KEYS`] is the table of all keys.
//!
//! # Secrets
//!
//! Keys and passwords are [`Secret`](headworks_core::Secret)s. Messages show lines of the file with only those
//! values left in that belong to a key known to hold no secret, without comments; nothing that came from a
//! variable is shown.

mod affinity;
mod alias;
mod check;
mod classes;
mod config;
mod cooldown;
mod deployment;
mod environment;
mod fallback;
mod general;
mod health;
mod id;
mod json;
mod keys;
mod limits;
mod litellm;
mod load;
mod location;
mod model_info;
mod names;
mod notice;
mod own;
mod problem;
mod read;
mod redis;
mod report;
mod retry;
mod router;
mod simulated;
mod source;
mod visible;
mod yaml;

pub use affinity::{Affinity, GroupAffinity};
pub use alias::Alias;
pub use config::{Config, Loaded};
pub use cooldown::{AllowedFailsPolicy, Cooldown};
pub use deployment::Deployment;
pub use fallback::{Fallback, FallbackSettings, Fallbacks};
pub use general::GeneralSettings;
pub use health::HealthCheckSettings;
pub use keys::{KEYS, Key, Status};
pub use limits::{Limits, LimitsBy, Minute, Sharing, WhenSilent};
pub use litellm::LitellmSettings;
pub use load::Loader;
pub use location::Location;
pub use model_info::ModelInfo;
pub use notice::{Notice, NoticeKind};
pub use own::{
    Commit, GroupCommit, HealthCheck, HttpVersion, OwnSettings, QueueSettings, RetryBudget,
    TlsRoots, WhenAllRest,
};
pub use problem::{Error, Problem};
pub use redis::{Redis, RedisNode, RedisPlace};
pub use retry::{GroupRetryPolicy, RetryPolicy};
pub use router::{RouterSettings, RoutingStrategy};
pub use simulated::Simulated;

/// A value as a message shows it: in backquotes, harmless on a terminal, cut where it gets long.
fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut quoted: String = text
        .chars()
        .take(LONGEST)
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}
