use super::Quotas;
use headworks_config::{Config, Redis, WhenSilent};
use headworks_limit::share::{Alone, Keeper, KeeperParams, StoreError, redis::RedisStore};
use metrics::gauge;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::io;
use uuid::Uuid;

/// Keeps the quotas of this process in step with those of others, if it has any to share them with.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Sharing {
    #[expect(dead_code, reason = "it is its end that matters")]
    keeper: Option<Keeper>,
}

// ===== impl Sharing =====

impl Sharing {
    /// Begins to share, if Redis is named. That it can be reached is not waited for.
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood.
    pub(in crate::gateway) fn begin(config: &Config, quotas: Quotas) -> io::Result<Self> {
        let Some(redis) = &config.router.redis else {
            return Ok(Self::default());
        };
        let params = KeeperParams::new(Uuid::new_v4().to_string().as_str())
            .alone(match config.headworks.redis.when_silent {
                WhenSilent::Share => Alone::Share(config.headworks.redis.share()),
                WhenSilent::Open => Alone::Open,
                WhenSilent::Closed => Alone::Closed,
            })
            .on_change(tell);
        let store = RedisStore::new(&url(redis), params.patience).map_err(io::Error::other)?;
        let keeper = Keeper::spawn(store, quotas.into_named(), params);
        Ok(Self {
            keeper: Some(keeper),
        })
    }
}

/// One line for each change, however long it lasts.
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

/// Where Redis is: as it was written, or from its parts.
pub(super) fn url(redis: &Redis) -> String {
    if let Some(url) = &redis.url {
        return url.expose().to_owned();
    }
    let scheme = if redis.ssl { "rediss" } else { "redis" };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let user = match (&redis.username, &redis.password) {
        (None, None) => String::new(),
        (user, password) => {
            let user = user.as_deref().map(encoded).unwrap_or_default();
            let password = password.as_ref().map(|secret| encoded(secret.expose()));
            format!("{user}:{}@", password.unwrap_or_default())
        }
    };
    let host = redis.host.as_deref().unwrap_or_default();
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    let port = redis.port.unwrap_or(DEFAULT_PORT);
    let db = redis.db.map_or(String::new(), |db| format!("/{db}"));
    format!("{scheme}://{user}{host}:{port}{db}")
}

const DEFAULT_PORT: u16 = 6379;

#[cfg(test)]
mod tests {
    use super::*;
    use headworks_core::Secret;

    #[test]
    fn a_url_is_made_of_its_parts() {
        let parts = |host: &str| Redis {
            host: Some(host.to_owned()),
            ..Redis::default()
        };
        assert_eq!(url(&parts("localhost")), "redis://localhost:6379");
        assert_eq!(url(&parts("::1")), "redis://[::1]:6379");
        let mut all = parts("redis.example.com");
        all.port = Some(1992);
        all.username = Some("a b".to_owned());
        all.password = Some(Secret::from("p@ss/word"));
        all.db = Some(3);
        all.ssl = true;
        assert_eq!(
            url(&all),
            "rediss://a%20b:p%40ss%2Fword@redis.example.com:1992/3"
        );
        all.url = Some(Secret::from("redis://elsewhere"));
        assert_eq!(url(&all), "redis://elsewhere");
    }
}
