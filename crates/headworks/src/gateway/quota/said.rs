use super::KINDS;
use headworks_config::{
    Config, Deployment, Limits, LimitsBy, Minute, Redis, RedisNode, RedisPlace, WhenSilent,
};
use std::{fmt, time::Duration};
use url::Url;

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
    replicas: Option<u32>,
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
            replicas: config.headworks.redis.replicas,
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
                f.write_str(", and while it is silent each instance keeps to ")?;
                match self.replicas {
                    Some(replicas) => write!(f, "1/{replicas}"),
                    None => f.write_str(
                        "its part of as many as it has told of, 1/2 before it has told of any",
                    ),
                }
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
        RedisPlace::Url(url) => match stripped(url.expose()) {
            Some(place) => format!("Redis at {place}"),
            None => "Redis".to_owned(),
        },
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

/// What of a URL is no secret: where it leads. `None` where that cannot be told from what may be one.
///
/// It is read as the client of Redis reads it. Behind a password in which a `/`, `?` or `#` stands as it is, the rest
/// of it is taken for what follows the host; but then so is the `@` behind it.
fn stripped(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let behind = [Some(url.path()), url.query(), url.fragment()];
    if behind.into_iter().flatten().any(|part| part.contains('@')) {
        return None;
    }
    if matches!(url.scheme(), "unix" | "redis+unix") {
        return Some(url.path().to_owned());
    }
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}"));
    let db = url.path().strip_prefix('/');
    let db = db.and_then(|db| db.parse::<u64>().ok());
    let db = db.map(|db| format!("/{db}"));
    Some(
        [Some(host.to_owned()), port, db]
            .into_iter()
            .flatten()
            .collect(),
    )
}

#[cfg(test)]
mod tests;
