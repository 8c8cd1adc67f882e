use crate::{
    check, json,
    read::{Field, Section},
    report::Report,
    yaml::Scalar,
};
use headworks_core::Secret;
use serde_json::Value as Json;
use std::fmt;

/// Where instances share limits and rests, and how to sign in there.
///
/// It is named in `router_settings`, whose keys begin with `redis_`, and in `cache_kwargs` there; or in
/// `litellm_settings.cache_params`, as [`Config::redis`](crate::Config::redis) says.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where this stands: `router_settings` or `litellm_settings.cache_params`.
    pub section: &'static str,
    /// Which servers there are.
    pub place: RedisPlace,
    /// `redis_username`. Default: none, as before Redis 6.
    pub username: Option<String>,
    /// `redis_password`.
    pub password: Option<Secret>,
    /// `redis_db`. Default: 0.
    pub db: u32,
    /// `redis_ssl`. Default: false.
    pub ssl: bool,
}

/// Which servers a [`Redis`] has. Of several that are named the first of these holds, as in `LiteLLM`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RedisPlace {
    /// `redis_url`, which has all in it, perhaps a password too.
    Url(Secret),
    /// `redis_startup_nodes`: some servers of a Cluster.
    Cluster(Vec<RedisNode>),
    /// `redis_sentinel_nodes`: the master that Sentinels know.
    Sentinel {
        /// The Sentinels.
        nodes: Vec<RedisNode>,
        /// `service_name`: what they call the master.
        service: String,
        /// `sentinel_password`: what they want to be asked with.
        password: Option<Secret>,
    },
    /// `redis_host` and `redis_port`: one server.
    Server(RedisNode),
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisNode {
    /// A name or an IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// The names of one setting: in `router_settings`, and among the arguments of a client.
type Names = [&'static [&'static str]; 2];

const URL: Names = [&["redis_url"], &["url"]];
const HOST: Names = [&["redis_host"], &["host"]];
const PORT: Names = [&["redis_port"], &["port"]];
const USERNAME: Names = [&["redis_username"], &["username"]];
const PASSWORD: Names = [&["redis_password"], &["password"]];
const DB: Names = [&["redis_db"], &["db"]];
const SSL: Names = [&["redis_ssl"], &["ssl"]];
const STARTUP: Names = [
    &["redis_startup_nodes"],
    &["redis_startup_nodes", "startup_nodes"],
];
const SENTINELS: Names = [
    &["redis_sentinel_nodes", "sentinel_nodes"],
    &["sentinel_nodes"],
];
const SERVICE: Names = [&["service_name"]; 2];
const SENTINEL_PASSWORD: Names = [&["sentinel_password"]; 2];

const DEFAULT_PORT: u16 = 6379;
const A_PORT: &str = "a port, 0 to 65535";

// ===== impl Redis =====

impl Redis {
    /// Of `router_settings`, else of `litellm_settings`.
    pub(crate) fn read(
        router: &Section<'_>,
        litellm: &Section<'_>,
        report: &mut Report,
    ) -> Option<Self> {
        Self::of_router(router, report).or_else(|| Self::of_cache(litellm, report))
    }

    /// `cache_kwargs` comes before the router's own keys.
    fn of_router(section: &Section<'_>, report: &mut Report) -> Option<Self> {
        let kwargs = section.get("cache_kwargs");
        let kwargs = kwargs.and_then(|field| field.section(CACHE_KWARGS, report));
        if let Some(kwargs) = &kwargs {
            check::keys(kwargs, report);
        }
        let parts = Parts {
            section: "router_settings",
            router: Some(section),
            client: kwargs.as_ref(),
        };
        let redis = parts.read(report);
        let is_whole =
            matches!(&redis, Some(redis) if !matches!(redis.place, RedisPlace::Server(_)));
        let (host, port) = (parts.get(HOST), parts.get(PORT));
        if !is_whole
            && host.is_some() != port.is_some()
            && let Some(field) = host.or(port)
        {
            report.advise(
                field.key_mark,
                "Redis wants both `redis_host` and `redis_port`, or `redis_url`",
            );
        }
        redis
    }

    /// The Redis that answers would be kept in: nothing is kept, but `LiteLLM`'s router shares over it too.
    fn of_cache(section: &Section<'_>, report: &mut Report) -> Option<Self> {
        let cache = section.get("cache")?;
        let cache = cache.node.as_scalar().and_then(Scalar::truth);
        let field = section
            .get("cache_params")
            .filter(|_| cache == Some(true))?;
        let params = field.section(CACHE_PARAMS, report)?;
        let of = params.get("type").and_then(|field| field.text(report));
        if of.unwrap_or("redis") != "redis" {
            return None;
        }
        let parts = Parts {
            section: CACHE_PARAMS,
            router: None,
            client: Some(&params),
        };
        let redis = parts.read(report);
        if redis.is_none() {
            let message = "`cache_params` names no Redis to share limits and rests over: variables such as `REDIS_HOST` \
                           are read where they are named, as in `host: os.environ/REDIS_HOST`";
            report.advise(field.key_mark, message);
        }
        redis
    }
}

