use headworks_core::Secret;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult};
use std::{fmt, str::FromStr};

/// Where a server listens: `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How to sign in to a server, wherever it is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Login {
    /// The user. Default: none, as before Redis 6.
    pub username: Option<String>,
    /// The password. Default: none.
    pub password: Option<Secret>,
    /// The number of the database. A Cluster has none but 0, which is the default.
    pub db: u32,
    /// TLS, with the roots that the program is built with. Default: false.
    pub tls: bool,
}

// ===== impl Address =====

impl Address {
    /// At this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

impl FromStr for Address {
    type Err = ();

    /// Reads `host:port`; an IPv6 address may stand in brackets, or without, as Redis writes it.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        Ok(Self::new(
            bare.unwrap_or(host),
            port.parse().map_err(|_| ())?,
        ))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

// ===== impl Login =====

impl Login {
    /// This address, as a message names it.
    pub(super) fn place(&self, address: &Address) -> String {
        let how = if self.tls { " over TLS" } else { "" };
        format!("{address}{how}")
    }

    /// What is needed to connect to this address.
    pub(super) fn at(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        let (host, port) = (address.host.clone(), address.port);
        let addr = match self.tls {
            true => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: None,
            },
            false => ConnectionAddr::Tcp(host, port),
        };
        let mut login = RedisConnectionInfo::default().set_db(self.db.into());
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password.expose());
        }
        Ok(addr.into_connection_info()?.set_redis_settings(login))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_redis_writes_it() {
        let read = |text: &str| text.parse::<Address>();
        assert_eq!(read("redis-1:7001"), Ok(Address::new("redis-1", 7001)));
        assert_eq!(read("::1:7001"), Ok(Address::new("::1", 7001)));
        assert_eq!(read("[::1]:7001"), Ok(Address::new("::1", 7001)));
        assert_eq!(read(":7001"), Ok(Address::new("", 7001)), "where one is");
        assert_eq!(read("redis-1"), Err(()));
        assert_eq!(read("redis-1:x"), Err(()));
        assert_eq!(Address::new("::1", 1).to_string(), "[::1]:1");
    }
}
