use super::KINDS;
use headworks_config::{
    Config, Deployment, Limits, LimitsBy, Minute, Redis, RedisNode, RedisPlace, WhenSilent,
};
use std::{fmt, time::Duration};

/// What the limits of a configuration are for, and who counts them.
///
/// Of its own, `Display` says it in a line:
///
/// ```
/// use headworks::{Gateway, config::Config};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), headworks::BoxError> {
/// let config = r#"
/// model_list:
///   - { model_name: gpt-4o, litellm_params: { model: simulated/a, rpm: 60 } }
/// headworks: { limits: enforce }
/// "#;
/// let gateway = Gateway::new(&Config::parse(config, "config.yaml")?.config)?;
/// let limits = gateway.limits().ok_or("a limit")?;
/// assert!(limits.are_kept());
/// assert_eq!(
///     limits.to_string(),
///     "limits: enforced, as headworks.limits says; counted by this instance alone"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitPlan {
    limits: Limits,
    by: LimitsBy,
    minute: Minute,
    /// How many deployments have a limit on requests or tokens.
    limited: usize,
    deployments: usize,
    shared: Option<Shared>,
}

/// With whom limits are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shared {
    /// Where Redis is, without what it is for nobody to read.
    place: String,
    /// Where that is said.
    section: &'static str,
    when_silent: WhenSilent,
    replicas: u32,
    strict_within: Option<Duration>,
}

// ===== impl LimitPlan =====

impl LimitPlan {
    /// That of a configuration; `None` where nothing is limited and nothing is shared.
    pub(in crate::gateway) fn new(config: &Config) -> Option<Self> {
        let (limits, by) = config.limits();
        let is_limited =
            |one: &&Deployment| KINDS.iter().any(|(_, _, _, limit)| limit(one).is_some());
        let limited = config.deployments.iter().filter(is_limited).count();
        let shared = config.redis.as_ref().map(|redis| Shared {
            place: place(redis),
            section: redis.section,
            when_silent: config.headworks.redis.when_silent,
            replicas: config.headworks.redis.replicas(),
            strict_within: config.headworks.redis.strict_within,
        });
        let is_any = limited > 0 || limits == Limits::Learn || shared.is_some();
        is_any.then_some(Self {
            limits,
            by,
            minute: config.headworks.minute,
            limited,
            deployments: config.deployments.len(),
            shared,
        })
    }

    /// True if a request that goes beyond a limit is sent elsewhere, or refused; false if limits are weights, if
    /// there are any.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        match self.limits {
            Limits::Learn => true,
            Limits::Enforce => self.limited > 0,
            Limits::Weigh => false,
        }
    }

    /// True if other instances count with this one.
    #[must_use]
    pub const fn are_shared(&self) -> bool {
        self.shared.is_some()
    }
}

impl fmt::Display for LimitPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            limited,
            deployments,
            ..
        } = *self;
        f.write_str("limits: ")?;
        match (self.limits, self.by) {
            (Limits::Learn, _) => f.write_str(
                "enforced, and learned from providers where none is set, as headworks.limits says",
            )?,
            _ if limited == 0 => f.write_str("none on requests or tokens")?,
            (Limits::Enforce, by) => {
                let by = match by {
                    LimitsBy::Strategy(strategy) => strategy.as_str(),
                    LimitsBy::Check => "enforce_model_rate_limits",
                    _ => "headworks.limits",
                };
                write!(f, "enforced, as {by} says")?;
                if limited < deployments {
                    write!(f, ", for {limited} of {deployments} deployments")?;
                }
            }
            (Limits::Weigh, LimitsBy::Strategy(strategy)) => write!(
                f,
                "weights only, because {} keeps none by itself; to keep them write `headworks.limits: enforce`",
                strategy.as_str()
            )?,
            (Limits::Weigh, _) => f.write_str("weights only, as headworks.limits says")?,
        }
        if self.are_kept() && self.minute == Minute::Fixed {
            f.write_str(
                "; by the minutes on the clock, around whose edges twice a limit may go through",
            )?;
        }
        match &self.shared {
            None if self.are_kept() => f.write_str("; counted by this instance alone"),
            None => Ok(()),
            Some(shared) => shared.say(f, self.are_kept()),
        }
    }
}

// ===== impl Shared =====

impl Shared {
    fn say(&self, f: &mut fmt::Formatter<'_>, kept: bool) -> fmt::Result {
        let what = if kept {
            "shared"
        } else {
            "rests and requests at a time are shared"
        };
        write!(f, "; {what} over {}, as {} says", self.place, self.section)?;
        if let Some(within) = self.strict_within {
            write!(
                f,
                ", which is asked for each request and waited for {within:?} at most"
            )?;
        }
        match self.when_silent {
            WhenSilent::Share => {
                let replicas = self.replicas;
                write!(
                    f,
                    ", and while it is silent each instance keeps to 1/{replicas}"
                )
            }
            WhenSilent::Open => f.write_str(", and while it is silent each instance counts alone"),
            WhenSilent::Closed => {
                f.write_str(", and while it is silent nothing that is limited is admitted")
            }
        }
    }
}

