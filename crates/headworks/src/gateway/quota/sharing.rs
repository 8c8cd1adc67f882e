use super::Quotas;
use headworks_config::{Config, Redis, RedisNode, RedisPlace, WhenSilent};
use headworks_limit::share::{
    Alone, Keeper, KeeperParams, StoreError,
    redis::{Address, Login, RedisStore},
};
use metrics::gauge;
use parking_lot::Mutex;
use std::{io, time::Duration};
use uuid::Uuid;

/// Keeps the quotas of this process in step with those of others, if it has any to share them with.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Sharing {
    keeper: Mutex<Option<Keeper>>,
}

// ===== impl Sharing =====

impl Sharing {
    /// Begins to share, if Redis is named. That it can be reached is not waited for.
    ///
    /// # Errors
    ///
    /// If where it is cannot be understood.
    pub(in crate::gateway) fn begin(config: &Config, quotas: Quotas) -> io::Result<Self> {
        let Some(redis) = &config.redis else {
            return Ok(Self::default());
        };
        let mut params = KeeperParams::new(Uuid::new_v4().to_string().as_str())
            .alone(match config.headworks.redis.when_silent {
                WhenSilent::Share => {
                    let share = config.headworks.redis.share();
                    share.map_or(Alone::Part, Alone::Share)
                }
                WhenSilent::Open => Alone::Open,
                WhenSilent::Closed => Alone::Closed,
            })
            .on_change(tell);
        if let Some(within) = config.headworks.redis.strict_within {
            params = params.strict(within);
        }
        let store = store(redis, params.patience).map_err(io::Error::other)?;
        let keeper = Keeper::spawn(store, quotas.into_named(), params);
        Ok(Self {
            keeper: Mutex::new(Some(keeper)),
        })
    }

    /// Gives back what is held of what is shared, and shares no more.
    pub(in crate::gateway) async fn end(&self) {
        let keeper = self.keeper.lock().take();
        if let Some(keeper) = keeper {
            keeper.close().await;
        }
    }
}

/// One line for each change, and for each reason why it is silent, however long it lasts.
fn tell(state: Result<(), &StoreError>) {
    let up = gauge!("headworks_redis_up");
    match state {
        Ok(()) => {
            up.set(1.0);
            tracing::info!("limits and rests are shared over Redis");
        }
        Err(error) => {
            up.set(0.0);
            tracing::warn!(
                "Redis does not answer: {error}; until it does this instance goes by `headworks.redis.when_silent`"
            );
        }
    }
}

/// The store where the configuration says.
fn store(redis: &Redis, patience: Duration) -> Result<RedisStore, StoreError> {
    let mut login = Login::default();
    login.username.clone_from(&redis.username);
    login.password.clone_from(&redis.password);
    login.db = redis.db;
    login.tls = redis.ssl;
    match &redis.place {
        RedisPlace::Url(url) => RedisStore::new(url.expose(), patience),
        RedisPlace::Server(node) => RedisStore::server(&address(node), &login, patience),
        RedisPlace::Cluster(nodes) => RedisStore::cluster(addresses(nodes), login, patience),
        RedisPlace::Sentinel {
            nodes,
            service,
            password,
        } => {
            let mut theirs = Login::default();
            theirs.password.clone_from(password);
            theirs.tls = redis.ssl;
            RedisStore::sentinel(addresses(nodes), &theirs, service, login, patience)
        }
        _ => Err(StoreError::new(
            "this program does not know of such a place",
        )),
    }
}

fn addresses(nodes: &[RedisNode]) -> Vec<Address> {
    nodes.iter().map(address).collect()
}

fn address(RedisNode { host, port }: &RedisNode) -> Address {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Address::new(bare.unwrap_or(host), *port)
}
