use super::{RedisServer, until};

/// A master, a replica of it, and a Sentinel that makes one the other when it is down, of one test alone.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [RedisServer; 2],
    ports: [u16; 2],
    sentinel: RedisServer,
    port: u16,
}

// ===== impl RedisSentinel =====

impl RedisSentinel {
    /// What the Sentinel calls the master.
    pub const SERVICE: &'static str = "mymaster";

    /// Starts them, the two servers with this password if there is one, and waits until the Sentinel knows both.
    ///
    /// # Panics
    ///
    /// If that does not come about.
    pub async fn start(password: Option<&str>) -> Self {
        let args = password.map(|word| ["--requirepass", word, "--masterauth", word]);
        let args = args.as_ref().map_or(&[][..], |args| &args[..]);
        let auth = password.map(|word| ["--sentinel", "auth-pass", Self::SERVICE, word]);
        let auth = auth.as_ref().map_or(&[][..], |auth| &auth[..]);
        let (master, first) = RedisServer::start_on_port(args).await;
        let number = first.to_string();
        let sign_in = password.as_ref().map(|word| ["-a", word]);
        let sign_in = sign_in.as_ref().map_or(&[][..], |args| &args[..]);
        let of = ["--replicaof", "127.0.0.1", &number];
        let (replica, second) = RedisServer::start_on_port(&[args, &of].concat()).await;
        until("the replica has its data", || {
            let said = replica.cli(&[sign_in, &["INFO", "replication"]].concat());
            said.contains("master_link_status:up")
        })
        .await;
        let watch = [
            &["--sentinel"][..],
            &[
                "--sentinel",
                "monitor",
                Self::SERVICE,
                "127.0.0.1",
                &number,
                "1",
            ],
            &[
                "--sentinel",
                "down-after-milliseconds",
                Self::SERVICE,
                "500",
            ],
            &["--sentinel", "failover-timeout", Self::SERVICE, "2000"],
            auth,
        ];
        let (sentinel, port) = RedisServer::start_on_port(&watch.concat()).await;
        until("the Sentinel knows the replica", || {
            let known = sentinel.cli(&["SENTINEL", "REPLICAS", Self::SERVICE]);
            known.contains(&second.to_string())
        })
        .await;
        Self {
            servers: [master, replica],
            ports: [first, second],
            sentinel,
            port,
        }
    }

    /// Where the Sentinel listens.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        ("127.0.0.1".to_owned(), self.port)
    }

    /// The server that was the master first, or the other one.
    pub fn server(&mut self, number: usize) -> &mut RedisServer {
        &mut self.servers[number]
    }

    /// The Sentinel itself, to stop it or ask it.
    pub fn sentinel(&mut self) -> &mut RedisServer {
        &mut self.sentinel
    }

    /// Makes the replica the master while the master is well.
    ///
    /// # Panics
    ///
    /// If the Sentinel does not do it.
    pub async fn fail_over(&self) {
        // It may have to hear of the replica once more.
        let command = ["SENTINEL", "FAILOVER", Self::SERVICE];
        until("it agrees to", || self.sentinel.cli(&command) == "OK").await;
        self.has_failed_over().await;
    }

    /// Waits until the Sentinel names the server that was the replica.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn has_failed_over(&self) {
        let port = self.ports[1].to_string();
        until("it fails over", || {
            self.sentinel
                .cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::SERVICE])
                .contains(&port)
        })
        .await;
    }
}