/// Where Redis is, without names and passwords.
fn place(redis: &Redis) -> String {
    let db = match redis.db {
        0 => String::new(),
        db => format!("/{db}"),
    };
    match &redis.place {
        RedisPlace::Url(url) => format!("Redis at {}", stripped(url.expose())),
        RedisPlace::Server(node) => format!("Redis at {node}{db}"),
        RedisPlace::Cluster(nodes) => format!("the Redis Cluster of {}", listed(nodes)),
        RedisPlace::Sentinel { nodes, service, .. } => {
            let nodes = listed(nodes);
            format!("the Redis that the Sentinels at {nodes} call {service}{db}")
        }
        _ => "Redis".to_owned(),
    }
}

fn listed(nodes: &[RedisNode]) -> String {
    let nodes: Vec<_> = nodes.iter().map(ToString::to_string).collect();
    nodes.join(", ")
}

/// What of a URL is no secret.
fn stripped(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // What follows may hold a password too.
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit('@').next().unwrap_or_default();
    match rest.split_once('/').unwrap_or((rest, "")) {
        // A socket of this machine.
        ("", path) => format!("/{path}"),
        (host, "") => host.to_owned(),
        (host, database) => format!("{host}/{database}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(params: &str, rest: &str) -> Option<String> {
        let text = format!(
            "model_list:\n\
             - {{model_name: m, litellm_params: {{model: openai/a, api_key: a{params}}}}}\n\
             - {{model_name: m, litellm_params: {{model: openai/b, api_key: b}}}}\n\
             {rest}"
        );
        let config = Config::parse(&text, "config.yaml").unwrap().config;
        LimitPlan::new(&config).map(|limits| limits.to_string())
    }

    #[test]
    fn what_decides_is_named_and_what_to_write_instead() {
        for (rest, line) in [
            (
                "",
                "weights only, because simple-shuffle keeps none by itself; to keep them write \
                 `headworks.limits: enforce`",
            ),
            (
                "headworks: {limits: weigh}",
                "weights only, as headworks.limits says",
            ),
            (
                "headworks: {limits: enforce}",
                "enforced, as headworks.limits says, for 1 of 2 deployments; counted by this instance alone",
            ),
            (
                "headworks: {limits: enforce, minute: fixed}",
                "enforced, as headworks.limits says, for 1 of 2 deployments; by the minutes on the clock, around \
                 whose edges twice a limit may go through; counted by this instance alone",
            ),
            (
                "headworks: {limits: learn}",
                "enforced, and learned from providers where none is set, as headworks.limits says; counted by this \
                 instance alone",
            ),
            (
                "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}",
                "enforced, as enforce_model_rate_limits says, for 1 of 2 deployments; counted by this instance alone",
            ),
            (
                "router_settings: {routing_strategy: usage-based-routing-v2}",
                "enforced, as usage-based-routing-v2 says, for 1 of 2 deployments; counted by this instance alone",
            ),
        ] {
            let said = said(", rpm: 3", rest).unwrap();
            assert_eq!(said.strip_prefix("limits: "), Some(line), "{rest}");
        }
        assert_eq!(said("", "headworks: {limits: enforce}"), None);
    }

    #[test]
    fn where_it_is_shared_is_told_and_no_password() {
        let redis =
            "redis_host: redis.example.com, redis_port: 1992, redis_password: secret, redis_db: 2";
        let kept = |settings: &str, own: &str| {
            let rest =
                format!("router_settings: {{{settings}}}\nheadworks: {{limits: enforce{own}}}");
            said(", tpm: 9", &rest).unwrap()
        };
        let line = kept(redis, "");
        assert!(
            line.ends_with(
                "deployments; shared over Redis at redis.example.com:1992/2, as router_settings says, and while \
                 it is silent each instance keeps to 1/2"
            ),
            "{line}"
        );
        let url = "redis_url: \"rediss://user:secret@redis.example.com?pass=secret\"";
        let line = kept(url, ", redis: {when_silent: open}");
        assert!(
            line.ends_with(
                "shared over Redis at redis.example.com, as router_settings says, and while it is silent each \
                 instance counts alone"
            ),
            "{line}"
        );
        let line = kept(redis, ", redis: {strict_within: 0.02}");
        assert!(
            line.contains("says, which is asked for each request and waited for 20ms at most, and")
        );
        let line = said("", &format!("router_settings: {{{redis}}}")).unwrap();
        assert!(
            line.starts_with(
                "limits: none on requests or tokens; rests and requests at a time are shared over Redis"
            ),
            "{line}"
        );
        assert!(!line.contains("secret"), "{line}");
        for (settings, place) in [
            (
                "redis_startup_nodes: [[a, 1], [b, 2]]",
                "the Redis Cluster of a:1, b:2",
            ),
            (
                "redis_sentinel_nodes: [[a, 1]], service_name: m, sentinel_password: secret, redis_db: 3",
                "the Redis that the Sentinels at a:1 call m/3",
            ),
        ] {
            let line = kept(settings, "");
            let shared = format!("; shared over {place}, as router_settings says, and while");
            assert!(line.contains(&shared), "{line}");
            assert!(!line.contains("secret"), "{line}");
        }
        let cache =
            "litellm_settings: {cache: true, cache_params: {host: a, port: 7, password: secret}}";
        let line = said("", cache).unwrap();
        let shared = "over Redis at a:7, as litellm_settings.cache_params says, and while";
        assert!(line.contains(shared), "{line}");
    }
}