const CACHE_KWARGS: &str = "router_settings.cache_kwargs";
const CACHE_PARAMS: &str = "litellm_settings.cache_params";

/// Where the settings of one Redis stand.
struct Parts<'a> {
    section: &'static str,
    router: Option<&'a Section<'a>>,
    client: Option<&'a Section<'a>>,
}

// ===== impl Parts =====

impl<'a> Parts<'a> {
    fn get(&self, [router, client]: Names) -> Option<Field<'a>> {
        let of = |section: Option<&'a Section<'a>>, names: &[&'static str]| {
            section.and_then(|section| names.iter().find_map(|name| section.get(name)))
        };
        of(self.client, client).or_else(|| of(self.router, router))
    }

    fn text(&self, names: Names, report: &mut Report) -> Option<&'a str> {
        let field = self.get(names)?;
        let text = field.text(report)?;
        check::advise_placeholder(&field, text, report);
        Some(text)
    }

    fn read(&self, report: &mut Report) -> Option<Redis> {
        self.advise_of_two(report);
        let place = self.place(report);
        let username = self.text(USERNAME, report).map(str::to_owned);
        let password = self.text(PASSWORD, report).map(Secret::from);
        let db = self.get(DB);
        let number = db.and_then(|db| db.small(report, "the number of a database, 0 or more"));
        let number: u32 = number.unwrap_or_default();
        if let Some(db) = db
            && number > 0
            && matches!(place, Some(RedisPlace::Cluster(_)))
        {
            db.refuse(report, "0 for a Cluster", "a Cluster has no other database");
        }
        let ssl = self.get(SSL).and_then(|ssl| ssl.truth(report));
        Some(Redis {
            section: self.section,
            place: place?,
            username,
            password,
            db: number,
            ssl: ssl.unwrap_or(false),
        })
    }

    /// Everything is read, whether it holds or not, so that nothing wrong stays unseen.
    fn place(&self, report: &mut Report) -> Option<RedisPlace> {
        let url = self.text(URL, report).map(Secret::from);
        let cluster = self.get(STARTUP).map(|field| nodes(&field, report));
        let sentinels = self.get(SENTINELS);
        let nodes = sentinels.map(|field| nodes(&field, report));
        let service = self.text(SERVICE, report).map(str::to_owned);
        let password = self.text(SENTINEL_PASSWORD, report).map(Secret::from);
        let host = self.text(HOST, report).map(str::to_owned);
        let port = self.get(PORT).and_then(|port| port.small(report, A_PORT));
        if let Some(field) = sentinels
            && service.is_none()
        {
            let message = format!("`{}` want a `service_name`", field.path());
            let help = "it is what the Sentinels call the master, often `mymaster`";
            report.problem(field.key_mark, message, help);
        }
        if let Some(url) = url {
            Some(RedisPlace::Url(url))
        } else if let Some(nodes) = cluster {
            Some(RedisPlace::Cluster(nodes?))
        } else if let Some(nodes) = nodes {
            Some(RedisPlace::Sentinel {
                nodes: nodes?,
                service: service?,
                password,
            })
        } else {
            Some(RedisPlace::Server(RedisNode {
                host: host?,
                port: port.unwrap_or(DEFAULT_PORT),
            }))
        }
    }

    /// Of several places the first is used, which may not be the one that was meant.
    fn advise_of_two(&self, report: &mut Report) {
        let named = [URL, STARTUP, SENTINELS, HOST].map(|names| self.get(names));
        let mut named = named.into_iter().flatten();
        let Some(first) = named.next() else {
            return;
        };
        for other in named {
            let message = format!("`{}` has no effect beside `{}`", other.path(), first.path());
            report.advise(other.key_mark, message);
        }
    }
}

/// `[{host: …, port: …}]` as a Cluster's nodes are written, or `[[host, port]]` as Sentinels are; or the same as JSON
/// in a text, which is how variables hold it.
fn nodes(field: &Field<'_>, report: &mut Report) -> Option<Vec<RedisNode>> {
    let written = match field.node.as_scalar() {
        Some(scalar) => serde_json::from_str(scalar.text()).ok(),
        None => Some(json::of(field.node)),
    };
    let nodes: Option<Vec<_>> = written
        .as_ref()
        .and_then(Json::as_array)
        .and_then(|nodes| nodes.iter().map(RedisNode::read).collect());
    let nodes = nodes.filter(|nodes| !nodes.is_empty());
    if nodes.is_none() {
        let help = "write `[{host: redis-1, port: 6379}]`";
        field.refuse(report, "a list of servers, each with host and port", help);
    }
    nodes
}

// ===== impl RedisNode =====

impl RedisNode {
    fn read(node: &Json) -> Option<Self> {
        let [host, port] = match node {
            Json::Object(node) => [node.get("host")?, node.get("port")?],
            Json::Array(node) => node.iter().collect::<Vec<_>>().try_into().ok()?,
            _ => return None,
        };
        let port = match port {
            Json::String(port) => port.parse().ok()?,
            port => u16::try_from(port.as_u64()?).ok()?,
        };
        let host = host.as_str().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { host, port })
    }
}

impl fmt::Display for RedisNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') && !host.starts_with('[') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}
