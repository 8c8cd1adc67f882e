//! Real Redis servers: one, a Cluster of them, and a master with a replica and a Sentinel.

mod cluster;
mod sentinel;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinel;

use crate::DeadPort;
use std::{
    fs::OpenOptions,
    io,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::UnixStream,
    time::{sleep, timeout},
};

/// A Redis of one test alone: `redis-server`, which must be installed, on a socket in a directory of its own. It
/// keeps nothing on disk, and is killed when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    dir: TempDir,
    args: Vec<String>,
}

/// How long it may take to come up.
const BOUND: Duration = Duration::from_secs(10);

// ===== impl RedisServer =====

impl RedisServer {
    /// Starts it, with further arguments such as `--requirepass`, and waits until it listens.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Self::spawn(dir, args);
        assert!(server.is_up().await, "it comes up");
        server
    }

    /// Starts it on a port of 127.0.0.1 as well, and tells which.
    pub async fn start_on_port(args: &[&str]) -> (Self, u16) {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self::start_on_some_port(|| args.clone()).await
    }

    /// The same with arguments that are made for each try: a port is free a moment before, and should somebody else
    /// take it by then, another is tried.
    async fn start_on_some_port(args: impl Fn() -> Vec<String>) -> (Self, u16) {
        loop {
            let dir = tempfile::tempdir().expect("a directory");
            let port = free_port();
            let args = args();
            let mut args: Vec<_> = args.iter().map(String::as_str).collect();
            let number = port.to_string();
            args.extend(["--port", &number, "--bind", "127.0.0.1"]);
            let mut server = Self::spawn(dir, &args);
            if server.is_up().await {
                return (server, port);
            }
        }
    }

    fn spawn(dir: TempDir, args: &[&str]) -> Self {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let process = spawn(&dir, &args).expect("redis-server is installed");
        Self { process, dir, args }
    }

    fn args_after(&self, name: &str) -> &str {
        let mut args = self.args.iter().skip_while(|arg| *arg != name);
        args.nth(1).expect("it was started with it")
    }

    /// What it says to a command, as `redis-cli` prints it.
    ///
    /// # Panics
    ///
    /// If it cannot be asked.
    #[must_use]
    pub fn cli(&self, command: &[&str]) -> String {
        let cli = Command::new("redis-cli")
            .arg("-s")
            .arg(self.dir.path().join(SOCKET))
            .args(command)
            .output()
            .expect("redis-cli is installed");
        assert!(cli.status.success(), "{command:?}: {cli:?}");
        String::from_utf8_lossy(&cli.stdout).trim().to_owned()
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("unix://{}", self.dir.path().join(SOCKET).display())
    }

    /// Stops it in its tracks: connections stay, and nothing is answered.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Kills it. Connections break, and new ones are refused.
    ///
    /// # Panics
    ///
    /// If it had ended by itself.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// Starts it again where it was, with nothing in it.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub async fn start_again(&mut self) {
        self.process = spawn(&self.dir, &self.args).expect("redis-server is installed");
        assert!(self.is_up().await, "it comes up");
    }

    /// Waits until it listens: false if it has ended instead.
    async fn is_up(&mut self) -> bool {
        let socket = self.dir.path().join(SOCKET);
        let up = async {
            while UnixStream::connect(&socket).await.is_err() {
                if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                    return false;
                }
                sleep(Duration::from_millis(5)).await;
            }
            true
        };
        timeout(BOUND, up).await.expect("it comes up")
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "it takes {signal}"
        );
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed by the test.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

const SOCKET: &str = "redis.sock";

fn free_port() -> u16 {
    DeadPort::new().addr().port()
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, so).await.expect(what);
}

fn spawn(dir: &TempDir, args: &[String]) -> io::Result<Child> {
    // A Sentinel wants a file to write to.
    let file = dir.path().join("redis.conf");
    OpenOptions::new().append(true).create(true).open(&file)?;
    Command::new("redis-server")
        .arg(file)
        .args(["--port", "0", "--save", "", "--appendonly", "no"])
        .args(["--unixsocket", SOCKET, "--dir"])
        .arg(dir.path())
        .args(args)
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
}
