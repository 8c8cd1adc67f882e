use std::{
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
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let process = spawn(&dir, &args).expect("redis-server is installed");
        let server = Self { process, dir, args };
        server.is_up().await;
        server
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
        self.is_up().await;
    }

    async fn is_up(&self) {
        let socket = self.dir.path().join(SOCKET);
        let up = async {
            while UnixStream::connect(&socket).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(BOUND, up).await.expect("it comes up");
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

fn spawn(dir: &TempDir, args: &[String]) -> io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no"])
        .args(["--unixsocket", SOCKET, "--dir"])
        .arg(dir.path())
        .args(args)
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
}
